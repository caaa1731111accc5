// What is drawn of a tree. A small one is drawn node by node; of a big one, what was pruned is folded to a count beside its
// siblings, and solutions are gathered by their answers, in a last column. Pure.
import { sampleCount } from "./run_state.js";

export const FOLD_FROM = { along: 32, down: 8 };        // the budget from which a tree is folded; down: on a narrow screen

export const fades = ({ status }) => status === "pruned" || status === "rollout";

// The items to draw of nodes (run_state.js), in an order in which parents come first. An item is { id (its place), key,
// parent, children, depth, status, members (ids of the nodes that it stands for), copies (how many samples these stand for),
// answer (of a solution that is drawn in its place), links: place among `answers` -> number of solutions }. The status of a fold is "folded", or "unfolded" when
// its members are drawn beside it; `pruned` says which of the two kinds it is.
// `fold`: whether anything is folded. best: Set of ids that are always drawn. opened: Set of keys of folds. slots: how many
// answers have a place of their own. settled: the run is over, the most frequent answer comes first; before, the first met.
// subtrees: how many children of the problem make each of those that stand apart.
// Returns { items, answers: [{ key, answer (a key of the state; null: several together), members, copies, kinds }], subtrees }.
export function drawnTree(nodes, { fold, best, opened, slots, settled, subtrees }) {
  if (!fold) return { items: everyNode(nodes), answers: [], subtrees };
  const answers = answerGroups(nodes, { best, opened, slots, settled });
  const placeOf = new Map(answers.flatMap(({ members }, place) => members.map((id) => [id, place])));
  const { solutions, leadsTo } = whereTo(nodes, placeOf);
  const items = [], sizes = [];

  // Which of a node's children stand for themselves, and which are folded.
  function drawChildren(node, children, item) {
    const bundles = new Map(), open = [], pruned = [];
    for (const child of children) {
      if (placeOf.has(child.id)) link(item, placeOf.get(child.id), child.copies);
      else if (fades(drawnStatus(child)) && !best.has(child.id) && !solutions[child.id]) pruned.push(child);
      else if (leadsTo[child.id] === undefined) open.push(child);
      else bundles.set(leadsTo[child.id], [...(bundles.get(leadsTo[child.id]) ?? []), child]);
    }
    for (const place of [...bundles.keys()].sort((a, b) => a - b)) {
      const bundle = bundles.get(place), lead = bundle.find(({ id }) => best.has(id)) ?? bundle[0];
      draw(lead, item);
      foldSiblings(`${node.id}=${answers[place].key}`, bundle.filter((child) => child !== lead), item, place);
    }
    for (const child of open) draw(child, item);
    foldSiblings(`${node.id}-`, pruned, item, null);
  }

  // `place` is that of the answer that all of them lead to; null where they were pruned.
  function foldSiblings(key, siblings, item, place) {
    if (siblings.length < 2) return siblings.forEach((child) => draw(child, item));
    const unfolded = opened.has(key);
    const made = newItem(items, key, item, item.depth + 1, unfolded ? "unfolded" : "folded", siblings);
    made.pruned = place === null;
    if (unfolded) siblings.forEach((child) => draw(child, item));
    else if (place !== null) link(made, place, siblings.reduce((sum, { id }) => sum + solutions[id], 0));
  }

  function draw(node, parent) {
    const item = newItem(items, node.id, parent, node.depth, drawnStatus(node).status, [node]);
    if (node.parent || !subtrees.length) return drawChildren(node, node.children, item);
    let end = 0;
    for (const size of subtrees) {
      const before = item.children.length;
      drawChildren(node, node.children.slice(end, end += size), item);
      sizes.push(item.children.length - before);
    }
  }

  draw(nodes[0], null);
  return { items, answers, subtrees: sizes };
}

function newItem(items, key, parent, depth, status, nodes) {
  const members = nodes.map(({ id }) => id), copies = sampleCount(nodes);
  const item = { id: items.length, key, parent, children: [], depth, status, members, copies, answer: undefined, links: new Map() };
  items.push(item);
  parent?.children.push(item);
  return item;
}

function link(item, place, count) {
  item.links.set(place, (item.links.get(place) ?? 0) + count);
}

function everyNode(nodes) {
  const items = [];
  for (const node of nodes) {
    const item = newItem(items, node.id, items[node.parent?.id] ?? null, node.depth, drawnStatus(node).status, [node]);
    item.answer = endOf(node);
  }
  return items;
}

// Steps that were only looked ahead are that, whatever else became of them.
function drawnStatus({ kind, status }) {
  return { status: kind === "rollout" ? "rollout" : status };
}

// The answer that a node ends with: a solution that is revised ends nothing any more.
function endOf({ answer, children }) {
  return children.length ? undefined : answer;
}

// The solutions by their answers. Those that have no place of their own share the last one; the answer of the best path
// always has one.
function answerGroups(nodes, { best, opened, slots, settled }) {
  const byAnswer = new Map();
  for (const node of nodes) {
    const answer = endOf(node);
    if (answer !== undefined) byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), node]);
  }
  const groups = [...byAnswer].map(([answer, ends]) => (
    { key: `=${answer}`, answer, members: ends.map(({ id }) => id), copies: sampleCount(ends), kinds: 1 }
  ));
  if (settled) groups.sort((a, b) => b.copies - a.copies);
  const others = "=others";
  if (groups.length <= slots || opened.has(others)) return groups;
  const leads = ({ members }) => members.some((id) => best.has(id));
  const own = groups.slice(0, slots - 1), lead = groups.slice(slots - 1).find(leads);
  if (lead) own[slots - 2] = lead;
  const rest = groups.filter((group) => !own.includes(group));
  const members = rest.flatMap((group) => group.members), copies = sampleCount(rest);
  return [...own, { key: others, answer: null, members, copies, kinds: rest.length }];
}

// By id: how many solutions end at or below a node, and the place of the answer that an unbranched chain from it leads to.
function whereTo(nodes, placeOf) {
  const solutions = [], leadsTo = [];
  for (const { id, copies, children } of nodes.toReversed()) {
    solutions[id] = placeOf.has(id) ? copies : children.reduce((sum, child) => sum + solutions[child.id], 0);
    leadsTo[id] = placeOf.get(id) ?? (children.length === 1 ? leadsTo[children[0].id] : undefined);
  }
  return { solutions, leadsTo };
}

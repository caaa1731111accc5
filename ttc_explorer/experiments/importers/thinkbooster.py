"""Cached trees of IINemo/thinkbooster's debugger: for each question several strategies, each as
events with candidates and what was decided about them."""

from __future__ import annotations

from ttc_explorer.experiments.importers.field_access import (
    as_count,
    as_dict,
    as_list,
    as_name,
    as_number,
    as_text,
)
from ttc_explorer.experiments.importers.imported_tree import TreeImport
from ttc_explorer.experiments.importers.importer import Imported, importer
from ttc_explorer.experiments.importers.source_document import Row, SourceDocument
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.grading import Grader
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings

STRATEGIES = {
    "baseline": "greedy",
    "self_consistency": "best_of_n",
    "offline_best_of_n": "best_of_n",
    "online_best_of_n": "beam",
    "beam_search": "beam",
}
"""By what a run is called there: the strategy of ours that spends its budget alike."""


@importer(
    "thinkbooster",
    title="ThinkBooster's cached trees",
    detects=("examples.title", "examples.payloads"),
)
def thinkbooster(document: SourceDocument) -> Imported:
    """A tree for every example, budget and strategy."""
    found = Imported()
    with Grader() as grader:
        for _, example in document.rows(as_dict(document.content)["examples"], "Example"):
            for payload in map(as_dict, as_dict(example["payloads"]).values()):
                scenario = as_dict(payload["scenario"])
                for strategy in map(as_dict, as_list(payload["strategies"])):
                    found.runs.append(_search(scenario, strategy, grader))
    return found


def _search(scenario: Row, strategy: Row, grader: Grader) -> Run:
    """One run as a tree. Without ids of beams, a step follows the one selected before it."""
    run = as_dict(strategy["run"])
    events = [as_dict(event) for event in as_list(run["events"])]
    scorer = _scorer(run)
    name = as_text(strategy["strategy_id"])
    grown = TreeImport(
        grader,
        text=as_text(scenario["prompt"]).partition("Question:")[2].strip()
        or as_text(scenario["prompt"]),
        reference=as_text(scenario["ground_truth"]),
        model=as_text(run["model_id"]),
        verifier=scorer,
        strategy=STRATEGIES.get(name, "beam"),
        budget=as_count(run["budget"]),
        settings=Settings(merge=False, selector="best" if scorer else "majority", aggregate="mean"),
        source=f"ThinkBooster, {as_text(strategy['name'])}",
    )
    parallel = grown.run.strategy == "best_of_n"  # every chain is a solution, wherever it ends
    going_on = {
        as_name(candidate["parent_beam_uid"])
        for event in events
        for candidate in map(as_dict, as_list(event["candidates"]))
        if candidate.get("parent_beam_uid") is not None
    }
    node_of: dict[str | int, int] = {}
    texts: dict[int, str] = {0: ""}
    before = 0
    for number, event in enumerate(events):
        last = number == len(events) - 1
        nodes, scores, kept = [], [], []
        selected = before
        for candidate in map(as_dict, as_list(event["candidates"])):
            uid, above = candidate.get("beam_uid"), candidate.get("parent_beam_uid")
            if uid is None:
                parent = before
                goes_on = not last and candidate["status"] == "selected"
            else:
                parent = node_of.get(as_name(above), 0) if above is not None else 0
                goes_on = as_name(uid) in going_on
            text = as_text(candidate["text"])
            whole = f"{texts[parent]}\n{text}"
            answer = None if goes_on else read_answer(whole)
            finished = not goes_on and (answer is not None or last or parallel)
            node = grown.add(parent, text, finished=finished, answer=answer)
            texts[node] = whole
            if uid is not None:
                node_of[as_name(uid)] = node
            nodes.append(node)
            signal = as_dict(candidate.get("signals") or {}).get(scorer or "")
            scores.append(None if signal is None else as_number(signal))
            if goes_on:
                kept.append(node)
            if candidate["status"] == "selected":
                selected = node
        grown.judge(nodes, scores)
        grown.mark(kept, set(nodes) - set(kept))
        before = selected
    return grown.finish(
        "drawn from its candidates; what it kept is what it went on from.",
        as_count(run["tokens_used"]),
    )


def _scorer(run: Row) -> str | None:
    """The verifier that judged the steps; agreement of answers is none."""
    scorer = run.get("scorer")
    label = scorer.get("id") if isinstance(scorer, dict) else scorer
    return label if isinstance(label, str) and label != "consensus" else None

"""The live search tree in a real browser, on a page that holds nothing else and replays scripted
runs."""

import json
import re
from itertools import pairwise
from types import SimpleNamespace

import gradio as gr
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TIMEOUT_MS
from tests.e2e.scripted_runs import scripted_run_states
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.voting import winning_vote
from ttc_explorer.ui.run_viewer.stream import RunStream
from ttc_explorer.ui.run_viewer.viewer_component import run_viewer
from ttc_explorer.ui.theme import launch_options

SIZES = [(1440, 900), (1280, 720), (390, 844)]
SHAPES = {
    "beam": 16,
    "best_of_n": 64,
    "greedy": 1,
    "lookahead": 8,
    "dvts": 16,
    "mcts": 8,
    "hybrid": 16,
}
HOSTILE = (
    "<img src=x onerror=window.harmed=1>",
    "<script>window.harmed=1</script>",
    "${window.harmed=1}",
    "{{value}} {{#each value}}x{{/each}}",
    "`;window.harmed=1;`",
    "شكرا 17 😀 e\u0301",
    "\u202e71\ttab\nnew line",
)


def replay(name):
    """The run, and what the tree is told at each of its stages."""
    states = scripted_run_states(name, SHAPES[name])
    run = next(states)
    stream = RunStream(name, run)
    frames = [stream.update(), *(stream.update() for _ in states)]
    vote = winning_vote(run.tree, "weighted", "last")
    return SimpleNamespace(
        tree=run.tree, correct=run.correct, frames=frames, best=run.tree.path(vote.leaf)
    )


def hostile():
    """A run in which everything that a model or a visitor writes is an attack."""
    run = Run(Problem(HOSTILE[0]), "base", "prm", "best_of_n", 8, 0, Settings())
    for text in HOSTILE:
        run.tree.add(run.tree.add(0, text), text, finished=True, answer=text)
    run.error = HOSTILE[1]
    return SimpleNamespace(tree=run.tree, frames=[RunStream(HOSTILE[0], run).update()])


LATEX = (
    r"So $\frac{1}{2}$ and \boxed{x^2}",
    r"\href{javascript:window.harmed=1}{17} and \includegraphics{x.png}",
    r"It costs $5 and $7, \frac{1",
    "## Plan\n- **Add** `a*b` to <img src=x onerror=window.harmed=1>\n- *then* $x^2$",
)


def foreign():
    """A run of a model that writes LaTeX, some of it an attack."""
    run = Run(Problem("x?"), "base", "prm", "best_of_n", 8, 0, Settings())
    for text in LATEX:
        run.tree.add(0, text)
    return SimpleNamespace(tree=run.tree, frames=[RunStream("latex", run).update()])


@pytest.fixture(scope="module")
def runs():
    scripted = {name: replay(name) for name in SHAPES}
    return scripted | {"hostile": hostile(), "latex": foreign()}


@pytest.fixture(scope="module")
def stage(runs):
    """The address of a page whose tree shows stage s of run r when told «r s»."""

    def show(wish):
        name, frame = wish.split()
        return runs[name].frames[int(frame)]

    with gr.Blocks() as page:
        wish = gr.Textbox(label="Show")
        tree = run_viewer("tree", ("tree", "inspector"))
        wish.submit(show, wish, tree, show_progress="hidden")
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    page.close()


@pytest.fixture
def page(chromium, stage):
    """The page without motion, so that everything is at once where it belongs. Nothing may fail or
    leave."""
    asked, broken = [], []
    expect.set_options(timeout=TIMEOUT_MS)
    page = chromium.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on(
        "console", lambda message: broken.append(message.text) if message.type == "error" else None
    )
    page.goto(f"{stage}?__theme=light")
    page.get_by_text("The search tree grows here.").wait_for()
    yield page
    page.close()
    assert [url for url in asked if not url.startswith((stage, "data:", "blob:"))] == []
    assert broken == []


def show(page, runs, name, frame=-1):
    """Show a stage of a run, and wait until the tree says how it stands."""
    page.get_by_label("Show").fill(f"{name} {frame}")
    page.get_by_label("Show").press("Enter")
    text = runs[name].frames[frame]
    page.wait_for_function(
        "said => document.querySelector('.standing').textContent === said", arg=said(text)
    )


def said(text):
    snapshots = [json.loads(line)[1] for line in text.splitlines() if line.startswith('["snap')]
    return [snapshot["status"]["text"] for snapshot in snapshots if "status" in snapshot][-1]


def node(page, number):
    return page.locator(f'#tree [data-id="{number}"]')


def expect_picked(page, number):
    """The node whose details stand beside the tree."""
    expect(page.locator("#tree article")).to_have_attribute("data-node", str(number))


def camera(page):
    return page.locator("#tree .surface svg").evaluate(
        "svg => svg.style.transform + svg.querySelector('.view').getAttribute('transform')"
    )


def boxes(page, selector):
    """[left, top, right, bottom] on screen of every visible element."""
    return page.eval_on_selector_all(
        selector,
        """elements => elements.map(e => e.getBoundingClientRect()).filter(r => r.width)
            .map(r => [r.left, r.top, r.right, r.bottom])""",
    )


def overlap(a, b, slack=1.0):
    return min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack


@pytest.mark.parametrize("size", SIZES)
def test_everything_is_in_view_and_no_answer_covers_another(page, runs, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for name in SHAPES:
        show(page, runs, name)
        left, top, right, bottom = canvas = boxes(page, ".tree-view .surface")[0]
        assert not any(
            overlap(strip, canvas) for strip in boxes(page, ".tree-view header, .tree-view footer")
        )
        for mark in boxes(page, "#tree .node .dot, #tree .node .box"):
            assert left - 1 <= mark[0] < mark[2] <= right + 1
            assert top - 1 <= mark[1] < mark[3] <= bottom + 1
        answers = boxes(page, "#tree .node .box")
        assert answers
        assert not [(a, b) for i, a in enumerate(answers) for b in answers[:i] if overlap(a, b)]


def test_steps_looked_ahead_are_ghosts_beside_the_search(page, runs):
    show(page, runs, "lookahead")
    tree = runs["lookahead"].tree
    ghosts = [n for n in range(len(tree)) if tree.kind[n] == "rollout"]
    expect(page.locator("#tree .node.rollout")).to_have_count(len(ghosts))
    expect(page.locator("#tree .node.rollout .box")).to_have_count(0)
    expect(node(page, ghosts[0])).to_have_attribute("aria-label", re.compile("looked ahead"))
    node(page, ghosts[0]).locator(".dot").click()
    expect_picked(page, ghosts[0])
    show(page, runs, "beam")
    expect(page.locator("#tree .key.rollout")).to_be_hidden()


def test_subtrees_stand_apart(page, runs):
    show(page, runs, "dvts")
    tops = [node(page, n).locator(".dot").bounding_box() for n in runs["dvts"].tree.children(0)]
    middles = [box["y"] + box["height"] / 2 for box in tops]
    spans = [(min(middles[i : i + 4]), max(middles[i : i + 4])) for i in range(0, 16, 4)]
    assert all(
        low > high for (_, high), (low, _) in pairwise(spans)
    )  # each subtree is a bunch of its own
    within = max(b - a for i in range(0, 16, 4) for a, b in pairwise(sorted(middles[i : i + 4])))
    assert all(low - high > within for (_, high), (low, _) in pairwise(spans))


def test_visits_are_written_on_the_nodes(page, runs):
    show(page, runs, "mcts")
    tree = runs["mcts"].tree
    busy = max(range(1, len(tree)), key=lambda n: (tree.visits[n] or 0) * (tree.kind[n] == "step"))
    expect(node(page, busy).locator(".visits")).to_have_text(str(tree.visits[busy]))
    expect(node(page, busy)).to_have_attribute(
        "aria-label", re.compile(f"{tree.visits[busy]} visits, value")
    )


def test_a_revised_answer_is_no_end_any_more(page, runs):
    show(page, runs, "hybrid")
    tree = runs["hybrid"].tree
    revised = {tree.parent[n] for n in range(len(tree)) if tree.kind[n] == "revision"}
    expect(page.locator("#tree .node.revised")).to_have_count(len(revised))
    for number in revised:
        expect(node(page, number).locator(".box")).to_have_count(0)
        expect(node(page, number)).to_have_attribute(
            "aria-label", re.compile(f"answer {tree.answer[number]}")
        )


@pytest.mark.parametrize("size", [SIZES[0], SIZES[2]])
def test_grows_away_from_the_problem(page, runs, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    show(page, runs, "greedy")
    path = [node(page, n).locator(".dot").bounding_box() for n in range(3)]
    way = "x" if size[0] > 560 else "y"
    assert path[0][way] < path[1][way] < path[2][way]


def test_a_big_tree_has_its_answers_in_a_last_column(page, runs):
    show(page, runs, "best_of_n")
    tree = runs["best_of_n"].tree
    answers = [answer for answer in tree.answer if answer is not None]
    boxes_shown = page.locator("#tree .node.leaf")
    assert 2 < boxes_shown.count() < len(set(answers))
    totals = [int(count[1:]) for count in page.locator("#tree .label.count").all_text_contents()]
    singles = boxes_shown.count() - len(totals)
    assert sum(totals) + singles == len(answers)
    count = answers.count("17")
    group = page.get_by_role("treeitem", name=re.compile(f"^Answer 17, {count} solutions, mean"))
    expect(group).to_contain_text(f"17✓×{count}")
    expect(group).to_have_attribute("aria-label", re.compile(r"\bright\b"))
    expect(page.get_by_role("treeitem", name=re.compile("^Answer 22,"))).to_contain_text("✗")


def test_a_fold_opens_by_press_and_by_key_and_closes_again(page, runs):
    show(page, runs, "best_of_n")
    shown = page.locator("#tree [data-id]")
    before = shown.count()
    fold = page.get_by_role("treeitem", name=re.compile("more solutions with answer 17,"))
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.locator(".box").click()
    expect(fold).to_have_attribute("aria-expanded", "true")
    assert shown.count() > before
    page.get_by_role("tree").focus()
    page.keyboard.press("Enter")
    expect(shown).to_have_count(before)
    expect(fold).to_have_attribute("aria-expanded", "false")


def test_steps_and_answers_are_found_lit_and_walked_through(page, runs):
    show(page, runs, "best_of_n")
    tree = runs["best_of_n"].tree
    found = [n for n, answer in enumerate(tree.answer) if answer == "22"]
    page.get_by_role("tree").focus()
    page.keyboard.press("/")
    page.get_by_label("Find in the tree", exact=True).last.fill("answer: 22")
    said = page.locator("#tree .find-bar output")
    expect(said).to_have_text(str(len(found)))
    lit = page.locator("#tree .node.match")
    expect(lit).not_to_have_count(0)
    for place, number in enumerate(found):
        page.keyboard.press("Enter")
        expect(said).to_have_text(f"{place + 1} of {len(found)}")
        expect_picked(page, number)
    page.keyboard.press("Shift+Enter")
    expect_picked(page, found[-2])
    page.keyboard.press("Escape")
    expect(lit).to_have_count(0)
    expect(page.get_by_role("tree")).to_be_focused()


def test_enter_leads_to_the_inspector_and_escape_back(page, runs):
    show(page, runs, "beam")
    page.get_by_role("tree").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#tree .viewer-inspector")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("tree")).to_be_focused()


def test_who_comes_nearer_reads_the_steps_and_sees_where_in_the_tree(page, runs):
    show(page, runs, "dvts")
    little_map = page.locator("#tree .minimap")
    expect(little_map).to_be_hidden()
    page.get_by_role("tree").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    for _ in range(8):
        page.keyboard.press("+")
    expect(little_map).to_be_visible()
    step = runs["dvts"].best[0]
    expect(page.locator("#tree .captions")).to_contain_text("3x")
    page.keyboard.press("f")
    expect(little_map).to_be_hidden()
    expect_picked(page, step)


def test_a_full_screen_is_the_tree_and_its_inspector_in_larger_type(page, runs):
    show(page, runs, "beam")
    before = node(page, 1).locator(".dot").bounding_box()["width"]
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement?.matches('.run-viewer')")
    expect(page.locator("#tree .inspector h2")).to_have_css("font-size", "26px")
    assert node(page, 1).locator(".dot").bounding_box()["width"] > before
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("!document.fullscreenElement")


def test_what_is_there_stays_while_it_grows(page, runs):
    show(page, runs, "beam", 4)
    node(page, 1).locator(".dot").click()
    expect_picked(page, 1)
    page.get_by_role("button", name="Zoom in").click()
    before, first = camera(page), node(page, 1).element_handle()
    for frame in (6, 8, -1):
        show(page, runs, "beam", frame)
        assert camera(page) == before
        assert first.evaluate("e => e.isConnected && e.getAttribute('aria-selected')") == "true"
    page.get_by_role("button", name="Fit the tree").click()
    assert camera(page) != before


def test_another_run_is_another_tree(page, runs):
    show(page, runs, "beam")
    node(page, 1).locator(".dot").click()
    page.get_by_role("button", name="Zoom in").click()
    show(page, runs, "greedy")
    expect(page.locator("#tree [aria-selected=true]")).to_have_count(0)
    expect(page.get_by_role("treeitem", name="The problem")).to_be_visible()
    assert len(boxes(page, "#tree .node .dot")) == len(runs["greedy"].tree)


def test_dragging_moves_the_tree_and_picks_nothing(page, runs):
    show(page, runs, "beam")
    before = camera(page)
    dot = node(page, 1).locator(".dot").bounding_box()
    page.mouse.move(dot["x"] + 5, dot["y"] + 5)
    page.mouse.down()
    page.mouse.move(dot["x"] + 60, dot["y"] + 40, steps=4)
    page.mouse.up()
    assert camera(page) != before
    expect(page.locator("#tree [aria-selected=true]")).to_have_count(0)


def test_all_can_be_done_with_keys(page, runs):
    show(page, runs, "beam")
    tree = page.get_by_role("tree")
    tree.focus()
    page.keyboard.press("Home")
    expect_picked(page, 0)
    for step in runs["beam"].best:
        page.keyboard.press("ArrowRight")
        expect_picked(page, step)
        active = tree.get_attribute("aria-activedescendant")
        expect(page.locator(f"[id='{active}']")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    expect_picked(page, runs["beam"].best[-2])
    page.keyboard.press("ArrowDown")
    other = page.locator("#tree article")
    expect(other).not_to_have_attribute("data-node", str(runs["beam"].best[-2]))
    page.keyboard.press("ArrowUp")
    expect_picked(page, runs["beam"].best[-2])
    fitted = camera(page)
    for key in "+", "-":
        page.keyboard.press(key)
        assert camera(page) != fitted
        page.keyboard.press("f")
        assert camera(page) == fitted


def test_picking_a_group_again_goes_through_its_solutions(page, runs):
    show(page, runs, "best_of_n")
    tree = runs["best_of_n"].tree
    members = {n for n, answer in enumerate(tree.answer) if answer == "17"}
    group = page.get_by_role("treeitem", name=re.compile("^Answer 17,")).locator(".box")
    picked, seen = page.locator("#tree [aria-selected=true]"), []
    for _ in members:
        group.click()
        expect(picked).to_have_count(1)
        seen.append(int(page.locator("#tree article").get_attribute("data-node")))
    assert seen[0] == runs["best_of_n"].best[-1]
    assert set(seen) == members


def test_the_tip_tells_what_a_step_is(page, runs):
    show(page, runs, "beam")
    first = runs["beam"].tree
    node(page, 1).locator(".dot").hover()
    tip = page.locator("#tree .tip")
    expect(tip).to_contain_text(f"Step 1 · score {round(100 * first.score[1])}")
    expect(tip).to_contain_text(first.text[1])


def test_a_screen_reader_finds_its_way(page, runs):
    show(page, runs, "beam")
    tree = runs["beam"].tree
    deepest = max(tree.round)
    expect(
        page.locator(f"#tree [role=treeitem][aria-level='{deepest + 1}']").first
    ).to_be_attached()
    pruned = tree.status.index("pruned")
    expect(node(page, pruned)).to_have_attribute("aria-label", re.compile(r"\bpruned\b"))
    expect(page.locator("#tree [role=status]")).to_contain_text("Done in")
    # numbers on the scores' colours, WCAG AA
    ratios = page.eval_on_selector_all(
        "#tree .node:not(.pruned):not(.root)",
        """nodes => nodes.map(node => {
            const light = s => s.match(/[\\d.]+/g).slice(0, 3).map(c => c / 255)
                .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
            const of = part => light(getComputedStyle(node.querySelector(part)).fill) + 0.05;
            return Math.max(of('.dot'), of('.figure')) / Math.min(of('.dot'), of('.figure'));
        })""",
    )
    assert min(ratios) >= 4.5


def test_hostile_texts_are_shown_as_they_are(page, runs):
    show(page, runs, "hostile")
    expect(page.locator("#tree .standing")).to_have_text(HOSTILE[1])
    for number, text in enumerate(HOSTILE):
        plain = " ".join(text.replace("\u202e", " ").split())
        leaf = node(page, 2 * number + 2)
        assert plain in leaf.get_attribute("aria-label")
        leaf.locator(".box").hover()
        expect(page.locator("#tree .tip span")).to_have_text(plain)
    node(page, 2).locator(".box").click()
    expect_picked(page, 2)
    assert page.evaluate("window.harmed") is None
    assert page.locator("#tree img, #tree script").count() == 0


def test_motion_ends_where_stillness_is(page, runs):
    show(page, runs, "beam")
    still = sorted(boxes(page, "#tree .node .dot"))
    page.emulate_media(reduced_motion="no-preference")
    show(page, runs, "greedy")
    show(page, runs, "beam", 6)
    show(page, runs, "beam")
    page.wait_for_function(
        """still => {
            const now = [...document.querySelectorAll('#tree .node .dot')]
                .map(e => e.getBoundingClientRect())
                .filter(r => r.width).sort((a, b) => a.left - b.left || a.top - b.top);
            return now.length === still.length && now.every((r, i) =>
                Math.abs(r.left - still[i][0]) < 1.5 && Math.abs(r.top - still[i][1]) < 1.5);
        }""",
        arg=still,
    )


def test_latex_of_other_models_is_set_and_cannot_do_harm(page, runs):
    show(page, runs, "latex")
    formula = page.locator("#tree article p.formula")
    node(page, 1).locator(".dot").click()
    expect(formula.locator(".katex")).to_have_count(2)
    expect(formula.locator(".mfrac")).to_have_count(1)
    node(page, 2).locator(".dot").click()
    expect(formula).to_contain_text("17")
    expect(formula.locator(".katex").first).to_be_attached()
    assert formula.locator("a, img").count() == 0
    node(page, 3).locator(".dot").click()
    expect(formula).to_contain_text("It costs $5 and $7")
    node(page, 4).locator(".dot").click()
    text = page.locator("#tree article .blocks")
    expect(text.locator("h4")).to_have_text("Plan")
    expect(text.locator("li")).to_have_count(2)
    expect(text.locator("strong")).to_have_text("Add")
    expect(text.locator("code")).to_have_text("a*b")
    expect(text.locator("li").first).to_contain_text(re.compile(r"<\s?img src"))
    expect(text.locator("li .katex")).to_have_count(1)
    assert text.locator("a, img").count() == 0
    assert page.evaluate("window.harmed") is None

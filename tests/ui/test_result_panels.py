"""Cards, votes and inspector say what the run says, and show hostile texts as texts."""

import re
from html import unescape

import pytest

from tests.ui.toy_solver import finished_run
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES, Settings
from ttc_explorer.search.voting import ranked_votes, winning_vote
from ttc_explorer.ui.components import result_panels
from ttc_explorer.ui.components.node_inspector import default_node, first_wrong_step, node_inspector
from ttc_explorer.ui.score_colours import COLOUR_STOPS, contrasting_text_colour, score_colour

RULE = ("weighted", "last")
QUADRATIC = "Solve x^2-7x+12=0."


def text(html):
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def hostile(line):
    """A run whose every text is ``line``."""
    run = Run(Problem(line, line), line, line, "beam", 4, 0, Settings())
    step = run.tree.add(0, line, tokens=3, logprob=-1.5)
    leaf = run.tree.add(step, line, finished=True, answer=line)
    run.tree.set_scores([step, leaf], [0.25, 0.75])
    run.correct[line] = False
    run.stopped = "done"
    return run


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_cards_and_votes_follow_the_rule(selector, aggregate):
    run = finished_run()
    vote = winning_vote(run.tree, selector, aggregate)
    cards = text(result_panels.summary_cards(run, selector, aggregate))
    assert cards.startswith(f"Answer {vote.answer}")
    assert f"{vote.score:.2f} weight {vote.weight:.2f}" in cards
    weight_of, best_score_of = (
        {vote.answer: vote.weight for vote in ranked_votes(run.tree, rule, aggregate)}
        for rule in ("weighted", "best")
    )
    rows = re.findall(r"<tr.*?</tr>", result_panels.votes_table(run, selector, aggregate))[1:]
    assert [text(row).split()[-3:] for row in rows] == [
        [
            str(vote.count),
            f"{weight_of[vote.answer]:.2f}",
            f"{best_score_of[vote.answer]:.2f}",
        ]
        for vote in ranked_votes(run.tree, selector, aggregate)
    ]
    assert ["chosen" in row for row in rows] == [True] + [False] * (len(rows) - 1)


def test_cards_tell_right_from_wrong_and_from_unknown():
    right, wrong, unknown = (finished_run(answer=answer) for answer in ("1", "1234", None))
    leader = winning_vote(right.tree, *RULE).answer
    right.correct[leader] = True
    assert "✓ right" in text(result_panels.summary_cards(right, *RULE))
    assert "✗ it is 1234" in text(result_panels.summary_cards(wrong, *RULE))
    assert "right answer not known" in text(result_panels.summary_cards(unknown, *RULE))


def test_the_cost_is_the_ledger():
    run = finished_run()
    shown = text(result_panels.summary_cards(run, *RULE))
    for count in (
        run.ledger.generated_tokens,
        run.ledger.verifier_tokens,
        run.ledger.sequential_depth,
    ):
        assert f"{count:,}" in shown


def test_a_run_that_has_nothing_yet_can_be_shown():
    run = Run(Problem("What is 1 + 1?"), "toy", None, "beam", 4, 0, Settings())
    assert "none yet" in result_panels.summary_cards(run, *RULE)
    assert "votes for its answer here" in result_panels.votes_table(run, *RULE)
    assert default_node(run, *RULE) == 0
    assert "What is 1 + 1?" in text(node_inspector(run, 0)).replace("\N{NO-BREAK SPACE}", " ")
    assert 'data-state="running"' in result_panels.run_status(run)


def test_a_run_without_verifier_can_be_shown():
    run = Run(
        Problem("What is 1 + 1?"), "toy", None, "best_of_n", 4, 0, Settings(selector="majority")
    )
    leaf = run.tree.add(0, "Answer: 2", tokens=3, logprob=-1.0, finished=True, answer="2")
    assert default_node(run, "majority", "last") == leaf
    for html in (
        result_panels.summary_cards(run, "majority", "last"),
        result_panels.votes_table(run, "majority", "last"),
    ):
        assert "–" in html
    assert "–" in node_inspector(run, leaf)


def test_the_inspector_shows_a_node_and_the_way_to_it():
    run = finished_run()
    tree = run.tree
    for node in range(1, len(tree)):
        html = node_inspector(run, node)
        assert f'data-node="{node}"' in html
        assert html.count("<li") == tree.round[node]
        assert f"width:{100 * tree.score[node]:.1f}%" in html
        siblings = sorted(
            (tree.score[other] for other in tree.children(tree.parent[node])), reverse=True
        )
        assert f"{siblings.index(tree.score[node]) + 1} of {len(siblings)}" in text(html)


def test_leading_is_the_chosen_answer_else_the_best_newest_step():
    run = finished_run()
    assert default_node(run, *RULE) == winning_vote(run.tree, *RULE).leaf
    young = Run(Problem("1?"), "toy", "toy", "beam", 4, 0, Settings())
    nodes = [young.tree.add(0, "step") for _ in range(3)]
    young.tree.set_scores(nodes, [0.2, 0.9, 0.4])
    assert default_node(young, *RULE) == nodes[1]


def test_the_exact_check_finds_the_first_wrong_step():
    good = ["try 3 and 4", "3*4=12 want 12 off 0 ok", "-3-4=-7 want -7 off 0 ok", "Answer: 3,4"]
    assert first_wrong_step("How old is Ann?", good) is None
    known = [line for line in good if first_wrong_step(QUADRATIC, [line]) == 0]
    assert good[0] in known
    assert first_wrong_step(QUADRATIC, ["try 2 and 6", "2*6=12 want 12 off 0 ok"]) == 1
    assert first_wrong_step(QUADRATIC, [good[0], "Answer: 2,6"]) == 2


@pytest.mark.parametrize(
    "line",
    [
        "<img src=x onerror=alert(1)>",
        "${alert(1)}",
        "{{value}}",
        "</p><script>alert(1)</script>",
        '" onload="x',
        "\\",
    ],
)
def test_hostile_texts_are_shown_as_texts(line):
    run = hostile(line)
    blocks = [
        result_panels.summary_cards(run, *RULE),
        result_panels.votes_table(run, *RULE),
        result_panels.banner(line),
        result_panels.status_line("done", line),
        *(node_inspector(run, node) for node in range(3)),
    ]
    plain = [re.sub(r"\s", "", unescape(re.sub("<[^>]*>", "", block))) for block in blocks]
    assert all(re.sub(r"\s", "", line) in block for block in plain if line != "\\")
    for block in blocks:
        assert "<img" not in block
        assert "<script" not in block
        assert not re.search(r"[$`{}\\]", block)


def test_shades_meet_at_the_stops():
    for score, colour in COLOUR_STOPS:
        assert score_colour(score) == f"rgb({','.join(map(str, colour))})"
    assert score_colour(0.125) == "rgb(210,104,25)"
    assert [contrasting_text_colour(score) for score, _ in COLOUR_STOPS] == [
        "#fff",
        "#000",
        "#000",
        "#000",
        "#fff",
    ]


def test_what_the_run_says_about_itself_is_one_line_with_its_figures():
    run = finished_run()
    assert result_panels.run_note(run) == ""
    run.tree.note("Stopped <b>early</b>.", saved=6, chances=[0.5, 0.97123])
    html = result_panels.run_note(run)
    assert text(html) == "Stopped <b>early</b>."
    assert "saved: 6; chances: 0.5, 0.971" in html
    assert "<b>" not in html


def test_visits_and_rollouts_are_in_the_inspector():
    run = finished_run(strategy="mcts", budget=4)
    node = max(range(1, len(run.tree)), key=lambda node: run.tree.visits[node])
    assert f"visits {run.tree.visits[node]} value {run.tree.value[node]:.2f}" in text(
        node_inspector(run, node)
    )
    run = finished_run(strategy="lookahead", budget=4)
    ghost = run.tree.kind.index("rollout")
    assert "looked ahead" in text(node_inspector(run, ghost))
    assert default_node(run, *RULE) != ghost

"""What is sent to the live tree: append-only, complete, and harmless whatever the model wrote."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.scripted_runs import scripted_run_states
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.ui.run_viewer.tree_stream import (
    MAX_ANSWER_CHARACTERS,
    MAX_STEP_CHARACTERS,
    TreeStream,
    run_summary,
)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def of_kind(text, kind):
    return [fields for name, *fields in lines(text) if name == kind]


def empty_run(**settings):
    return Run(Problem("1 + 1?", "2"), "base", "prm", "beam", 4, 0, Settings(**settings))


def test_grows_at_its_end_only():
    stream, before = TreeStream("r1"), ""
    for run in scripted_run_states("beam", 8):
        now = stream.update(run)
        assert now.startswith(before)
        assert stream.update(run) == now
        before = now
    assert lines(before)[0] == ["run", "r1"]


def test_tells_the_whole_tree_however_often_it_is_asked():
    often, once = TreeStream("r"), TreeStream("r")
    for run in scripted_run_states("beam", 16):
        told = often.update(run)
    for text in (told, once.update(run)):
        status, score, answer = {}, {}, {}
        known = {key: (words, right) for key, words, right in of_kind(text, "answer")}
        for kind, *fields in lines(text):
            if kind == "add":
                node, parent, status[node], _, *key = fields
                assert parent == run.tree.parent[node]
                answer[node] = known[key[0]][0] if key else None
            elif kind == "score":
                score[fields[0]] = fields[1]
            elif kind == "mark":
                status[fields[0]] = fields[1]
        nodes = range(len(run.tree))
        assert [status[n] for n in nodes] == run.tree.status
        assert [answer[n] for n in nodes] == run.tree.answer
        assert [score.get(n) for n in nodes] == [
            s if s is None else round(s, 4) for s in run.tree.score
        ]
        assert dict(known.values()) == run.correct


def test_equal_answers_share_a_key_and_a_late_verdict_is_told():
    run, stream = empty_run(), TreeStream("r")
    for answer in ("2", "3", "2", None):
        run.tree.add(0, "Answer", finished=True, answer=answer)
    stream.update(run)
    run.correct = {"2": True, "3": False}
    text = stream.update(run)
    assert [fields[4] for fields in of_kind(text, "add")[1:]] == [0, 1, 0, 2]
    assert of_kind(text, "answer") == [
        [0, "2", None], [1, "3", None], [2, None, None], [0, "2", True], [1, "3", False],
    ]  # fmt: skip


def test_long_answers_with_one_beginning_stay_apart():
    run = empty_run()
    for end in "ab":
        run.tree.add(0, "Answer", finished=True, answer="x" * 500 + end)
    keys = {fields[0]: fields[1] for fields in of_kind(TreeStream("r").update(run), "answer")}
    assert len(keys) == 2
    assert max(map(len, keys.values())) == MAX_ANSWER_CHARACTERS


def test_steps_looked_ahead_are_told_apart_and_never_vote():
    *_, run = scripted_run_states("lookahead", 8)
    added = of_kind(TreeStream("r").update(run), "add")
    ghosts = {fields[0] for fields in added if fields[2] == "rollout"}
    assert (
        ghosts
        == {node for node in range(len(run.tree)) if run.tree.kind[node] == "rollout"}
        != set()
    )
    assert all(len(fields) == 4 for fields in added if fields[0] in ghosts)
    assert f"{len(ghosts)} looked ahead" in run_summary(run)


def test_visits_and_values_are_told_as_they_change():
    *_, run = scripted_run_states("mcts", 8)
    text = TreeStream("r").update(run)
    latest = {node: (visits, value) for node, visits, value in of_kind(text, "value")}
    tree = run.tree
    assert latest == {n: (tree.visits[n], round(tree.value[n], 4)) for n in latest}
    assert set(latest) == {n for n in range(len(tree)) if tree.visits[n] is not None}


def test_subtrees_are_told_before_their_nodes():
    *_, run = scripted_run_states("dvts", 18)
    kinds = [name for name, *_ in lines(TreeStream("r").update(run))]
    assert kinds.index("subtrees") < kinds.index("add")
    (sizes,) = of_kind(TreeStream("r").update(run), "subtrees")[0]
    assert sizes == [5, 5, 4, 4]
    *_, run = scripted_run_states("beam", 18)
    assert of_kind(TreeStream("r").update(run), "subtrees") == []


def test_revisions_are_told_as_answers_under_answers():
    *_, run = scripted_run_states("hybrid", 8)
    added = {fields[0]: fields for fields in of_kind(TreeStream("r").update(run), "add")}
    revisions = [node for node in added if run.tree.kind[node] == "revision"]
    assert revisions
    assert all(len(added[node]) == len(added[run.tree.parent[node]]) == 5 for node in revisions)
    assert f"{len(revisions)} revisions" in run_summary(run)


def test_best_path_is_told_when_it_changes():
    run, stream = empty_run(), TreeStream("r")
    run.tree.add(run.tree.add(0, "a"), "b")
    stream.update(run, [1])
    stream.update(run, [1])
    stream.update(run, [1, 2])
    assert of_kind(stream.update(run, []), "best") == [[[1]], [[1, 2]], [[]]]


def test_says_how_the_run_stands():
    run = empty_run()
    assert run_summary(run) == "Reading the problem"
    run.tree.set_status([run.tree.add(0, "a")], "pruned")
    run.tree.add(0, "b", finished=True, answer="2")
    assert run_summary(run) == "Round 1 · 2 steps · 1 pruned · 1 solution"
    endings = {
        "done": "Done in",
        "budget": "Stopped after",
        "cancelled": "Stopped in",
        "deadline": "Out of time",
    }
    for run.stopped, words in endings.items():
        assert run_summary(run).startswith(words)
        assert of_kind(TreeStream("r").update(run), "say")[-1][1] is True
    run.error = "The model\nis gone."
    assert run_summary(run) == "The model is gone."


@given(
    st.text(max_size=300),
    st.one_of(st.none(), st.text(max_size=120)),
    st.text(min_size=1, max_size=40),
)
def test_any_text_survives_as_one_plain_line(step, answer, run_id):
    run, stream = empty_run(), TreeStream(run_id)
    before = stream.update(run)
    run.tree.add(0, step, finished=True, answer=answer)
    text = stream.update(run)
    assert text.isascii()
    assert "<" not in text
    assert lines(text)[0] == ["run", run_id]
    assert text.startswith(before)
    told, said = of_kind(text, "add")[1][3], of_kind(text, "answer")[0][1]
    assert len(told) <= MAX_STEP_CHARACTERS
    assert len(said or "") <= MAX_ANSWER_CHARACTERS
    assert (said is None) == (answer is None)
    for shown in filter(None, (told, said)):
        assert not set(shown) & set("\t\r\n\v\f\0\x1b\x85\u2028\u2029\u202e\u2066")

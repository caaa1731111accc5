"""What is sent of a run: append-only, complete, and harmless whatever the model wrote."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.scripted_runs import scripted_run_states
from ttc_explorer.models.protocol import Step
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.run_progress import PartialRow, RunProgress
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES, Settings
from ttc_explorer.ui.run_viewer.printable_text import printable
from ttc_explorer.ui.run_viewer.run_summary import run_summary
from ttc_explorer.ui.run_viewer.standalone import notebook_html, standalone_html
from ttc_explorer.ui.run_viewer.stream import (
    MAX_ANSWER_CHARACTERS,
    MAX_STEP_CHARACTERS,
    MAX_VOTE_ROWS,
    RunStream,
)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def of_kind(text, kind):
    return [fields for name, *fields in lines(text) if name == kind]


def empty_run(**settings):
    return Run(Problem("1 + 1?", "2"), "base", "prm", "beam", 4, 0, Settings(**settings))


def snapshots(text):
    return [fields[0] for fields in of_kind(text, "snapshot")]


def finished(name, budget, **settings):
    *_, run = scripted_run_states(name, budget, **settings)
    return run


def test_grows_at_its_end_only():
    states = scripted_run_states("beam", 8)
    stream = RunStream("r1", next(states))
    before = stream.update()
    for _ in states:
        now = stream.update()
        assert now.startswith(before)
        assert stream.update() == now
        before = now
    assert lines(before)[0][:2] == ["run", "r1"]
    assert lines(before)[0][2]["budget"] == 8


def test_tells_the_whole_tree_however_often_it_is_asked():
    states = scripted_run_states("beam", 16)
    run = next(states)
    often = RunStream("r", run)
    for _ in states:
        told = often.update()
    for text in (told, RunStream("r", run).update()):
        status, score, answer = {}, {}, {}
        known = {key: (words, right) for key, words, right in of_kind(text, "answer")}
        for kind, *fields in lines(text):
            if kind == "add":
                node, parent, _, status[node], _, _, _, _, *key = fields
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
    run = empty_run()
    stream = RunStream("r", run)
    for answer in ("2", "3", "2", None):
        run.tree.add(0, "Answer", finished=True, answer=answer)
    stream.update()
    run.correct = {"2": True, "3": False}
    text = stream.update()
    assert [fields[8] for fields in of_kind(text, "add")[1:]] == [0, 1, 0, 2]
    assert of_kind(text, "answer") == [
        [0, "2", None], [1, "3", None], [2, None, None], [0, "2", True], [1, "3", False],
    ]  # fmt: skip


def test_long_answers_with_one_beginning_stay_apart():
    run = empty_run()
    for end in "ab":
        run.tree.add(0, "Answer", finished=True, answer="x" * 500 + end)
    keys = {fields[0]: fields[1] for fields in of_kind(RunStream("r", run).update(), "answer")}
    assert len(keys) == 2
    assert max(map(len, keys.values())) == MAX_ANSWER_CHARACTERS


def test_steps_looked_ahead_are_told_apart_and_never_vote():
    run = finished("lookahead", 8)
    added = of_kind(RunStream("r", run).update(), "add")
    ghosts = {fields[0] for fields in added if fields[2] == "rollout"}
    assert (
        ghosts
        == {node for node in range(len(run.tree)) if run.tree.kind[node] == "rollout"}
        != set()
    )
    assert all(len(fields) == 8 for fields in added if fields[0] in ghosts)
    samples = sum(run.tree.copies[node] for node in ghosts)
    assert f"{samples} looked ahead" in run_summary(run)


def test_visits_and_values_are_told_as_they_change():
    *_, run = scripted_run_states("mcts", 8)
    text = RunStream("r", run).update()
    latest = {node: (visits, value) for node, visits, value in of_kind(text, "value")}
    tree = run.tree
    assert latest == {n: (tree.visits[n], round(tree.value[n], 4)) for n in latest}
    assert set(latest) == {n for n in range(len(tree)) if tree.visits[n] is not None}


def test_subtrees_are_told_before_their_nodes():
    *_, run = scripted_run_states("dvts", 18)
    kinds = [name for name, *_ in lines(RunStream("r", run).update())]
    assert kinds.index("subtrees") < kinds.index("add")
    (sizes,) = of_kind(RunStream("r", run).update(), "subtrees")[0]
    assert sizes == [5, 5, 4, 4]
    *_, run = scripted_run_states("beam", 18)
    assert of_kind(RunStream("r", run).update(), "subtrees") == []


def test_a_step_that_several_subtrees_wrote_stands_in_the_first():
    run = Run(Problem("1 + 1?"), "base", "prm", "dvts", 8, 0, Settings())
    steps = [Step(text, 2, -1.0) for text in "aababbcc"]
    run.tree.add_steps([0] * 8, steps)
    stream = RunStream("r", run).update()
    assert of_kind(stream, "subtrees") == [[[2, 1]]]
    assert of_kind(stream, "copy") == [[1], [1], [2], [2], [3]]
    assert run_summary(run) == "Round 1 · 8 steps · 3 different"


def test_revisions_are_told_as_answers_under_answers():
    *_, run = scripted_run_states("hybrid", 8)
    added = {fields[0]: fields for fields in of_kind(RunStream("r", run).update(), "add")}
    revisions = [node for node in added if run.tree.kind[node] == "revision"]
    assert revisions
    assert all(len(added[node]) == len(added[run.tree.parent[node]]) == 9 for node in revisions)
    assert f"{len(revisions)} revisions" in run_summary(run)


def test_a_snapshot_has_the_votes_of_every_rule_and_says_only_what_changed():
    states = scripted_run_states("beam", 16)
    run = next(states)
    stream = RunStream("r", run)
    for _ in states:
        text = stream.update()
    run.ledger.generated_tokens = 7
    told = snapshots(stream.update())
    assert list(told[-1]) == ["cost"]
    votes = {rule: table for each in told for rule, table in each.get("votes", {}).items()}
    assert set(votes) == {f"{name} {how}" for name in SELECTORS for how in AGGREGATES}
    assert text.count('"votes"') < text.count('"snapshot"')


def test_many_answers_are_summed_up():
    run = empty_run()
    for number in range(MAX_VOTE_ROWS + 3):
        run.tree.add(0, "Answer", finished=True, answer=str(number))
    (table,) = [each["votes"]["majority last"] for each in snapshots(RunStream("r", run).update())]
    assert len(table["rows"]) == MAX_VOTE_ROWS
    assert (table["more"], table["weight"]) == ([3, 3], MAX_VOTE_ROWS + 3)


def test_a_selector_that_lacks_its_figures_says_so_and_ranks_nothing():
    run = empty_run()
    for answer in ("2", "2", "3"):
        run.tree.add(0, "Answer", finished=True, answer=answer)
    (votes,) = [each["votes"] for each in snapshots(RunStream("r", run).update())]
    for selector, rule in SELECTORS.items():
        table = votes[f"{selector} last"]
        assert bool(table["rows"]) == (rule.needs == "nothing")
        assert bool(table["lacks"]) == (rule.needs != "nothing")
    assert votes["weighted last"]["lacks"] == (
        "The selector weighted needs a verifier's scores, which this run does not have: choose "
        "another (majority, random)."
    )


def test_votes_speak_of_nodes_that_were_sent_only():
    run = empty_run()
    stream = RunStream("r", run)
    run.tree.add(0, "Answer", finished=True, answer="2")
    events = run.tree.events
    run.tree.add(0, "Answer", finished=True, answer="3")
    run.tree.events = events[:2]  # as the page may find it while the tree grows
    assert len(snapshots(stream.update())[-1]["votes"]["majority last"]["rows"]) == 1
    run.tree.events = events
    assert len(snapshots(stream.update())[-1]["votes"]["majority last"]["rows"]) == 2


def test_every_round_is_told_once_with_its_votes_and_its_cost_however_often_it_is_asked():
    states = scripted_run_states("beam", 16)
    run = next(states)
    often = RunStream("r", run)
    for number, _ in enumerate(states):
        run.ledger.generated_tokens = number
        run.record_moment()
        often.update()
    rounds = of_kind(often.update(), "round")
    assert rounds == of_kind(RunStream("r", run).update(), "round")
    assert [number for number, *_ in rounds] == list(range(1, len(rounds) + 1))
    phrase, values = rounds[0][1]
    assert phrase == "{round}: {events}."
    assert values["round"] == [["Round {number}", {"number": "1"}]]
    assert values["events"][0] == ["{count} tries", {"count": "16"}]
    costs = [changes["cost"]["generated_tokens"] for *_, changes in rounds]
    assert costs == sorted(costs)
    votes = {rule: table for *_, each in rounds for rule, table in each.get("votes", {}).items()}
    last = {
        rule: table
        for each in snapshots(often.update())
        for rule, table in each.get("votes", {}).items()
    }
    assert votes == last


def test_what_a_round_had_cost_is_null_where_nobody_recorded_it():
    run = finished("beam", 8)
    first, *_ = of_kind(RunStream("r", run).update(), "round")
    assert first[2]["cost"] is None


def test_notes_are_told_with_their_figures():
    run = empty_run()
    run.tree.note("Stopped <b>early</b>.", saved_tokens=6, chances=[0.5, 0.97123])
    text = RunStream("r", run).update()
    assert of_kind(text, "note") == [
        ["Stopped <b>early</b>.", "saved tokens: 6; chances: 0.5, 0.971"]
    ]


def test_what_was_written_for_a_probe_is_told_where_it_ends():
    run = empty_run()
    run.tree.add(0, "Answer: 2", finished=True, answer="2")
    run.tree.note("A probe of 1.", probe=1)
    stream = RunStream("r", run)
    assert of_kind(stream.update(), "note") == [["A probe of 1.", "probe: 1", True]]
    run.tree.add(0, "Answer: 3", finished=True, answer="3")
    run.tree.note("A trace without its events has it at the end.", probe=1)
    assert of_kind(stream.update(), "note")[1][1:] == ["probe: 1"]


def test_the_exact_check_finds_the_first_wrong_step():
    def wrong(*steps, text="Solve x^2-7x+12=0.", **how):
        run = Run(Problem(text), "base", "prm", "beam", 4, 0, Settings())
        node = 0
        for step in steps:
            node = run.tree.add(node, step, **how)
        return [fields[7] for fields in of_kind(RunStream("r", run).update(), "add")]

    assert wrong("try 3 and 4", "3*4=12 want 12 off 0 ok", "Answer: 3,4") == [None, 0, 0, 0]
    assert wrong("try 2 and 6", "2*6=12 want 12 off 0 ok") == [None, 1, 1]
    assert wrong("try 3 and 4", "Answer: 2,6", "more") == [None, 0, 2, 2]
    assert wrong("try 2 and 6\n2*6=12 want 12 off 0 ok", "Answer: 2,6") == [None, 1, 1]
    assert wrong("try 3 and 4\n3*4=12 want 12 off 0 ok", "Answer: 2,6") == [None, 0, 2]
    assert wrong("try 3 and 4\nAnswer: 2,6", kind="revision") == [None, 2]
    assert wrong("one", "two", text="How old is Ann?") == [None, None, None]


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
        status = snapshots(RunStream("r", run).update())[-1]["status"]
        assert (status["stopped"], status["over"]) == (run.stopped, True)
    run.error = "The model\nis gone."
    assert run_summary(run) == "The model is gone."


@given(
    st.text(max_size=300),
    st.one_of(st.none(), st.text(max_size=120)),
    st.text(min_size=1, max_size=40),
)
def test_any_text_survives_as_one_plain_line(step, answer, run_id):
    run = empty_run()
    stream = RunStream(run_id, run)
    before = stream.update()
    run.tree.add(0, step, finished=True, answer=answer)
    text = stream.update()
    assert text.isascii()
    assert "<" not in text
    assert lines(text)[0][:2] == ["run", run_id]
    assert text.startswith(before)
    told, said = of_kind(text, "add")[1][4], of_kind(text, "answer")[0][1]
    assert len(told) <= MAX_STEP_CHARACTERS
    assert len(said or "") <= MAX_ANSWER_CHARACTERS
    assert (said is None) == (answer is None)
    for shown in filter(None, (told, said)):
        assert not set(shown) & set("\t\r\v\f\0\x1b\x85\u2028\u2029\u202e\u2066")
    assert "\n" not in (said or "")


EVIL = "</script><img src=x onerror='boom()'>${1+1}{{x}}"


def test_an_exported_run_holds_no_markup_of_the_model():
    run = empty_run()
    run.tree.add(0, EVIL, finished=True, answer=EVIL)
    page = standalone_html(run)
    assert "<img" not in page
    assert page.count("</script>") == 2  # the tips' and the viewer's
    frame = notebook_html(run)
    assert frame.count("<") == 2  # the frame and its end
    assert 'sandbox="allow-scripts"' in frame


# --- what is being written ------------------------------------------------------------------------


def written_rows(text):
    """Parent, tokens and text of each row that is being written, as a reader of the stream has
    it."""
    rows = []
    for kind, *fields in lines(text):
        if kind == "write":
            rows = [[parent, 0, ""] for parent in fields[0]]
        elif kind == "wrote":
            for place, tokens, _, more in fields[1]:
                rows[place][1:] = [tokens, rows[place][2] + more]
        elif kind in ("add", "mark", "score"):
            rows = []
    return rows


def test_what_is_written_is_sent_as_it_grows_and_no_letter_twice():
    run, first, long = empty_run(), "We add\x00 both: 1 + 1 ", "x" * 2 * MAX_STEP_CHARACTERS
    stream = RunStream("r", run)
    texts = [first[:5], first, "Anew: 2", f"Anew: 2 {long}", f"Anew: 2 {long} and on"]
    before = stream.update()
    for number, text in enumerate(texts):
        rows = (PartialRow(0, text, number + 1), PartialRow(0, "2", 1, ended=True))
        run.progress = RunProgress(1, 0.5 + number, rows)
        now = stream.update()
        assert now.startswith(before)
        shown = printable(text, MAX_STEP_CHARACTERS)
        assert written_rows(now) == [[0, number + 1, shown], [0, 1, "2"]]
        before = now
    assert before.count("Anew") == 1
    assert before.count("both") == 1
    assert [fields[0] for fields in of_kind(before, "wrote")] == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert stream.update() == before


def test_what_is_told_of_another_tree_is_not_shown():
    run = empty_run()
    stream = RunStream("r", run)
    run.progress = RunProgress(1, 1.0, (PartialRow(0, "1 +", 2),))
    stream.update()
    run.tree.add_steps([0], [Step("1 + 1 = 2", 4, -1.0)])
    text = stream.update()
    assert written_rows(text) == []
    assert of_kind(text, "write") == [[[0], False]]
    assert "being written" not in run_summary(run)
    run.progress = RunProgress(len(run.tree.events), 2.0, (PartialRow(1, "1 +", 2),))
    assert written_rows(stream.update()) == [[1, 2, "1 +"]]
    assert run_summary(run) == "Round 1 · 1 step · 1 being written, 2 tokens so far"


def test_rows_that_wait_for_the_slowest_are_counted():
    run = empty_run()
    rows = (PartialRow(0, "1 +", 2), PartialRow(0, "1 + 1 = 2", 6, ended=True))
    run.progress = RunProgress(1, 1.0, rows)
    assert (
        run_summary(run) == "Writing the first 2 steps · 8 tokens so far, 1 of 2 done and waiting"
    )


def test_a_solution_that_broke_off_is_told_from_one_without_an_answer():
    run = empty_run()
    run.tree.add(0, "So it is 7", finished=True, cut=True)
    run.tree.add(0, "Well.", finished=True)
    _, cut, whole = of_kind(RunStream("r", run).update(), "add")
    assert cut[-1] is True
    assert cut[:-1] != whole
    assert len(whole) == len(cut) - 1


def test_a_server_that_lets_a_run_wait_is_said():
    run = empty_run()
    run.progress = RunProgress(1, 3.0, (), "The server at a:1 answered 503.")
    text = RunStream("r", run).update()
    assert snapshots(text)[-1]["status"]["text"] == "The server at a:1 answered 503."
    assert of_kind(text, "wrote") == [[3.0, []]]


def test_a_stopped_run_shows_what_was_being_written():
    run = empty_run()
    stream = RunStream("r", run)
    run.progress = RunProgress(1, 1.0, (PartialRow(0, "1 +", 2), PartialRow(0, "2", 1)))
    stream.update()
    run.partial, run.stopped = (PartialRow(0, "1 + 1", 3),), "cancelled"
    for text in (stream.update(), RunStream("r", run).update()):
        assert written_rows(text) == [[0, 3, "1 + 1"]]
        assert of_kind(text, "write")[-1] == [[0], True]
    assert run_summary(run) == "Stopped in the first step"


def test_a_run_that_failed_shows_no_row_any_more():
    run = empty_run()
    stream = RunStream("r", run)
    run.progress = RunProgress(1, 1.0, (PartialRow(0, "1 +", 2),))
    stream.update()
    run.error, run.stopped = "The model is gone.", "cancelled"
    assert written_rows(stream.update()) == []

"""One long thought or many short ones: against every subset of small stores, and the shipped
tables."""

import json
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from typer.testing import CliRunner

from tests.experiments.test_importers import FILES, saved
from tests.search.fakes import toy_run
from tests.search.test_budget_forcing import counting, force
from ttc_explorer.asset_files import THOUGHT_TABLES_FILE
from ttc_explorer.cli.main import cli
from ttc_explorer.experiments.file_import import read_thoughts
from ttc_explorer.experiments.run_thoughts import run_thoughts
from ttc_explorer.experiments.width_depth import Thought, load_tables, width_depth_table
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.trace import dump_trace
from ttc_explorer.search.tree import SearchTree


def random_store(seed, questions=3, thoughts=5, every=10):
    random = Random(seed)
    answers = ["1", "2", "1.0", "No way", None]
    return [
        Thought(
            question,
            "1",
            every,
            tuple(random.choice(answers) for _ in range(tokens // every)),
            tokens,
            random.choice(answers),
        )
        for question in range(questions)
        for tokens in (random.randrange(5, 100) for _ in range(thoughts))
    ]


def answer_by_hand(thought, depth):
    """Read from its beginning, a token at a time."""
    said = None
    for token in range(1, min(depth, thought.tokens) + 1):
        if token % thought.probe_every == 0 and token // thought.probe_every <= len(thought.probes):
            said = thought.probes[token // thought.probe_every - 1]
        if token == thought.tokens:
            said = thought.answer
    return said


def majority_by_hand(answers):
    """The chance that the majority is right; ties are drawn."""
    names = ["1" if answer == "1.0" else answer for answer in answers if answer is not None]
    if not names:
        return 0.0
    most = max(map(names.count, names))
    tied = {name for name in names if names.count(name) == most}
    return ("1" in tied) / len(tied)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_cell_is_the_mean_over_all_subsets_of_thoughts_cut_there(seed):
    store = random_store(seed)
    table = width_depth_table(store)
    assert (table.questions, table.thoughts, table.widths) == (3, 5, [1, 2, 4])
    assert table.depths[-1] == max(thought.tokens for thought in store)
    for cell in table.cells:
        chances, spent = [], []
        for question in range(3):
            own = [thought for thought in store if thought.question == question]
            picked = list(combinations(own, cell.width))
            chances += [
                majority_by_hand([answer_by_hand(one, cell.depth) for one in some])
                for some in picked
            ]
            spent += [sum(min(one.tokens, cell.depth) for one in some) for some in picked]
        assert cell.accuracy == pytest.approx(sum(chances) / len(chances))
        assert cell.tokens == pytest.approx(sum(spent) / len(spent))
        assert 0 <= cell.low <= cell.accuracy <= cell.high <= 1
        cheaper = [other for other in table.cells if other.tokens <= cell.tokens and other != cell]
        assert cell.efficient == all(
            other.accuracy < cell.accuracy
            or (other.accuracy == cell.accuracy and other.tokens >= cell.tokens)
            for other in cheaper
        )


def test_what_as_few_tokens_buy_and_what_is_worse_than_one_long_thought():
    ends = [Thought(0, "7", 10, ("3", "3", "3"), 40, "7")] * 8
    table = width_depth_table(ends)
    long, many = table.one_long, table.many_short
    assert (long.depth, long.accuracy, long.tokens) == (40, 1.0, 40.0)
    assert (many.width, many.depth, many.accuracy) == (8, 20, 0.0)
    assert table.best_within(many.tokens) == long
    assert table.best_within(39).accuracy == 0
    always = width_depth_table([Thought(0, "7", 10, ("7", "7"), 25, "7")] * 4)
    assert always.many_short is None
    with pytest.raises(BadInput, match="no 3 thoughts of 40 tokens"):
        table.cell(3, 40)


def test_a_replay_store_is_read_whole_and_other_files_are_refused(tmp_path):
    thoughts = read_thoughts(saved(tmp_path, "autotts", FILES["autotts"]))
    assert [thought.answer for thought in thoughts] == ["70", None, "71"]
    assert thoughts[0].probes == (None, "70")
    assert (thoughts[0].probe_every, thoughts[0].tokens, thoughts[0].reference) == (500, 900, "70")
    with pytest.raises(BadInput, match="is no replay store"):
        read_thoughts(saved(tmp_path, "interlace", FILES["interlace"]))
    broken = json.loads(json.dumps(FILES["autotts"]))
    broken[0]["each_branch"][0][0] = [[1]]
    with pytest.raises(BadInput, match="is not what a file of AutoTTS"):
        read_thoughts(saved(tmp_path, "autotts", broken))
    others = [*thoughts, Thought(0, "1", 100, (), 5, "1")]
    for some, sentence in ((others, "different distances"), ([], "no stored thoughts")):
        with pytest.raises(BadInput, match=sentence):
            width_depth_table(some)


def forced_run(probe=10, text="What is 1 + 1?", **settings):
    """Eight thoughts, of "so..." by fives, that would answer with the number of their steps."""
    run, _ = force(counting, 8, probe=probe, thinking=25, agree=16, **settings)
    run.problem = replace(run.problem, text=text, answer="4")
    return run


@pytest.mark.parametrize("merge", [True, False])
def test_own_runs_of_budget_forcing_are_thoughts_that_were_asked_on_the_way(merge):
    thoughts = run_thoughts(forced_run(merge=merge), 3)
    assert thoughts == [Thought(3, "4", 10, ("2", "4"), 25, "5")] * 8
    table = width_depth_table(thoughts)
    assert [table.cell(1, depth).accuracy for depth in (10, 20, 25)] == [0, 1, 0]


def test_runs_without_interim_answers_or_a_reference_are_refused():
    nameless = forced_run(text="How many?")
    nameless.problem = replace(nameless.problem, answer=None)
    empty = forced_run()
    empty.tree = SearchTree()
    for run, sentence in (
        (forced_run(probe=0), "no interim answers"),
        (toy_run("best_of_n"), "no interim answers"),
        (nameless, "no reference answer"),
        (empty, "No thought of this run has answered"),
    ):
        with pytest.raises(BadInput, match=sentence):
            run_thoughts(run)


def test_saved_runs_of_a_model_are_its_questions(tmp_path):
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in files:
        file.write_bytes(dump_trace(forced_run()))
    result = CliRunner().invoke(cli, ["width-depth", *map(str, files)])
    assert result.exit_code == 0, result.output
    assert "2 questions, 8 thoughts of each, an interim answer every 10 tokens" in result.output
    assert read_thoughts(files[0]) == run_thoughts(forced_run())


def test_the_command_prints_and_saves_what_the_page_reads(tmp_path):
    store = saved(tmp_path, "autotts", FILES["autotts"])
    out = tmp_path / "tables.json"
    result = CliRunner().invoke(cli, ["width-depth", str(store), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "1 questions, 3 thoughts of each" in result.output
    (named,) = load_tables(out)
    assert named.table == width_depth_table(read_thoughts(store))
    as_json = CliRunner().invoke(cli, ["width-depth", str(store), "--json"])
    assert json.loads(as_json.output)[0]["name"] == "autotts"
    refused = CliRunner().invoke(cli, ["width-depth", str(store), "--out", str(tmp_path / "a.csv")])
    assert refused.exit_code == 2


def test_the_shipped_tables_are_those_that_the_page_tells_of():
    large, small = load_tables(THOUGHT_TABLES_FILE)
    assert "AutoTTS" in large.source
    for named in (small, large):
        assert (named.table.questions, named.table.thoughts) == (30, 128)
    long, many = large.table.one_long, large.table.many_short
    assert many.tokens > 10 * long.tokens
    assert many.accuracy < long.accuracy

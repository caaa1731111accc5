"""The Curves page without a browser: what it draws, says and writes; what stands beside a run."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace

import gradio as gr
import numpy as np
import pandas as pd
import pytest

from tests.experiments.synthetic import save, synthetic
from tests.experiments.test_importers import FILES
from tests.experiments.test_importers import saved as saved_import
from tests.ui.toy_solver import finished_run, toy_solver
from ttc_explorer.asset_files import REAL_MODELS_FILE
from ttc_explorer.experiments.compute_optimal_policy import dump_policy, make_policy
from ttc_explorer.experiments.curve_points import curve_points, evidence_arrays
from ttc_explorer.experiments.difficulty import oracle_bins
from ttc_explorer.experiments.evidence import COST_COLUMNS
from ttc_explorer.experiments.real_models import load_real_models
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components.explore_session import ExploreSession
from ttc_explorer.ui.components.real_models_table import real_models_table
from ttc_explorer.ui.components.related_results import question_kind, related_results
from ttc_explorer.ui.components.strategy_chips import chips_value
from ttc_explorer.ui.pages.curves_page import SAMPLE_POOL, CurvesPage
from ttc_explorer.ui.pages.explore_page import ExplorePage
from ttc_explorer.ui.results_store import ResultsStore
from ttc_explorer.ui.strategy_variants import StrategyVariant

SHOWN = {
    "model": "small",
    "pressed": chips_value(["coverage {}", "best_of_n {}", "beam {}", 'revise {"chains": 4}'], {}),
    "selector": "weighted",
    "family": "",
    "level": 0,
    "split": "all",
}
AXES = {"across": "budget", "scale": "log", "bands": "on"}


@pytest.fixture(scope="module")
def results():
    return synthetic(questions=30, samples=8).results


@pytest.fixture(scope="module")
def results_store(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    save(results, folder / "small")
    return ResultsStore(folder)


@pytest.fixture(scope="module")
def page(results_store):
    with gr.Blocks():
        return CurvesPage(results_store)


def draw(page, pool=None, narrow=False, **changes):
    frame = page.draw(pool, *((SHOWN | AXES | changes)[name] for name in SHOWN | AXES), narrow)
    return frame, json.loads(frame[page.figure].plot) if page.figure in frame else None


def lines(figure):
    return {
        trace["text"][0].split("</b>")[0][3:]: trace
        for trace in figure["data"]
        if "~line-" in trace["uid"]
    }


# --- points ---------------------------------------------------------------------------------------


def rows(values, cost=1.0):
    """Evidence of one arm at one budget."""
    return pd.DataFrame(
        {
            "question": range(len(values)),
            "strategy": "beam",
            "settings": "{}",
            "selector": "best",
            "budget": 4,
        }
        | {"value": values}
        | dict.fromkeys(COST_COLUMNS, cost)
    )


def test_a_point_is_the_mean_and_its_band_holds_it():
    values = np.random.default_rng(0).random(50)
    found = curve_points(evidence_arrays(rows(values, 3.0)), [("beam", "{}", "best")])
    (point,) = found.itertuples()
    assert point.accuracy == pytest.approx(values.mean())
    assert point.low < point.accuracy < point.high
    assert point.high - point.low == pytest.approx(4 * values.std() / 50**0.5, rel=0.2)
    assert (point.flops, point.questions, point.bin) == (3.0, 50, 0)


def test_fifths_go_from_easy_to_hard_and_fixed_bins_stay():
    values = np.linspace(0, 1, 50)
    table = evidence_arrays(rows(values))
    fifths = curve_points(table, [("beam", "{}", "best")], easiness=values)
    assert fifths["bin"].tolist() == [1, 2, 3, 4, 5]
    assert fifths["questions"].tolist() == [10] * 5
    assert fifths["accuracy"].tolist() == pytest.approx(
        [values[40 - 10 * i : 50 - 10 * i].mean() for i in range(5)]
    )
    bins = np.where(values > 0.5, 2, 4)
    fixed = curve_points(table, [("beam", "{}", "best")], bins=bins)
    assert fixed["accuracy"].tolist() == pytest.approx(
        [values[bins == 2].mean(), values[bins == 4].mean()]
    )


def test_points_rest_on_the_questions_that_were_run():
    evidence = pd.concat([rows([1.0, 0.0, 1.0]), rows([1.0]).assign(strategy="dvts")])
    found = curve_points(
        evidence_arrays(evidence), [("dvts", "{}", "best"), ("beam", "{}", "best")]
    )
    assert found["questions"].tolist() == [1, 3]
    assert found["accuracy"].tolist() == pytest.approx([1.0, 2 / 3])
    nothing = curve_points(
        evidence_arrays(evidence), [("dvts", "{}", "best")], within=np.zeros(3, bool)
    )
    assert nothing.empty


# --- the page -------------------------------------------------------------------------------------


def test_the_figure_shows_the_evidence(page, results_store):
    frame, figure = draw(page)
    assert frame[page.banner] == ""
    drawn = lines(figure)
    assert list(drawn) == ["Coverage", "Best-of-N", "Beam search M = 4", "Revision 4 chains"]
    evidence = results_store.model_results("small").evidence
    for name, selector, strategy in (
        ("Coverage", "coverage", "best_of_n"), ("Beam search M = 4", "weighted", "beam")
    ):  # fmt: skip
        of = evidence[
            (evidence.strategy == strategy)
            & (evidence.selector == selector)
            & (evidence.settings == "{}")
        ]
        means = of.groupby("budget")["value"].mean()
        assert drawn[name]["x"] == means.index.tolist()
        assert drawn[name]["y"] == pytest.approx(means.tolist())


def test_the_foot_says_where_it_comes_from(page):
    frame, _ = draw(page)
    for said in (
        "Model small",
        "synthetic-prm",
        "30 problems",
        "8 samples each",
        "seed 0",
        ">sweep</code>",
    ):
        assert said in frame[page.foot] or said == "Model small"
    assert "30 questions" in frame[page.head]


def test_the_one_answer_of_the_largest_model_stands_beside_a_smaller_one(results, tmp_path):
    """A point at its own cost, with its own name and model; coverage is said to be no ceiling."""
    save(results, tmp_path / "small")
    save(
        replace(results, about=dict(results.about) | {"model": "big", "parameters": 10**6}),
        tmp_path / "big",
    )
    with gr.Blocks():
        page = CurvesPage(ResultsStore(tmp_path))
    frame, figure = draw(page, across="flops")
    greedy = results.runs[results.runs["strategy"] == "greedy"]
    assert lines(figure)["big, greedy"]["y"] == pytest.approx([greedy["majority"].mean()])
    assert "may lie above it" in frame[page.foot]
    assert "big, greedy" not in lines(draw(page, split="oracle")[1])
    table = page.csv_table(None, *((SHOWN | AXES)[name] for name in SHOWN | AXES))
    assert len([row for row in table.splitlines() if row.endswith(",big")]) == 1


def test_costs_on_the_axis_are_means(page, results_store):
    _, figure = draw(page, across="flops", scale="linear", bands="off")
    assert figure["layout"]["xaxis"]["type"] == "linear"
    evidence = results_store.model_results("small").evidence
    beam = evidence[
        (evidence.strategy == "beam")
        & (evidence.selector == "weighted")
        & (evidence.settings == "{}")
    ]
    means = beam.groupby("budget")["flops"].mean().tolist()
    assert lines(figure)["Beam search M = 4"]["x"] == pytest.approx(means)
    assert not [trace for trace in figure["data"] if "~band-" in trace["uid"]]


@pytest.mark.parametrize("split", ["oracle", "predicted", "absolute"])
def test_difficulty_splits_into_panels(page, split, results):
    frame, figure = draw(page, split=split)
    titles = [
        note["text"] for note in figure["layout"]["annotations"] if note["text"].startswith("<b>")
    ]
    assert 3 <= len(titles) <= 5
    if split == "oracle":
        assert titles == [
            "<b>1 easiest</b>",
            "<b>2</b>",
            "<b>3</b>",
            "<b>4</b>",
            "<b>5 hardest</b>",
        ]
        assert f'data-rows="{3}"' in frame[page.head]
        bests = [
            trace
            for trace in figure["data"]
            if "~line-" in trace["uid"] and "Best-of-N" in trace["text"][0]
        ]
        assert bests[0]["y"][0] > bests[-1]["y"][0]
        assert oracle_bins(results.probe).nunique() == 5


def test_a_family_leaves_only_its_questions(page):
    frame, _ = draw(page, family="linear")
    assert "10 questions" in frame[page.head]
    frame, figure = draw(page, family="fraction_that_nobody_swept")
    assert figure is None
    assert "No question of the sweep" in frame[page.banner]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "gone"}, "no results of this model"),
        ({"pressed": chips_value([], {})}, "Choose from 1 to 8"),
        ({"pressed": "nonsense"}, "could not be read"),
        ({"pressed": chips_value(["best_of_n {}"], {}), "family": "nothing"}, "No question"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(page, changes, said):
    frame, figure = draw(page, **changes)
    assert figure is None
    assert said in frame[page.banner]


def test_an_arm_that_this_model_lacks_says_so_and_is_left_out(results, tmp_path):
    save(results, tmp_path / "one")
    save(results, tmp_path / "two")
    runs = results.runs[results.runs["strategy"] != "dvts"]
    runs.to_parquet(tmp_path / "two" / "runs.parquet", index=False)
    with gr.Blocks():
        page = CurvesPage(ResultsStore(tmp_path))
    frame, figure = draw(page, model="two", pressed=chips_value(["dvts {}", "beam {}"], {}))
    assert list(lines(figure)) == ["Beam search M = 4"]
    assert "dvts {}" in json.loads(frame[page.chips])["missing"]
    again, _ = draw(page, model="two", pressed=frame[page.chips])
    assert again[page.chips] == gr.skip()  # no news: a chip pressed meanwhile stays pressed


def test_the_sheet_holds_the_points_on_screen(page):
    text = page.csv_table(None, *SHOWN.values(), *AXES.values())
    csv_table = list(csv.DictReader(io.StringIO(text)))
    _, figure = draw(page)
    assert len(csv_table) == sum(len(trace["x"]) for trace in lines(figure).values())
    assert {row["model"] for row in csv_table} == {"small"}
    coverage = [float(row["accuracy"]) for row in csv_table if row["arm"] == "Coverage"]
    assert coverage == pytest.approx(lines(figure)["Coverage"]["y"], rel=1e-5)


# --- somebody's pool ------------------------------------------------------------------------------


def read(page, path):
    shown = {}
    for frame in page.read(str(path), *SHOWN.values(), *AXES.values(), False):
        shown |= frame
    return shown


@pytest.fixture
def pool_file(results, tmp_path):
    pool = results.pool[["question", "sample", "answer", "correct", "score"]]
    path = tmp_path / "my pool.jsonl"
    pool.to_json(path, orient="records", lines=True)
    return path


@pytest.mark.slow
def test_a_pool_is_drawn_by_all_its_rules(page, pool_file):
    shown = read(page, pool_file)
    assert shown[page.input_error] == ""
    frame, figure = draw(page, shown[page.pool], across="flops")
    drawn = lines(figure)
    titles = [entry.title for entry in SELECTORS.values() if entry.needs != "logprobs"]
    assert list(drawn) == ["Coverage", *titles]
    assert drawn["Weighted"]["x"] == [1, 2, 4, 8]
    assert all(
        one >= two for one, two in zip(drawn["Coverage"]["y"], drawn["Best"]["y"], strict=True)
    )
    assert "my pool.jsonl" in frame[page.head]
    text = page.csv_table(shown[page.pool], *SHOWN.values(), *AXES.values())
    assert len(list(csv.DictReader(io.StringIO(text)))) == 4 * len(drawn)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "hello"),
        ("a.jsonl", "not json"),
        ("a.jsonl", ""),
        ("a.jsonl", '{"question": 1}'),
        ("a.parquet", "PAR1 no"),
        ("<img src=x>.jsonl", '{"a": 1}'),
    ],
)
def test_a_bad_pool_is_one_sentence_beside_the_button_and_changes_nothing(
    page, tmp_path, name, content
):
    path = tmp_path / name
    path.write_text(content)
    shown = read(page, path)
    assert shown[page.pool] is None
    assert shown[page.input_error].count("<p") == 1
    assert "<img" not in shown[page.input_error]


@pytest.mark.slow
def test_the_first_curve_comes_before_the_rest(page, pool_file):
    frames = list(page.read(str(pool_file), *SHOWN.values(), *AXES.values(), False))
    pools = [frame[page.pool] for frame in frames if frame.get(page.pool)]
    counts = [len(pool.curve_points["arm"].unique()) for pool in pools]
    # Coverage, then every selector that the pool has the figures for.
    assert counts == list(range(1, len(counts) + 1))
    assert len(counts) == 1 + sum(entry.needs != "logprobs" for entry in SELECTORS.values())
    assert pools[0].curve_points["arm"].unique().tolist() == ["Coverage"]
    waiting = [frame[page.input_error] for frame in frames if frame.get(page.pool)]
    assert "Estimating majority" in waiting[0]
    assert waiting[-1] == ""


@pytest.mark.slow  # starts the process that compares formulas
def test_while_formulas_are_graded_the_curve_rests_on_the_rest_and_says_so(page, tmp_path):
    path = tmp_path / "references.csv"
    path.write_text(
        "question,answer,reference\n"
        "2+3?,5,5\n2+3?,6,5\n"
        "sin 45?,sqrt(2)/2,\\frac{1}{\\sqrt{2}}\nsin 45?,1/2,\\frac{1}{\\sqrt{2}}\n"
    )
    frames = [
        frame
        for frame in page.read(str(path), *SHOWN.values(), *AXES.values(), False)
        if frame.get(page.pool)
    ]
    first, last = frames[0], frames[-1]
    assert (first[page.pool].questions, first[page.pool].all_questions) == (1, 2)
    assert "1 of 2 questions so far" in first[page.head]
    assert "rests on 1 graded question:" in first[page.foot]
    assert '<progress value="0.1' in first[page.input_error]
    assert last[page.pool].questions == 2
    assert "so far" not in last[page.head] + last[page.foot].lower()
    single = last[page.pool].curve_points.query("arm == 'Coverage' and budget == 1")
    assert single["accuracy"].item() == 0.5


@pytest.mark.slow
def test_a_refused_file_leaves_no_chart_of_the_pool_before_it(page, pool_file, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text("not json")
    frames = list(page.read(str(bad), *SHOWN.values(), *AXES.values(), False))
    assert frames[1][page.pool] is None
    assert "my pool" not in frames[1][page.head]
    assert "bad.jsonl" in frames[-1][page.input_error]


@pytest.mark.slow
def test_unknown_columns_are_asked_for(page, tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("Prompt,completion,gold,reward\n2+3?,5,5,2.5\n2+3?,6,5,-1\n")
    asked = read(page, path)
    assert (
        "no column question (it has Prompt, completion, gold, reward)" in (asked[page.input_error])
    )
    assert asked[page.mapping.form]["visible"]
    chosen = [asked[each]["value"] for each in page.mapping.lists.values()]
    assert chosen == ["Prompt", "completion", "", "gold", "reward"]
    drawn = {}
    for frame in page.read_mapped(str(path), *chosen, *SHOWN.values(), *AXES.values(), False):
        drawn |= frame
    assert not drawn[page.mapping.form]["visible"]
    assert (drawn[page.pool].questions, drawn[page.pool].samples) == (1, 2)
    assert "logistic function" in drawn[page.foot]


@pytest.mark.slow
def test_the_sample_file_is_a_pool(page, tmp_path):
    path = tmp_path / "sample-pool.csv"
    path.write_text(SAMPLE_POOL)
    assert read(page, path)[page.pool].questions == 3


@pytest.mark.slow
def test_files_of_other_tools_are_drawn(page, tmp_path):
    shown = read(page, saved_import(tmp_path, "crucible", FILES["crucible"]))
    assert "Read as crucible cassettes." in shown[page.foot]
    trees = read(page, saved_import(tmp_path, "thinkbooster", FILES["thinkbooster"]))
    assert "search trees, no samples" in trees[page.input_error]


def test_real_models_stand_beside_ours_with_their_sources(page):
    models = load_real_models(REAL_MODELS_FILE)
    shown = real_models_table(models)
    for said in ("satchmakua/crucible-ttc", "MIT", "72.5 %", "57.5 to 85.0", "GPT-3 6B, verifier"):
        assert said in shown
    assert "Only 60 of the file" in shown
    assert real_models_table([]) == ""
    frame = page.show_real_model(0, *SHOWN.values(), *AXES.values(), False)
    drawn = lines(json.loads(frame[page.figure].plot))
    assert list(drawn) == ["Coverage", "Majority", "Best", "Weighted"]
    assert drawn["Coverage"]["y"][-1] == pytest.approx(0.725)
    assert "crucible-ttc, tests/fixtures, at fb47019; licence MIT" in frame[page.foot]


@pytest.mark.slow
def test_without_results_the_page_says_which_command_and_still_takes_a_pool(tmp_path, pool_file):
    with gr.Blocks():
        page = CurvesPage(ResultsStore(tmp_path))
    assert "ttc_explorer sweep" in page.banner.value
    assert draw(page)[1] is None
    pool = read(page, pool_file)[page.pool]
    frame = page.switch_source(pool, *SHOWN.values(), *AXES.values(), False)
    assert frame[page.card]["visible"]
    assert page.figure in frame


# --- beside a run ---------------------------------------------------------------------------------


KNOWN = "Solve 3x+5=20."


def run_of(results_store, text=KNOWN, **how):
    run = finished_run(text, "5", **how)
    run.model = results_store.models[0]
    return run


def test_beside_a_run_stands_the_curve_of_its_kind(results_store):
    run = run_of(results_store, strategy="beam", budget=16)
    shown = related_results(run, "weighted", results_store)
    problems = results_store.model_results(run.model).problems
    count = (problems["family"] == "linear").sum()
    assert f"{FAMILIES['linear'].title}: {count} measured questions" in shown
    assert "Beam search M = 4" in shown
    assert "Best-of-N" in shown
    assert "<circle" in shown
    assert "policy" not in shown


def test_a_question_has_one_difficulty_whatever_ran(results_store, results, tmp_path):
    """It stood in five bins, by strategy and budget, and beside a run that had asked the policy the
    page recommended something else."""
    shutil.copytree(results_store._folders["small"], tmp_path / "small")
    policy = dump_policy(make_policy(results, resamples=20))
    (tmp_path / "policy.json").write_text(policy.replace('"synthetic"', '"small"'))
    advised = ResultsStore(tmp_path)
    bins = set()
    for strategy in ("beam", "best_of_n", "mcts", "auto"):
        for budget in (4, 16, 64):
            run = finished_run(KNOWN, "5", strategy=strategy, budget=budget)
            run.model = "small"
            shown = related_results(run, "weighted", advised)
            bins |= set(re.findall(r"bin (\d) of 5", shown))
            assert ("policy" in shown) == (strategy != "auto")
    assert len(bins) == 1


def test_beside_a_run_the_policy_says_what_it_does_with_such_questions(
    results_store, results, tmp_path
):
    shutil.copytree(results_store._folders["small"], tmp_path / "small")
    policy = make_policy(results, resamples=20)
    (tmp_path / "policy.json").write_text(dump_policy(policy))
    run = finished_run(KNOWN, "5", strategy="beam", budget=16)
    run.model = "small"
    # it was measured on a model of another name
    assert "policy" not in related_results(run, "weighted", ResultsStore(tmp_path))
    (tmp_path / "policy.json").write_text(dump_policy(policy).replace('"synthetic"', '"small"'))
    advised = ResultsStore(tmp_path)
    shown = related_results(run, "weighted", advised)
    kind = question_kind(KNOWN, advised.model_results("small"), policy)
    choice = policy.cell(kind.bin, policy.nearest_budget(16)).choice
    same = StrategyVariant("beam") == StrategyVariant(
        choice.strategy, json.dumps(dict(choice.settings))
    )
    assert ("does the same" in shown) == same
    assert "measured policy" in shown


def test_settings_that_were_not_swept_get_no_mark(results_store):
    shown = related_results(
        run_of(results_store, strategy="beam", budget=16, width=2), "weighted", results_store
    )
    assert "<circle" not in shown
    assert "Best-of-N" in shown


def test_nothing_stands_beside_a_run_of_which_nothing_was_measured(results_store, tmp_path):
    assert related_results(finished_run(), "weighted", results_store) == ""
    assert related_results(run_of(results_store), "weighted", ResultsStore(tmp_path)) == ""
    unknown = run_of(results_store, "What is the derivative of x^2?")
    assert related_results(unknown, "weighted", results_store) == ""


def test_explore_shows_it_when_the_run_has_ended(results_store):
    with gr.Blocks():
        page = ExplorePage(ModelManager(toy_solver), None, results_store)
    assert page.show_related_results(ExploreSession(None)) == ""
    session = ExploreSession(run_of(results_store))
    assert "bin " in page.show_related_results(session)
    session.running = True  # the next run has begun: this would stand beside its answer
    assert page.show_related_results(session) == gr.skip()

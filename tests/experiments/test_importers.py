"""Each format on a small file made by hand; whatever else is in such a file is one sentence."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.experiments.importers import IMPORTERS, detect_format, import_document
from ttc_explorer.experiments.importers.source_document import SourceDocument, read_document
from ttc_explorer.experiments.pool import read_pool
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.trace import dump_trace, load_trace


def step_key(*steps):
    return "p1:" + hashlib.sha256("\u001f".join(steps).encode()).hexdigest()[:16]


TOT_LEVELS = [
    {
        "step": 0,
        "x": "4 6 1 1",
        "ys": [""],
        "new_ys": ["a\n", "b\n", "c\n"],
        "values": [60.0, 3.0, 0.0],
        "select_new_ys": ["a\n", "b\n"],
    },
    {
        "step": 1,
        "x": "4 6 1 1",
        "ys": ["a\n", "b\n"],
        "new_ys": ["a\nAnswer: 4*6*1*1 = 24\n", "a\nd\n", "b\nAnswer: 4*6 = 24\n"],
        "values": [60.0, 1.0, 20.0],
        "select_new_ys": ["a\nAnswer: 4*6*1*1 = 24\n", "b\nAnswer: 4*6 = 24\n"],
    },
]

FILES = {
    "search_and_learn": [
        {
            "problem": "2 + 3?",
            "answer": "5",
            "completions": [r"$\boxed{5}$", r"$\boxed{6}$"],
            "scores": [[0.5, 0.9], [0.8, 0.1]],
        }
    ],
    "large_language_monkeys": [
        {"question": "?", "samples": ["#### 18", "#### 17"], "is_corrects": [True, False]}
    ],
    "crucible": {
        "meta": {"dataset": "math500"},
        "records": [
            {
                "problem_id": "p1",
                "gold": "5",
                "difficulty": "level-2",
                "traces": [
                    {"text": r"\boxed{5}", "tokens": 7, "correct": True, "prm_score": 0.75},
                    {"text": r"\boxed{6}", "tokens": 8, "correct": False, "prm_score": None},
                ],
            }
        ],
    },
    "crucible_solutions": {
        "backend": "x",
        "records": [
            {
                "problem": {"id": "p1", "prompt": "2 + 3?", "answer": "5"},
                "traces": [
                    {
                        "steps": [
                            {"text": "Add.", "token_count": 2},
                            {"text": r"\boxed{5}", "token_count": 4},
                        ]
                    }
                ],
            }
        ],
    },
    "crucible_steps": {
        "problems": [{"id": "p1", "prompt": "2 + 3?", "answer": "5"}],
        "step_records": [
            {
                "key": step_key(),
                "batches": [[{"text": "a", "token_count": 1}, {"text": "b", "token_count": 1}]],
            },
            {
                "key": step_key("a"),
                "batches": [
                    [
                        {"text": r"\boxed{5}", "token_count": 1},
                        {"text": r"\boxed{6}", "token_count": 1},
                    ]
                ],
            },
        ],
    },
    "autotts": [
        {
            "question": "?",
            "final_answers_trace": ["70", "ERR", "71"],
            "each_branch": [[["No", "70"], 900, "70"], [["No"], 500, "ERR"], [["71"], 400, "71"]],
            "gold_answer": "70",
            "probe_freq": 500,
        }
    ],
    "interlace": [
        {
            "i": 1,
            "gsm8k_id": 546,
            "question": "?",
            "gold": "130",
            "trajectories": [
                {"text": "…", "answer": "130", "logprob": -0.25, "n_tokens": 9},
                {"text": "…", "answer": "", "logprob": -0.5, "n_tokens": 400},
            ],
        }
    ],
    "qwen_math_evaluation": [
        {
            "idx": 4,
            "question": "?",
            "gt": "5",
            "pred": ["5", "6"],
            "score": [True, False],
            "report": [None, None],
            "pred_score": [[3.5], [-2.0]],
        }
    ],
    "its_hub": [
        {
            "unique_id": 9,
            "budget": 1,
            "responses": [r"\boxed{5}"],
            "log_probs": [0.5],
            "correct": 1.0,
            "response": r"\boxed{5}",
            "correct_argmax": True,
        }
    ],
    "optillm": [
        {
            "index": 0,
            "problem": "?",
            "attempts": [
                {"attempt_number": 1, "response": "…", "predicted_answer": 204},
                {"attempt_number": 2, "response": "…", "predicted_answer": None},
            ],
            "correct_answer": 204,
            "is_correct": True,
        }
    ],
    "inspect_ai": {
        "version": 2,
        "eval": {"task": "math"},
        "samples": [
            {
                "id": 1,
                "epoch": epoch,
                "target": "5",
                "scores": {"match": {"value": value, "answer": answer}},
                "output": {
                    "choices": [{"message": {"content": r"\boxed{5}"}}],
                    "usage": {"output_tokens": 3},
                },
            }
            for epoch, value, answer in ((1, "C", "5"), (2, "I", "6"), (3, "C", None))
        ],
    },
    "lm_eval": [
        {
            "doc_id": 0,
            "doc": {},
            "target": "#### 5",
            "resps": [["… 5"]],
            "filtered_resps": [answer],
            "filter": name,
            "exact_match": right,
        }
        for name, answer, right in (
            ("strict-match", "[invalid]", 0.0),
            ("flexible-extract", "5", 1.0),
        )
    ],
    "thinkbooster": {
        "examples": [
            {
                "title": "t",
                "payloads": {
                    "8": {
                        "scenario": {"prompt": "Reason. Question: 2 + 3?", "ground_truth": "5"},
                        "strategies": [
                            {
                                "strategy_id": "beam_search",
                                "name": "Beam search",
                                "run": {
                                    "budget": 8,
                                    "tokens_used": 30,
                                    "model_id": "some/model",
                                    "scorer": {"id": "prm"},
                                    "events": [
                                        {
                                            "candidates": [
                                                {
                                                    "text": "a",
                                                    "status": "selected",
                                                    "signals": {"prm": 0.5},
                                                    "beam_uid": 1,
                                                    "parent_beam_uid": 0,
                                                },
                                                {
                                                    "text": "b",
                                                    "status": "pruned",
                                                    "signals": {"prm": 0.25},
                                                    "beam_uid": 2,
                                                    "parent_beam_uid": 0,
                                                },
                                            ]
                                        },
                                        {
                                            "candidates": [
                                                {
                                                    "text": r"\boxed{5}",
                                                    "status": "selected",
                                                    "signals": {"prm": 0.75},
                                                    "beam_uid": 3,
                                                    "parent_beam_uid": 1,
                                                }
                                            ]
                                        },
                                    ],
                                },
                            }
                        ],
                    }
                },
            }
        ]
    },
    "tree_of_thought_samples": [
        {
            "idx": 900,
            "ys": ["x\nAnswer: 6 * 4 = 24\n", "x\nAnswer: 3 * 8 = 24\n", "lost"],
            "infos": [{"r": 1}, {"r": 0}, {"r": 0}],
        }
    ],
    "tree_of_thought": [
        {
            "idx": 900,
            "steps": TOT_LEVELS,
            "ys": TOT_LEVELS[1]["select_new_ys"],
            "infos": [{"r": 1}, {"r": 0}],
            "usage_so_far": {"completion_tokens": 50},
        }
    ],
}

POOLS = {  # answers, right, scores
    "search_and_learn": (["5", "6"], [1, 0], [0.9, 0.1]),
    "large_language_monkeys": (["18", "17"], [1, 0], None),
    "crucible": (["5", "6"], [1, 0], [0.75, None]),
    "crucible_solutions": (["5"], [1], None),
    "autotts": (["70", None, "71"], [1, 0, 0], None),
    "interlace": (["130", None], [1, 0], [-0.25, -0.5]),
    "qwen_math_evaluation": (["5", "6"], [1, 0], [3.5, -2.0]),
    "its_hub": (["5"], [1], [0.5]),
    "optillm": (["204", None], [1, 0], None),
    "inspect_ai": (["5", "6", "5"], [1, 0, 1], None),
    "lm_eval": (["5"], [1], None),
    "tree_of_thought_samples": (["6*4", "3*8", None], [1, 0, 0], None),
    "tree_of_thought": (["4*6*1*1", "4*6"], [1, 0], None),
}


def saved(folder, name, content):
    if isinstance(content, list) and name != "optillm":
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    else:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_every_format_has_a_file_here():
    assert set(FILES) == set(IMPORTERS)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_known_by_its_keys(tmp_path, name):
    assert detect_format(read_document(saved(tmp_path, name, FILES[name]))) == name


@pytest.mark.parametrize("name", POOLS)
def test_samples_become_a_pool(tmp_path, name):
    answers, right, scores = POOLS[name]
    pool = read_pool(saved(tmp_path, name, FILES[name]))
    assert pool.attrs["format"] == name
    assert [a if isinstance(a, str) else None for a in pool["answer"]] == answers
    assert pool["correct"].tolist() == [bool(each) for each in right]
    assert pool["question"].nunique() == 1
    if scores is None:
        assert "score" not in pool
    else:
        assert [None if score != score else score for score in pool["score"]] == scores


def runs_of(name, document_name=None, companion=lambda _: None):
    document = SourceDocument(document_name or name, FILES[name], companion)
    return import_document(document, name).runs


def shape(run):
    tree = run.tree
    return list(zip(tree.parent, tree.text, tree.status, tree.score, strict=True))[1:]


def test_a_tree_of_thoughts_becomes_a_run_like_ours():
    (run,) = runs_of("tree_of_thought", "gpt-4_0.7_propose1.json")
    assert (
        run.problem.text == "Use the numbers 4 6 1 1 and basic arithmetic (+ - * /) to obtain 24."
    )
    assert (run.model, run.strategy, run.budget, run.settings.temperature) == (
        "gpt-4",
        "beam",
        2,
        0.7,
    )
    assert shape(run) == [
        (0, "a", "kept", 1.0),
        (0, "b", "kept", 0.05),
        (0, "c", "pruned", 0.0),
        (1, "Answer: 4*6*1*1 = 24", "finished", 1.0),
        (1, "d", "pruned", pytest.approx(1 / 60)),
        (2, "Answer: 4*6 = 24", "finished", pytest.approx(1 / 3)),
    ]
    assert run.correct == {"4*6*1*1": True, "4*6": False}
    assert run.ledger.generated_tokens == 50


def test_recorded_steps_become_a_tree_by_the_hashes_of_their_prefixes():
    scores = {step_key("a"): [0.5], step_key("a", r"\boxed{5}"): [0.5, 0.875]}
    beside = SourceDocument("", {"prm": "prm", "model_id": "some/prm", "records": scores})
    asked = []
    (run,) = runs_of(
        "crucible_steps", "math-mcts-steps.json", lambda name: asked.append(name) or beside
    )
    assert asked == ["math-mcts-prm.json"]
    assert (run.strategy, run.verifier) == ("mcts", "some/prm")
    assert shape(run) == [
        (0, "a", "kept", 0.5),
        (0, "b", "pruned", None),
        (1, r"\boxed{5}", "finished", 0.875),
        (1, r"\boxed{6}", "finished", None),
    ]
    assert run.correct == {"5": True, "6": False}
    (alone,) = runs_of("crucible_steps")
    assert alone.verifier is None


def test_a_debuggers_cached_beams_become_a_tree():
    (run,) = runs_of("thinkbooster")
    assert (run.problem.text, run.model, run.verifier) == ("2 + 3?", "some/model", "prm")
    assert shape(run) == [
        (0, "a", "kept", 0.5),
        (0, "b", "pruned", 0.25),
        (1, r"\boxed{5}", "finished", 0.75),
    ]
    assert run.correct == {"5": True}


@pytest.mark.parametrize("name", ["tree_of_thought", "crucible_steps", "thinkbooster"])
def test_imported_trees_are_traces(name):
    (run,) = runs_of(name)
    again = load_trace(dump_trace(run))
    assert shape(again) == shape(run)
    assert again.correct == run.correct
    assert "run elsewhere" in again.tree.notes[0].text


def test_an_unknown_file_is_one_sentence_of_what_was_found_and_what_is_missing(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"problem": "", "answer": "", "completions": []}))
    with pytest.raises(BadInput) as caught:
        read_pool(path)
    message = str(caught.value)
    assert "no column question (it has problem, answer, completions)" in message
    assert "nearest to search-and-learn, but lacks scores" in message
    path = tmp_path / "y.json"
    path.write_text("5")
    with pytest.raises(BadInput, match="no file of a known tool"):
        read_pool(path)


def test_several_responses_with_one_verdict_are_no_pool(tmp_path):
    row = FILES["its_hub"][0]
    several = row | {
        "budget": 2,
        "responses": [r"\boxed{5}", r"\boxed{6}"],
        "log_probs": [0.5, 0.25],
    }
    with pytest.raises(BadInput, match="give the file of budget 1"):
        read_pool(saved(tmp_path, "its_hub", [several]))
    assert len(read_pool(saved(tmp_path, "its_hub", [several, row]))) == 1


def places(value, path=()):
    """The path of every value in nested JSON."""
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**30) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=3,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_malformed_file_raises_anything_but_one_sentence(name, data):
    content = copy.deepcopy(FILES[name])
    *way, last = data.draw(st.sampled_from([path for path in places(content) if path]))
    inside = content
    for key in way:
        inside = inside[key]
    if data.draw(st.booleans()):
        del inside[last]
    else:
        inside[last] = data.draw(JSON)
    try:
        found = import_document(SourceDocument("file.json", content), name)
    except BadInput:
        return
    for run in found.runs:
        load_trace(dump_trace(run))

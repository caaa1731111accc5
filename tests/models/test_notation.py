"""A question in other words is read in the notation that the shipped models were taught."""

from __future__ import annotations

from tests.models.toys import toy_judge, toy_qwen2, toy_tokenizer
from ttc_explorer.models.decoding import TreeGenerator
from ttc_explorer.models.verifiers import TokenPRM
from ttc_explorer.problems.families import in_notation


def test_both_models_read_the_notation_and_leave_other_questions_alone():
    generator = TreeGenerator(toy_qwen2(), toy_tokenizer(), "toy", notation=in_notation)
    verifier = TokenPRM(toy_judge(), toy_tokenizer(), "toy", notation=in_notation)
    for model in (generator, verifier):
        said = [
            model.codec.prompt(text) for text in ("Which x satisfies  4x + 7 = 19?", "find X if 4x+7=19 .")
        ]
        assert said[0] == said[1] == model.codec.prompt("Solve 4x+7=19.")
        assert model.codec.prompt("Why?") == TreeGenerator(
            toy_qwen2(), toy_tokenizer(), "plain"
        ).codec.prompt("Why?")

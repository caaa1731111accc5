"""A question in other words is read in the notation that the shipped models were taught."""

from __future__ import annotations

from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.models.local_verifiers import TokenPRM
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.families import to_canonical_wording


def test_both_models_read_the_notation_and_leave_other_questions_alone():
    generator = TreeGenerator(
        toy_qwen2(), toy_tokenizer(), "toy", rewrite_question=to_canonical_wording
    )
    verifier = TokenPRM(
        toy_token_classifier(), toy_tokenizer(), "toy", rewrite_question=to_canonical_wording
    )
    for model in (generator, verifier):
        prompts = [
            model.codec.prompt(text)
            for text in ("Which x satisfies  4x + 7 = 19?", "find X if 4x+7=19 .")
        ]
        assert prompts[0] == prompts[1] == model.codec.prompt("Solve 4x+7=19.")
        assert model.codec.prompt("Why?") == TreeGenerator(
            toy_qwen2(), toy_tokenizer(), "plain"
        ).codec.prompt("Why?")

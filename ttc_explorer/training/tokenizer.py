"""The tokenizer of the shipped family: byte-level BPE, digits one by one, any text encodable.

Byte-level: every text has an encoding and decodes to itself. Digits, signs and line ends are never
merged with anything, so that numbers are read place by place and a step always ends in the token of
the line end.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from ttc_explorer.problems.families import FAMILIES, LEVELS
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.training.training_data import draw_wording

VOCABULARY_SIZE = 512
SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>")
CHAT_TEMPLATE = "{{ bos_token }}{{ messages[-1]['content'] | replace('\\n', ' ') }}{{ '\\n' }}"
"""The question on one line, then the line end: what comes next is the first step."""


def train_tokenizer(texts: int, seed: int, context: int) -> PreTrainedTokenizerFast:
    """Learn the merges from ``texts`` solved training problems of every family and level."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\n|\d| ?[A-Za-z]+ ?|[^\sA-Za-z\d]|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_training_texts(texts, seed), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=context,
    )


def _training_texts(count: int, seed: int) -> Iterator[str]:
    rng = Random(seed)
    for i in range(count):
        family = rng.choice(list(FAMILIES.values()))
        parameters = family.draw_from_split(rng, LEVELS[i % len(LEVELS)], "train")
        yield (
            draw_wording(family, parameters, rng)
            + "\n"
            + "\n".join(map(line_text, family.worked_solution(parameters)))
            + "\n"
        )

"""Tiny random models and a byte-level tokenizer: real ones in every respect but size, made in
milliseconds.

Their lines are short sums such as ``3+4=``; about one line in eight is an answer line or the end.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor, nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForTokenClassification,
)

from ttc_explorer.models.backbone import Backbone
from ttc_explorer.models.kv_cache import TokenPlaces
from ttc_explorer.models.local_verifiers import TokenPRM
from ttc_explorer.models.tree_decoding import TreeGenerator

ANSWER = "Answer: "
CONTEXT = 512


class ReadCount:
    """What a backbone has read, padding apart: ``tokens``, and ``contexts``, the tokens that each
    of them came after, itself included, added up."""

    def __init__(self, original: Callable[..., Tensor | None]) -> None:
        self.original = original
        self.tokens = self.contexts = 0

    def flops(self, model: PreTrainedModel) -> float:
        """By hand: 2 a weight and token, 4 a layer, channel and token attended to."""
        config = model.config
        width = config.num_hidden_layers * config.hidden_size
        weights = sum(weight.numel() for weight in model.parameters())
        return 2 * weights * self.tokens + 4 * width * self.contexts


def count_what_is_read(backbone: Backbone) -> ReadCount:
    """Count from now on. Id 0 is padding and nothing else."""
    read = backbone.read
    count = ReadCount(read)

    def counted(ids: Tensor, places: TokenPlaces, *args: object, **more: object) -> Tensor | None:
        count.tokens += int((ids != 0).sum())
        count.contexts += int(((places.positions + 1) * (ids != 0)).sum())
        return read(ids, places, *args, **more)

    backbone.read = counted
    return count


def toy_tokenizer() -> PreTrainedTokenizerFast:
    """A token for each byte, one for ``Answer: ``, and the special ones of the shipped
    tokenizer."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    whole = ANSWER.replace(" ", "Ġ")
    pieces = [whole[:end] for end in range(2, len(whole) + 1)]
    vocabulary = {
        piece: number
        for number, piece in enumerate(["<pad>", "<bos>", "<eos>", *alphabet, *pieces])
    }
    merges = [(whole[: end - 1], whole[end - 1]) for end in range(2, len(whole) + 1)]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("Answer: |[\\s\\S]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        chat_template="{{ bos_token }}{{ messages[-1]['content'] | replace('\\n', ' ') }}"
        "{{ '\\n' }}",
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )


def toy_config(**changes: object) -> dict[str, object]:
    """Configuration of a model with 2 layers, 4 heads that share 2 key-value heads, and 24 spare
    ids."""
    return {
        "vocab_size": len(toy_tokenizer()) + 24,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    } | changes


def randomize_weights(model: nn.Module, seed: int) -> None:
    """Fill all weights at random, large enough that every token depends on all tokens before it."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 or name.endswith("bias"):
                weight.normal_(0, 0.25, generator=random)


def bias_towards_sums(model: PreTrainedModel) -> None:
    """Make digits, signs, line ends and answer lines likely, whatever the weights say besides.

    Channel 0 of the residual stream is held near a constant, which the head reads as a bias.
    """
    tokenizer = toy_tokenizer()
    likely = dict.fromkeys("0123456789+-=", 0.0) | {"\n": 1.3, ANSWER: 0.9}
    with torch.no_grad():
        model.get_input_embeddings().weight[:, 0] = 4.0
        head = model.get_output_embeddings().weight
        head *= 0.5
        head[:, 0] = -4.0
        for text, bias in likely.items():
            (token,) = tokenizer(text, add_special_tokens=False)["input_ids"]
            head[token, 0] = bias
        head[tokenizer.eos_token_id, 0] = -0.2


def toy_qwen2(seed: int = 0, **changes: object) -> Qwen2ForCausalLM:
    model = Qwen2ForCausalLM(Qwen2Config(**toy_config(**changes))).eval()
    randomize_weights(model, seed)
    bias_towards_sums(model)
    return model


def toy_llama(seed: int = 0, **changes: object) -> LlamaForCausalLM:
    model = LlamaForCausalLM(LlamaConfig(**toy_config(**changes))).eval()
    randomize_weights(model, seed)
    bias_towards_sums(model)
    return model


def toy_token_classifier(seed: int = 0, **changes: object) -> Qwen2ForTokenClassification:
    model = Qwen2ForTokenClassification(Qwen2Config(num_labels=2, **toy_config(**changes))).eval()
    randomize_weights(model, seed)
    return model


def toy_generator(seed: int = 0) -> TreeGenerator:
    """A generator on a random Qwen2 model."""
    return TreeGenerator(toy_qwen2(seed), toy_tokenizer(), name=f"toy-{seed}")


def toy_verifier(seed: int = 0) -> TokenPRM:
    """A process reward model on a random Qwen2 model; its scores spread over (0, 1)."""
    return TokenPRM(toy_token_classifier(seed), toy_tokenizer(), name=f"toy-prm-{seed}")

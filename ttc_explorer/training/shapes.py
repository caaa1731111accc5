"""The shapes of the shipped models: Llama architecture in plain Hugging Face configuration.

Not Qwen2: transformers loads its own tokenizer for any model of that type, whatever the folder holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForTokenClassification, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Shape:
    """``width`` of the residual stream, ``layers``, ``inner`` width of the gated feed-forward, ``heads``."""

    width: int
    layers: int
    inner: int
    heads: int

    def config(self, tokenizer: PreTrainedTokenizerFast, context: int, **more: object) -> LlamaConfig:
        return LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            intermediate_size=self.inner,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            max_position_embeddings=context,
            tie_word_embeddings=True,
            attention_bias=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **more,
        )


def new_generator(
    shape: Shape, tokenizer: PreTrainedTokenizerFast, context: int, seed: int
) -> LlamaForCausalLM:
    """An untrained causal language model."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(shape.config(tokenizer, context))
    _calm(model, shape.layers)
    return model


def new_verifier(base: LlamaForCausalLM, more_layers: int, seed: int) -> LlamaForTokenClassification:
    """The base with ``more_layers`` fresh layers on top and a head with two labels (wrong, right).

    A tiny base spends its few layers on predicting text; the fresh ones are where comparing is learnt.
    """
    torch.manual_seed(seed)
    config = type(base.config).from_dict(
        base.config.to_dict()
        | {
            "num_hidden_layers": base.config.num_hidden_layers + more_layers,
            "layer_types": None,
            "num_labels": 2,
        }
    )
    model = LlamaForTokenClassification(config)
    _calm(model, config.num_hidden_layers)
    model.model.load_state_dict(base.model.state_dict(), strict=False)
    nn.init.zeros_(model.score.weight)
    nn.init.zeros_(model.score.bias)
    return model


def _calm(model: nn.Module, layers: int) -> None:
    """Scale what writes into the residual stream, so that its size does not grow with depth (GPT-2)."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.mul_(1 / math.sqrt(2 * layers))

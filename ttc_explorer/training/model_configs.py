"""The configurations of the shipped models: Llama architecture in plain Hugging Face configuration.

Not Qwen2: transformers loads its own tokenizer for any model of that type, whatever the folder
holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForTokenClassification,
    PreTrainedTokenizerFast,
)


@dataclass(frozen=True)
class ModelShape:
    """``width`` of the residual stream, ``layers``, ``ffn_width`` width of the gated feed-forward,
    ``heads``."""

    width: int
    layers: int
    ffn_width: int
    heads: int

    def config(self, tokenizer: PreTrainedTokenizerFast, context: int) -> LlamaConfig:
        return LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            intermediate_size=self.ffn_width,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            max_position_embeddings=context,
            tie_word_embeddings=True,
            attention_bias=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )


def new_generator(
    shape: ModelShape, tokenizer: PreTrainedTokenizerFast, context: int, seed: int
) -> LlamaForCausalLM:
    """An untrained causal language model."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(shape.config(tokenizer, context))
    _scale_residual_weights(model, shape.layers)
    return model


def new_verifier(
    base: LlamaForCausalLM, extra_layers: int, seed: int
) -> LlamaForTokenClassification:
    """The base with ``extra_layers`` fresh layers on top and a head with two labels (wrong, right).

    A tiny base spends its few layers on predicting text; the fresh ones are where comparing is
    learnt.
    """
    torch.manual_seed(seed)
    config = type(base.config).from_dict(
        base.config.to_dict()
        | {
            "num_hidden_layers": base.config.num_hidden_layers + extra_layers,
            "layer_types": None,
            "num_labels": 2,
        }
    )
    model = LlamaForTokenClassification(config)
    _scale_residual_weights(model, config.num_hidden_layers)
    model.model.load_state_dict(base.model.state_dict(), strict=False)
    nn.init.zeros_(model.score.weight)
    nn.init.zeros_(model.score.bias)
    return model


def _scale_residual_weights(model: nn.Module, layers: int) -> None:
    """Scale what writes into the residual stream, so that its size does not grow with depth
    (GPT-2)."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.mul_(1 / math.sqrt(2 * layers))

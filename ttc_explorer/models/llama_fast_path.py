"""A fast path for models of the Llama and Qwen2 shape, the shipped ones among them.

The same sums as transformers', in fewer and larger operations: for models this small, an operation
costs mostly because it is one. Weights are rewritten once, so that work between matrices is done
beforehand:

* queries, keys and values come out of one matrix, and so do the two halves of the feed-forward
  gate; the key and the value of a head stand side by side, and are written to the cache as one;
* the gains of the norms and the scale of attention are multiplied into the matrices that follow;
* the two channels that a rotary position turns (arXiv 2104.09864) stand side by side, as one
  complex number; queries and keys are reordered alike, which leaves their products as they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    LlamaForCausalLM,
    LlamaForTokenClassification,
    PreTrainedModel,
    Qwen2ForCausalLM,
    Qwen2ForTokenClassification,
)

from ttc_explorer.models.flops import attention_width
from ttc_explorer.models.kv_cache import KVBlock, TokenPlaces

SUPPORTED_CLASSES = (
    LlamaForCausalLM,
    LlamaForTokenClassification,
    Qwen2ForCausalLM,
    Qwen2ForTokenClassification,
)


@dataclass(frozen=True)
class _FusedLayer:
    """Matrices of one layer, (inputs, outputs) each."""

    attention_in: Tensor
    attention_in_bias: Tensor
    attention_out: Tensor
    attention_out_bias: Tensor | None
    mlp_in: Tensor
    mlp_out: Tensor


class FusedBackbone:
    """See Backbone. Keeps no reference to the transformers model.

    What a token gets in its own slot does not depend on the slots beside it, to the last bit where
    the matrix library's result for a row does not depend on their number: true of MKL from two rows
    on if the matrix is stored row by row, and of one stored column by column only from sixteen.
    """

    recomputes_prefix = False

    def __init__(self, model: PreTrainedModel) -> None:
        parts: Any = model  # to type checkers, whatever a module has is a tensor or a module
        config = model.config
        self.parameters = sum(weight.numel() for weight in model.parameters())
        self.attention_width = attention_width(config)
        self.context: int = config.max_position_embeddings
        self.device = model.device
        self._heads = config.num_attention_heads
        self._kv_heads = config.num_key_value_heads
        self._head_dim = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        exponents = torch.arange(0, self._head_dim, 2, device=self.device).float() / self._head_dim
        frequencies = 1.0 / config.rope_parameters["rope_theta"] ** exponents
        angles = torch.arange(self.context, device=self.device)[:, None] * frequencies
        self._rotations = torch.polar(torch.ones_like(angles), angles)
        self._embedding: Tensor = parts.get_input_embeddings().weight.detach()
        self._norm_epsilon = self._embedding.new_tensor(
            math.sqrt(config.hidden_size * config.rms_norm_eps)
        )
        self._layers = [self._fuse_layer(layer) for layer in parts.base_model.layers]
        self._norm: Tensor = parts.base_model.norm.weight.detach() * math.sqrt(config.hidden_size)
        head = parts.score if hasattr(model, "score") else parts.lm_head
        self._head = head.weight.detach()
        self._head_bias = None if head.bias is None else head.bias.detach()

    @staticmethod
    def supports(model: PreTrainedModel) -> bool:
        """Whether the model is one of these shapes in every detail."""
        config = model.config
        return (
            type(model) in SUPPORTED_CLASSES
            and model.dtype == torch.float32
            and isinstance(getattr(model, "score", model.get_output_embeddings()), torch.nn.Linear)
            and config.hidden_act == "silu"
            and config.rope_parameters["rope_type"] == "default"
            and config.rope_parameters.get("partial_rotary_factor", 1.0) == 1.0
            and set(getattr(config, "layer_types", None) or ["full_attention"])
            == {"full_attention"}
            and not getattr(config, "mlp_bias", False)
        )

    def read(
        self, ids: Tensor, places: TokenPlaces, block: KVBlock, predict: bool
    ) -> Tensor | None:
        """See Backbone."""
        n, count = ids.shape
        block.reserve(places.attended_width)
        # Padding may lie beyond the context; where it is turned to does not matter.
        rotations = self._rotations[places.positions.clamp(max=self.context - 1)][:, :, None]
        mask = torch.zeros(places.masked.shape, device=ids.device)
        mask = mask.masked_fill_(places.masked, -torch.inf)[:, None]

        head_counts = [self._heads, 2 * self._kv_heads]
        halves = [self._layers[0].mlp_out.shape[0]] * 2
        lines = n * count  # one token a line from here on
        x = _pad_to_two(F.embedding(ids.flatten(), self._embedding))
        for number, layer in enumerate(self._layers):
            mixed = torch.addmm(layer.attention_in_bias, self._rms_normalize(x), layer.attention_in)
            mixed = mixed[:lines].view(n, count, sum(head_counts), self._head_dim)
            queries, pairs = mixed.split_with_sizes(head_counts, dim=2)
            for rotated in (queries, pairs[:, :, ::2]):
                torch.view_as_complex(rotated.unflatten(-1, (-1, 2))).mul_(rotations)
            attended = self._attend(queries, block.write(number, pairs, places), mask)
            x.addmm_(_pad_to_two(attended), layer.attention_out)
            if layer.attention_out_bias is not None:
                x.add_(layer.attention_out_bias)
            gate, up = torch.mm(self._rms_normalize(x), layer.mlp_in).split_with_sizes(
                halves, dim=-1
            )
            x.addmm_(F.silu(gate).mul_(up), layer.mlp_out)
        if not predict:
            return None
        out = F.linear(self._rms_normalize(x) * self._norm, self._head, self._head_bias)
        return out[:lines].view(n, count, -1)

    def _rms_normalize(self, x: Tensor) -> Tensor:
        """Root mean square norm (arXiv 1910.07467) of lines, but for the factor √width and the
        gain."""
        return x / torch.hypot(
            torch.linalg.vector_norm(x, dim=-1, keepdim=True), self._norm_epsilon
        )

    def _attend(self, queries: Tensor, pairs: Tensor, mask: Tensor) -> Tensor:
        """Attention of queries (n, T, heads, channels) over the columns of their slots.

        ``pairs`` (n, 2 · key heads, attended_width, channels) are each head's keys and values;
        ``mask`` (n, 1, T, attended_width) is added to the scores. Returns (n · T, heads ·
        channels). The query heads that share a key head are one matrix: (sharing · T, channels).
        """
        n, count = queries.shape[:2]
        queries_per_kv_head = self._heads // self._kv_heads
        grouped = queries.view(
            n, count, self._kv_heads, queries_per_kv_head, self._head_dim
        ).permute(0, 2, 3, 1, 4)
        grouped = grouped.reshape(n * self._kv_heads, queries_per_kv_head * count, self._head_dim)
        keys, values = pairs.unflatten(1, (-1, 2)).flatten(0, 1).unbind(1)
        scores = torch.bmm(grouped, keys.transpose(1, 2))
        scores.view(n, self._heads, count, -1).add_(mask)
        mixed = torch.bmm(scores.softmax(-1), values).view(n, self._heads, count, -1)
        return mixed.transpose(1, 2).reshape(n * count, -1)

    def _fuse_layer(self, layer: Any) -> _FusedLayer:
        attention, mlp = layer.self_attn, layer.mlp
        scale = self._head_dim**-0.5
        queries, keys, values = attention.q_proj, attention.k_proj, attention.v_proj
        weights = [
            self._interleave_halves(queries.weight) * scale,
            self._pair_heads(self._interleave_halves(keys.weight), values.weight),
        ]
        biases = [
            self._interleave_halves(_bias(queries)) * scale,
            self._pair_heads(self._interleave_halves(_bias(keys)), _bias(values)),
        ]
        width = math.sqrt(weights[0].shape[1])
        gated = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
        return _FusedLayer(
            attention_in=_stored_by_rows(
                torch.cat(weights) * (layer.input_layernorm.weight * width)
            ),
            attention_in_bias=torch.cat(biases).detach(),
            attention_out=_stored_by_rows(attention.o_proj.weight),
            attention_out_bias=None if attention.o_proj.bias is None else _bias(attention.o_proj),
            mlp_in=_stored_by_rows(gated * (layer.post_attention_layernorm.weight * width)),
            mlp_out=_stored_by_rows(mlp.down_proj.weight),
        )

    def _pair_heads(self, keys: Tensor, values: Tensor) -> Tensor:
        """The outputs of both, head by head: a head's keys, then its values."""
        heads = (self._kv_heads, self._head_dim)
        both = torch.stack([keys.unflatten(0, heads), values.unflatten(0, heads)], dim=1)
        return both.flatten(0, 2)

    def _interleave_halves(self, weight: Tensor) -> Tensor:
        """The outputs of each head, two halves, reordered to alternate between the halves."""
        halves = weight.view(-1, 2, self._head_dim // 2, *weight.shape[1:])
        return halves.transpose(1, 2).reshape(weight.shape)


def _bias(linear: torch.nn.Linear) -> Tensor:
    """The bias of a linear map; zeros where it has none."""
    return (
        linear.weight.new_zeros(linear.out_features)
        if linear.bias is None
        else linear.bias.detach()
    )


def _stored_by_rows(weight: Tensor) -> Tensor:
    """A linear map's weight (outputs, inputs) as a matrix (inputs, outputs), stored row by row."""
    return weight.detach().t().contiguous()


def _pad_to_two(lines: Tensor) -> Tensor:
    """The lines, and one of zeros if there is only one."""
    return F.pad(lines, (0, 0, 0, 1)) if lines.shape[0] == 1 else lines

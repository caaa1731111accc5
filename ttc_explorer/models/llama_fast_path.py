"""A fast path for models of the Llama and Qwen2 shape, the shipped ones among them.

The same sums as transformers', in fewer and larger operations: for models this small, an operation
costs mostly because it is one. Weights are rewritten once, so that work between matrices is done
beforehand:

* queries, keys and values come out of one matrix, and so do the two halves of the feed-forward
  gate; queries and keys stand side by side and are turned as one; so do keys and values, which are
  written to the cache as one; the cache of all layers is one tensor;
* the gains of the norms and the scale of attention are multiplied into the matrices that follow;
* a bias is one more row of its matrix, for a channel that is always 1, and the epsilon of a norm
  is the square of one more channel of what is normed;
* the two channels that a rotary position turns (arXiv 2104.09864) stand side by side, as one
  complex number; queries and keys are reordered alike, which leaves their products as they were.

What a pass computes goes into buffers that are there already.
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


CONSTANT_CHANNELS = 16
"""Channels after the model's own, of which the first is a constant and the others are zero: as many
as leave the rows of a matrix aligned."""

BUFFERED_LINES, BUFFERED_SIZES = 64, 16
"""Buffers for passes over at most so many tokens are kept, for so many numbers of tokens: in longer
passes, making them costs nothing beside the sums."""


@dataclass(frozen=True)
class _FusedLayer:
    """Matrices of one layer, (inputs, outputs) each; the inputs of all but ``mlp_out`` end with
    CONSTANT_CHANNELS."""

    attention_in: Tensor
    attention_out: Tensor
    mlp_in: Tensor
    mlp_out: Tensor


class _LineBuffers:
    """What a pass over ``lines`` tokens computes, a token a line.

    Args:
        lines: The tokens.
        hidden: Channels of the residual stream.
        heads: Of queries, and of keys.
        head_dim: Channels of a head.
        gated: Channels between the two matrices of the feed-forward layer.
        norm_epsilon: What stands in the constant channel of the residual stream.
    """

    def __init__(
        self,
        lines: int,
        hidden: int,
        heads: tuple[int, int],
        head_dim: int,
        gated: int,
        norm_epsilon: float,
    ) -> None:
        self.stream = _with_constant(lines, hidden, norm_epsilon)
        self.hidden = self.stream[:, :hidden]
        self.norms = torch.empty(lines, 1)
        self.normed = _with_constant(lines, hidden, 1.0)
        self.normed_hidden = self.normed[:, :hidden]
        self.mixed = torch.empty(lines, (heads[0] + 2 * heads[1]) * head_dim)
        by_head = self.mixed.view(lines, -1, head_dim)
        self.queries, self.keys_and_values = by_head.split([heads[0], 2 * heads[1]], dim=1)
        self.turned = torch.view_as_complex(by_head[:, : sum(heads)].unflatten(-1, (-1, 2)))
        self.attended = _with_constant(lines, heads[0] * head_dim, 1.0)
        self.attended_heads = self.attended[:, : heads[0] * head_dim].unflatten(-1, (-1, head_dim))
        self.gate_and_up = torch.empty(lines, 2 * gated)
        self.gate, self.up = self.gate_and_up.split(gated, dim=-1)
        self.gated = torch.empty(lines, gated)

    def normalize(self) -> None:
        """Write ``normed``: the root mean square norm (arXiv 1910.07467) of the residual stream,
        but for the factor √width and the gain."""
        torch.linalg.vector_norm(self.stream, dim=-1, keepdim=True, out=self.norms)
        torch.div(self.hidden, self.norms, out=self.normed_hidden)


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
        self._norm_epsilon = math.sqrt(config.hidden_size * config.rms_norm_eps)
        self._layers = [self._fuse_layer(layer) for layer in parts.base_model.layers]
        self._norm: Tensor = parts.base_model.norm.weight.detach() * math.sqrt(config.hidden_size)
        head = parts.score if hasattr(model, "score") else parts.lm_head
        self._head = head.weight.detach()
        self._head_bias = None if head.bias is None else head.bias.detach()
        self._buffers: dict[int, _LineBuffers] = {}

    @staticmethod
    def supports(model: PreTrainedModel) -> bool:
        """Whether the model is one of these shapes in every detail."""
        config = model.config
        return (
            type(model) in SUPPORTED_CLASSES
            and model.dtype == torch.float32
            and model.device.type == "cpu"
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
        lines = n * count
        block.reserve(places.attended_width)
        # Padding may lie beyond the context; where it is turned to does not matter.
        positions = places.positions.flatten().clamp(max=self.context - 1)
        rotations = self._rotations.index_select(0, positions)[:, None]
        # The query heads that share a key head are one matrix: (sharing · count, channels).
        sharing = self._heads // self._kv_heads
        mask = torch.zeros(places.masked.shape).masked_fill_(places.masked, -torch.inf)[:, None]
        mask = mask.repeat(1, 1, sharing, 1) if sharing > 1 else mask
        written, attended_to = block.views(
            0, 2 * self._kv_heads * len(self._layers), self._head_dim, places, self._embedding
        )
        # Keys, then values, a layer after the other.
        cached = attended_to.chunk(2 * len(self._layers), dim=1)

        buffers = self._buffers_for(max(lines, 2))  # see above: two rows or more
        queries, attended = (
            part[:lines].unflatten(0, (n, count)).unflatten(2, (self._kv_heads, -1))
            for part in (buffers.queries, buffers.attended_heads)
        )
        queries, attended = queries.permute(0, 2, 3, 1, 4), attended.permute(0, 2, 3, 1, 4)
        as_matrices = (n, self._kv_heads, sharing * count, self._head_dim)
        keys_and_values = buffers.keys_and_values[:lines].unflatten(0, (n, count)).transpose(1, 2)

        if lines == 1:
            buffers.hidden[1] = 0.0
        buffers.hidden[:lines] = F.embedding(ids.flatten(), self._embedding)
        for layer, place, keys, values in zip(
            self._layers,
            written.chunk(len(self._layers), dim=1),
            cached[::2],
            cached[1::2],
            strict=True,
        ):
            buffers.normalize()
            torch.mm(buffers.normed, layer.attention_in, out=buffers.mixed)
            buffers.turned.mul_(rotations)
            place.copy_(keys_and_values)
            found = F.scaled_dot_product_attention(
                queries.reshape(as_matrices), keys, values, attn_mask=mask, scale=1.0
            )
            attended.copy_(found.view(attended.shape))
            buffers.hidden.addmm_(buffers.attended, layer.attention_out)
            buffers.normalize()
            torch.mm(buffers.normed, layer.mlp_in, out=buffers.gate_and_up)
            torch.mul(F.silu(buffers.gate, inplace=True), buffers.up, out=buffers.gated)
            buffers.hidden.addmm_(buffers.gated, layer.mlp_out)
        if not predict:
            return None
        buffers.normalize()
        out = F.linear(buffers.normed_hidden * self._norm, self._head, self._head_bias)
        return out[:lines].view(n, count, -1)

    def _buffers_for(self, lines: int) -> _LineBuffers:
        """Buffers for a pass over so many tokens."""
        buffers = self._buffers.get(lines)
        if buffers is None:
            with torch.inference_mode(False):  # so that they may be written inside it and outside
                buffers = _LineBuffers(
                    lines,
                    self._embedding.shape[1],
                    (self._heads, self._kv_heads),
                    self._head_dim,
                    self._layers[0].mlp_out.shape[0],
                    self._norm_epsilon,
                )
            if lines <= BUFFERED_LINES:
                if len(self._buffers) == BUFFERED_SIZES:
                    self._buffers.clear()
                self._buffers[lines] = buffers
        return buffers

    def _fuse_layer(self, layer: Any) -> _FusedLayer:
        attention, mlp = layer.self_attn, layer.mlp
        scale = self._head_dim**-0.5
        queries, keys, values = attention.q_proj, attention.k_proj, attention.v_proj
        weights = [
            self._interleave_halves(queries.weight) * scale,
            self._interleave_halves(keys.weight),
            values.weight,
        ]
        biases = [
            self._interleave_halves(_bias(queries)) * scale,
            self._interleave_halves(_bias(keys)),
            _bias(values),
        ]
        width = math.sqrt(weights[0].shape[1])
        gated = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
        return _FusedLayer(
            attention_in=_with_bias_row(
                torch.cat(weights) * (layer.input_layernorm.weight * width), torch.cat(biases)
            ),
            attention_out=_with_bias_row(attention.o_proj.weight, _bias(attention.o_proj)),
            mlp_in=_with_bias_row(
                gated * (layer.post_attention_layernorm.weight * width),
                gated.new_zeros(gated.shape[0]),
            ),
            mlp_out=mlp.down_proj.weight.detach().t().contiguous(),
        )

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


def _with_bias_row(weight: Tensor, bias: Tensor) -> Tensor:
    """A linear map of lines that end with CONSTANT_CHANNELS, the first of which is 1: a matrix
    (inputs + CONSTANT_CHANNELS, outputs), stored row by row.

    Args:
        weight: (outputs, inputs).
        bias: (outputs,).
    """
    padding = weight.new_zeros(CONSTANT_CHANNELS - 1, len(bias))
    return torch.cat([weight.detach().t(), bias.detach()[None], padding]).contiguous()


def _with_constant(lines: int, channels: int, constant: float) -> Tensor:
    """Room for lines of so many channels, with the constant channels after them."""
    both = torch.zeros(lines, channels + CONSTANT_CHANNELS)
    both[:, channels] = constant
    return both

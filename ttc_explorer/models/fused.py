"""A fast path for models of the Llama and Qwen2 shape, the shipped ones among them.

The same sums as transformers', in fewer and larger operations: for models this small, an operation costs
mostly because it is one. Weights are rewritten once, so that work between matrices is done beforehand:

* queries, keys and values come out of one matrix, and so do the two halves of the feed-forward gate;
* the gains of the norms and the scale of attention are multiplied into the matrices that follow;
* the two channels that a rotary position turns (arXiv 2104.09864) stand side by side, as one complex number;
  queries and keys are reordered alike, which leaves their products as they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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

from ttc_explorer.models.memory import Block, Place

SHAPES = (LlamaForCausalLM, LlamaForTokenClassification, Qwen2ForCausalLM, Qwen2ForTokenClassification)


@dataclass(frozen=True)
class _Layer:
    """Matrices of one layer, (inputs, outputs) each."""

    attend_in: Tensor
    attend_bias: Tensor
    attend_out: Tensor
    attend_out_bias: Tensor
    feed_in: Tensor
    feed_out: Tensor


class FusedBackbone:
    """See Backbone. Keeps no reference to the transformers model.

    What a row gets does not depend on the rows beside it, to the last bit where the matrix library's result
    for a row does not depend on their number (true of MKL from four rows on, hence the multiples of four).
    """

    rereads = False

    def __init__(self, model: PreTrainedModel) -> None:
        config = model.config
        self.parameters = sum(weight.numel() for weight in model.parameters())
        self.context: int = config.max_position_embeddings
        self.device = model.device
        self._heads = config.num_attention_heads
        self._key_heads = config.num_key_value_heads
        self._channels = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        exponents = torch.arange(0, self._channels, 2, device=self.device).float() / self._channels
        frequencies = 1.0 / config.rope_parameters["rope_theta"] ** exponents
        angles = torch.arange(self.context, device=self.device)[:, None] * frequencies
        self._turns = torch.polar(torch.ones_like(angles), angles)
        self._embedding = model.get_input_embeddings().weight.detach()
        self._floor = self._embedding.new_tensor(math.sqrt(config.hidden_size * config.rms_norm_eps))
        self._layers = [self._rewritten(layer) for layer in model.base_model.layers]
        self._norm = model.base_model.norm.weight.detach() * math.sqrt(config.hidden_size)
        head = model.score if hasattr(model, "score") else model.lm_head
        self._head = head.weight.detach()
        self._head_bias = None if head.bias is None else head.bias.detach()

    @staticmethod
    def suits(model: PreTrainedModel) -> bool:
        """Whether the model is one of these shapes in every detail."""
        config = model.config
        return (
            type(model) in SHAPES
            and model.dtype == torch.float32
            and isinstance(getattr(model, "score", model.get_output_embeddings()), torch.nn.Linear)
            and config.hidden_act == "silu"
            and config.rope_parameters["rope_type"] == "default"
            and config.rope_parameters.get("partial_rotary_factor", 1.0) == 1.0
            and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
            and not getattr(config, "mlp_bias", False)
        )

    def read(self, ids: Tensor, starts: Tensor, block: Block, predict: bool) -> Tensor | None:
        """See Backbone."""
        n, count = ids.shape
        place = Place(starts, count)
        block.reserve(place.reach)
        # Padding may lie beyond the context; where it is turned to does not matter.
        turns = self._turns[place.columns.clamp(max=self.context - 1)][:, :, None]

        parts = [self._heads, self._key_heads, self._key_heads]
        halves = [self._layers[0].feed_out.shape[0]] * 2
        lines = n * count  # one token a line from here on
        x = _by_fours(F.embedding(ids.flatten(), self._embedding))
        for number, layer in enumerate(self._layers):
            mixed = torch.addmm(layer.attend_bias, self._direction(x), layer.attend_in)
            mixed = mixed[:lines].view(n, count, sum(parts), self._channels)
            turning = mixed[:, :, : self._heads + self._key_heads].unflatten(-1, (-1, 2))
            torch.view_as_complex(turning).mul_(turns)
            queries, keys, values = mixed.split_with_sizes(parts, dim=2)
            keys = block.write(2 * number, keys, place)
            values = block.write(2 * number + 1, values, place)
            seen = self._attended(queries, keys, values, place.unseen)
            x.addmm_(_by_fours(seen), layer.attend_out).add_(layer.attend_out_bias)
            gate, up = torch.mm(self._direction(x), layer.feed_in).split_with_sizes(halves, dim=-1)
            x.addmm_(F.silu(gate).mul_(up), layer.feed_out)
        if not predict:
            return None
        out = F.linear(self._direction(x) * self._norm, self._head, self._head_bias)
        return out[:lines].view(n, count, -1)

    def _direction(self, x: Tensor) -> Tensor:
        """Root mean square norm (arXiv 1910.07467) of lines, but for the factor √width and the gain."""
        return x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), self._floor)

    def _attended(self, queries: Tensor, keys: Tensor, values: Tensor, unseen: Tensor) -> Tensor:
        """Attention of queries (n, T, heads, channels) over the columns not ``unseen`` (n, T, reach).

        Keys and values (n, key heads, reach, channels). Returns (n · T, heads · channels). The query heads
        that share a key head are one matrix: (sharing · T, channels).
        """
        n, count = queries.shape[:2]
        sharing = self._heads // self._key_heads
        grouped = queries.view(n, count, self._key_heads, sharing, self._channels).permute(0, 2, 3, 1, 4)
        grouped = grouped.reshape(n * self._key_heads, sharing * count, self._channels)
        scores = torch.bmm(grouped, keys.flatten(0, 1).transpose(1, 2))
        scores.view(n, -1, count, unseen.shape[2]).masked_fill_(unseen[:, None], -torch.inf)
        mixed = torch.bmm(scores.softmax(-1), values.flatten(0, 1)).view(n, self._heads, count, -1)
        return mixed.transpose(1, 2).reshape(n * count, -1)

    def _rewritten(self, layer: torch.nn.Module) -> _Layer:
        attention, feed = layer.self_attn, layer.mlp
        scale = self._channels**-0.5
        queries, keys, values = attention.q_proj, attention.k_proj, attention.v_proj
        weights = [self._paired(queries.weight) * scale, self._paired(keys.weight), values.weight]
        biases = [self._paired(_bias(queries)) * scale, self._paired(_bias(keys)), _bias(values)]
        width = math.sqrt(weights[0].shape[1])
        gated = torch.cat([feed.gate_proj.weight, feed.up_proj.weight])
        return _Layer(
            attend_in=(torch.cat(weights) * (layer.input_layernorm.weight * width)).detach().t(),
            attend_bias=torch.cat(biases).detach(),
            attend_out=attention.o_proj.weight.detach().t(),
            attend_out_bias=_bias(attention.o_proj),
            feed_in=(gated * (layer.post_attention_layernorm.weight * width)).detach().t(),
            feed_out=feed.down_proj.weight.detach().t(),
        )

    def _paired(self, weight: Tensor) -> Tensor:
        """The outputs of each head, two halves, reordered to alternate between the halves."""
        halves = weight.view(-1, 2, self._channels // 2, *weight.shape[1:])
        return halves.transpose(1, 2).reshape(weight.shape)


def _bias(linear: torch.nn.Linear) -> Tensor:
    """The bias of a linear map; zeros where it has none."""
    return linear.weight.new_zeros(linear.out_features) if linear.bias is None else linear.bias.detach()


def _by_fours(lines: Tensor) -> Tensor:
    """The lines, and lines of zeros up to a multiple of four."""
    missing = -lines.shape[0] % 4
    return F.pad(lines, (0, 0, 0, missing)) if missing else lines

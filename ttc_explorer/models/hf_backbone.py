"""Any transformers model whose cache is plain keys and values, read through its own code."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from ttc_explorer.models.flops import attention_width
from ttc_explorer.models.kv_cache import KVBlock, TokenPlaces, places_after
from ttc_explorer.models.protocol import ModelError

MIN_SLIDING_WINDOW = 2048
"""Shortest sliding window, in tokens, that is long enough for a question and its solution."""


def forkable_context(config: PreTrainedConfig) -> int:
    """The longest sequence, in tokens, at which the model sees all of its context; 0 if it never
    does.

    A sliding window is full attention to sequences that it spans.
    """
    context = getattr(config, "max_position_embeddings", None) or 2048
    layers = DynamicCache(config=config).layers
    windows = [layer.sliding_window for layer in layers if type(layer) is DynamicSlidingWindowLayer]
    plain = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
    return (
        min([context, *windows])
        if plain and min([MIN_SLIDING_WINDOW, *windows]) >= MIN_SLIDING_WINDOW
        else 0
    )


class HFBackbone:
    """Runs the model as it is, on a cache that keeps each row's tokens in a block.

    Models that remember anything but keys and values of all tokens (short sliding windows,
    recurrent states) cannot be forked and are refused; of one with a long window, the context is
    that window. Whether forking works is proved on a few tokens before the model is used.
    """

    recomputes_prefix = False

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model.eval()
        self.parameters = sum(weight.numel() for weight in model.parameters())
        self.attention_width = attention_width(model.config)
        self.context = forkable_context(model.config)
        self.device = model.device
        kind = type(model).__name__
        if getattr(model, "_is_stateful", False) or not self.context:
            raise ModelError(
                f"{kind} cannot be forked: it forgets or compresses part of its context (a "
                "sliding window or "
                "a recurrent state)."
            )
        try:
            difference = self._max_probability_difference()
        except Exception as error:
            raise ModelError(
                f"{kind} cannot be forked: its attention does not take a cache of ours ({error})."
            ) from error
        if difference > (1e-3 if model.dtype == torch.float32 else 0.1):
            raise ModelError(
                f"{kind} cannot be forked: it answers differently when it continues from a fork."
            )

    def read(
        self, ids: Tensor, places: TokenPlaces, block: KVBlock, predict: bool
    ) -> Tensor | None:
        """See Backbone."""
        block.reserve(places.attended_width)
        masked = places.masked[:, None]
        mask = torch.zeros(masked.shape, dtype=self.model.dtype, device=ids.device)
        mask.masked_fill_(masked, torch.finfo(self.model.dtype).min)
        model = self.model if predict else self.model.base_model
        out = model(
            input_ids=ids,
            attention_mask=mask,
            # Padding may lie beyond the context; which position it is given does not matter.
            position_ids=places.positions.clamp(max=self.context - 1),
            past_key_values=_KVBlockCache(block, places),
            use_cache=True,
        )
        return out.logits.float() if predict else None

    @torch.inference_mode()
    def _max_probability_difference(self) -> float:
        """Largest difference of probability (total variation) between a plain pass and one that
        splits in two rows midway: half precision moves what is unlikely by whole nats, and what is
        likely hardly at all."""
        ids = torch.arange(1, 9, device=self.device)[None] % self.model.config.vocab_size
        plain = self.model(input_ids=ids).logits[:, 4:].float().softmax(-1)
        block = KVBlock(1, 12)
        starts = torch.tensor([0], device=self.device)
        self.read(ids[:, :4], places_after(starts, 4), block, predict=False)
        outs = []
        for token in range(4, 8):  # in two rows that share the first four tokens
            first = 2 * token - 4
            masked = torch.ones(1, 2, 16, dtype=torch.bool, device=self.device)
            masked[:, :, :4] = False
            masked[:, 0, 4 : first + 1 : 2] = masked[:, 1, 5 : first + 2 : 2] = False
            positions = torch.tensor([[token, token]], device=self.device)
            places = TokenPlaces(positions, slice(first, first + 2), masked, follow=False)
            out = self.read(ids[:, [token, token]], places, block, predict=True)
            assert out is not None  # as it was to predict
            outs.append(out[0].softmax(-1))
        return float((torch.stack(outs, 1) - plain).abs().sum(-1).max() / 2)


class _KVBlockCache(Cache):
    """Lets a transformers model write into the first rows of a block and attend to their first
    columns."""

    def __init__(self, block: KVBlock, places: TokenPlaces) -> None:
        super().__init__(layers=[])
        self._block, self._places = block, places

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        layer_idx: int,
        *args: object,
        **kwargs: object,
    ) -> tuple[Tensor, Tensor]:
        return (
            self._block.write(2 * layer_idx, key_states.transpose(1, 2), self._places),
            self._block.write(2 * layer_idx + 1, value_states.transpose(1, 2), self._places),
        )

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self._places.attended_width - self._places.positions.shape[1]

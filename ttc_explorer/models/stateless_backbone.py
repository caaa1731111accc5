"""Models whose KV cache cannot be forked: prefixes are kept as token ids and recomputed for every
step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, cast
from weakref import ref

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from ttc_explorer.models.flops import attention_width
from ttc_explorer.models.kv_cache import KVBlock, TokenPlaces, places_after
from ttc_explorer.models.protocol import ModelError

CACHE_ARGUMENTS = ("past_key_values", "cache_params")
"""What transformers models call the memory that they take and give back."""


@dataclass
class _CachedGroup:
    """Sequences of one length that were read together, and what the model remembers of them."""

    sequences: list[tuple[int, ...]]
    cache: Cache | None = None


class StatelessBackbone:
    """See Backbone. For sliding windows, recurrent states, and attention that takes no cache of
    ours.

    A block holds nothing but ids. Reading without predicting only notes them down; predicting reads
    the whole prefix, from its first token. Where a token follows a sequence that the call before
    has read in the same block, a generator goes on from its own cache, so that a step costs its
    prefix once and not once a token. Rows are never padded on the left: recurrent models would
    remember the padding.
    """

    recomputes_prefix = True

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model.eval()
        self.parameters = sum(weight.numel() for weight in model.parameters())
        self.attention_width = attention_width(model.config)
        self.context: int = getattr(model.config, "max_position_embeddings", None) or 2048
        self.device = model.device
        self._forward_parameters = signature(model.forward).parameters
        self._can_continue = model.get_output_embeddings() is not None
        self._cache_argument = next(
            (name for name in CACHE_ARGUMENTS if name in self._forward_parameters), ""
        )
        self._block: ref[KVBlock] | None = None
        self._groups: list[_CachedGroup] = []
        try:
            difference = self._max_probability_difference()
        except Exception as error:
            raise ModelError(f"{type(model).__name__} cannot be used here ({error}).") from error
        if difference > (1e-3 if model.dtype == torch.float32 else 0.1):
            raise ModelError(
                f"{type(model).__name__} cannot be used: it answers differently when it continues "
                "a text and "
                "when it reads the whole of it."
            )

    def read(
        self, ids: Tensor, places: TokenPlaces, block: KVBlock, predict: bool
    ) -> Tensor | None:
        """See Backbone. Tokens that do not follow one another are not padded."""
        block.reserve(places.attended_width)
        noted = block.write(0, ids[:, :, None, None], places)[:, 0, :, 0]
        if not predict:
            return None
        if places.follow and (ids.shape[1] > 1 or not self._can_continue):
            whole = noted[:, : int(places.positions.max()) + 1]
            out = self.model(input_ids=whole, use_cache=False).logits.float()
            return out[torch.arange(ids.shape[0])[:, None], places.positions]
        sequences = [
            tuple(noted[slot][~masked].tolist())
            for slot, rows in enumerate(places.masked)
            for masked in rows
        ]
        if self._block is None or self._block() is not block:
            self._block, self._groups = ref(block), []
        outputs = self._decode_next(sequences)
        return torch.cat([outputs[sequence] for sequence in sequences]).view(*ids.shape, -1)

    def _decode_next(self, sequences: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], Tensor]:
        """The head's output (1, outputs) at the last token of each sequence."""
        outputs: dict[tuple[int, ...], Tensor] = {}
        waiting = dict.fromkeys(sequences)
        groups = []
        for group in self._groups:
            place_of = {sequence: place for place, sequence in enumerate(group.sequences)}
            longer = [sequence for sequence in waiting if sequence[:-1] in place_of]
            if not longer or group.cache is None:
                continue
            places = [place_of[sequence[:-1]] for sequence in longer]
            if places != list(range(len(group.sequences))):
                indices = torch.tensor(places, device=self.device)
                group.cache.reorder_cache(cast(torch.LongTensor, indices))
            group.sequences = longer
            outputs |= self._run_group(group, len(longer[0]) - 1)
            groups.append(group)
            waiting = {sequence: None for sequence in waiting if sequence not in outputs}
        for length in sorted({len(sequence) for sequence in waiting}):
            group = _CachedGroup([sequence for sequence in waiting if len(sequence) == length])
            outputs |= self._run_group(group, 0)
            groups.append(group)
        self._groups = groups
        return outputs

    def _run_group(self, group: _CachedGroup, start: int) -> dict[tuple[int, ...], Tensor]:
        """Let the group read its tokens from position ``start`` on; the output (1, outputs) at the
        last, by sequence."""
        ids = torch.tensor([sequence[start:] for sequence in group.sequences], device=self.device)
        model_arguments: dict[str, Any] = {}
        if group.cache is not None:
            model_arguments[self._cache_argument] = group.cache
        positions = torch.arange(start, start + ids.shape[1], device=self.device)[None]
        if "position_ids" in self._forward_parameters:
            model_arguments["position_ids"] = positions.expand(ids.shape[0], -1)
        out = self.model(input_ids=ids, use_cache=True, **model_arguments)
        group.cache = getattr(out, self._cache_argument)
        return dict(zip(group.sequences, out.logits[:, -1:].float(), strict=True))

    @torch.inference_mode()
    def _max_probability_difference(self) -> float:
        """Largest difference of probability between a plain pass and one that continues."""
        ids = torch.arange(1, 9, device=self.device)[None] % self.model.config.vocab_size
        plain = self.model(input_ids=ids, use_cache=False).logits[0, 4:].float().softmax(-1)
        block = KVBlock(1, 8)
        start = torch.tensor([0], device=self.device)
        self.read(ids[:, :4], places_after(start, 4), block, predict=False)
        outs = [
            self.read(ids[:, [t]], places_after(start + t, 1), block, predict=True)
            for t in range(4, 8)
        ]
        return float(
            (torch.cat([out for out in outs if out is not None], 1).softmax(-1) - plain)
            .abs()
            .sum(-1)
            .max()
            / 2
        )

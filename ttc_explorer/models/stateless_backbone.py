"""Models whose KV cache cannot be forked: prefixes are kept as token ids and recomputed for every
step."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Any, cast
from weakref import ref

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from ttc_explorer.models.flops import attention_width
from ttc_explorer.models.kv_cache import KVBlock, WriteTarget
from ttc_explorer.models.protocol import ModelError

CACHE_ARGUMENTS = ("past_key_values", "cache_params")
"""What transformers models call the memory that they take and give back."""


@dataclass
class _CachedGroup:
    """Rows of one length that are decoded together, and what the model remembers of them."""

    rows: list[int]
    cache: Cache | None = None


class StatelessBackbone:
    """See Backbone. For sliding windows, recurrent states, and attention that takes no cache of
    ours.

    A block holds ids: column p of tensor 0 is a row's token number p. Reading without predicting
    only notes them down; predicting reads the whole prefix, from its first token. While one token a
    row follows another in the same block, a generator goes on from its own cache, so that a step
    costs its prefix once and not once a token. Rows are never padded on the left: recurrent models
    would remember the padding.
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

    def read(self, ids: Tensor, starts: Tensor, block: KVBlock, predict: bool) -> Tensor | None:
        """See Backbone."""
        target = WriteTarget(starts, ids.shape[1])
        block.reserve(target.attended_width)
        block.write(0, ids[:, :, None, None], target)
        if not predict:
            return None
        if ids.shape[1] > 1 or not self._can_continue:
            whole = block.tensors[0][: ids.shape[0], 0, : int(target.columns.max()) + 1, 0]
            out = self.model(input_ids=whole, use_cache=False).logits.float()
            return out[target.rows, target.columns]
        return self._decode_next(ids, starts, block)

    def _decode_next(self, ids: Tensor, starts: Tensor, block: KVBlock) -> Tensor:
        """The head's output at one more token of each row: (n, 1, outputs)."""
        if self._block is None or self._block() is not block:
            return self._recompute_all(starts, block)
        initial_rows = block.tensors[1][: ids.shape[0], 0, 0, 0].tolist()
        current_rows = {initial_row: row for row, initial_row in enumerate(initial_rows)}
        outputs: dict[int, Tensor] = {}
        for group in self._groups:
            kept = [i for i, initial_row in enumerate(group.rows) if initial_row in current_rows]
            places = torch.tensor(kept, device=self.device)
            if group.cache is not None and 0 < len(kept) < len(group.rows):
                group.cache.reorder_cache(cast(torch.LongTensor, places))
            group.rows = [group.rows[i] for i in kept]
            if group.rows:
                rows = [current_rows[initial_row] for initial_row in group.rows]
                outputs |= self._run_group(rows, ids[rows], group, int(starts[rows[0]]))
        self._groups = [group for group in self._groups if group.rows]
        return torch.stack([outputs[row] for row in range(ids.shape[0])])

    def _recompute_all(self, starts: Tensor, block: KVBlock) -> Tensor:
        """Read every row from its first token on. Tensor 1 says, in its first column, which row of
        the batch a row was then: rows of a block change places, and this moves with them."""
        n = starts.shape[0]
        initial_rows = torch.arange(n, device=self.device)[:, None, None, None]
        block.write(1, initial_rows, WriteTarget(torch.zeros_like(starts), 1))
        self._block, self._groups = ref(block), []
        outputs: dict[int, Tensor] = {}
        lengths = (starts + 1).tolist()
        for length in sorted(set(lengths)):
            rows = [row for row in range(n) if lengths[row] == length]
            group = _CachedGroup(rows)
            outputs |= self._run_group(rows, block.tensors[0][rows, 0, :length, 0], group, 0)
            self._groups.append(group)
        return torch.stack([outputs[row] for row in range(n)])

    def _run_group(
        self, rows: list[int], ids: Tensor, group: _CachedGroup, start: int
    ) -> dict[int, Tensor]:
        """Let the group read ids (rows, T) from position ``start`` on; the output (1, outputs) at
        the last, by row."""
        model_arguments: dict[str, Any] = {}
        if group.cache is not None:
            model_arguments[self._cache_argument] = group.cache
        positions = torch.arange(start, start + ids.shape[1], device=self.device)[None]
        if "position_ids" in self._forward_parameters:
            model_arguments["position_ids"] = positions.expand(ids.shape[0], -1)
        out = self.model(input_ids=ids, use_cache=True, **model_arguments)
        group.cache = getattr(out, self._cache_argument)
        return dict(zip(rows, out.logits[:, -1:].float(), strict=True))

    @torch.inference_mode()
    def _max_probability_difference(self) -> float:
        """Largest difference of probability between a plain pass and one that continues."""
        ids = torch.arange(1, 9, device=self.device)[None] % self.model.config.vocab_size
        plain = self.model(input_ids=ids, use_cache=False).logits[0, 4:].float().softmax(-1)
        block = KVBlock(2, 8)
        twice = ids.expand(2, 8)
        self.read(twice[:, :4], torch.tensor([0, 0], device=self.device), block, predict=False)
        outs = [
            self.read(twice[:, [t]], torch.tensor([t, t], device=self.device), block, predict=True)
            for t in range(4, 8)
        ]
        return float(
            (torch.cat([out for out in outs if out is not None], 1).softmax(-1) - plain)
            .abs()
            .sum(-1)
            .max()
            / 2
        )

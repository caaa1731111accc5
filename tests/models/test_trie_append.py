"""Texts that are read as a trie give what plain passes over each of them give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.test_trie_batch import MODELS
from tests.models.toy_models import count_what_is_read, toy_tokenizer
from ttc_explorer.models import trie_append
from ttc_explorer.models.backbone import append_tokens
from ttc_explorer.models.kv_cache import EMPTY_ROW
from ttc_explorer.models.tree_decoding import TreeGenerator

pytestmark = pytest.mark.slow


@pytest.fixture(params=["llama", "gpt2"])
def model(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("slot_columns", [1, 2, 9])
def test_outputs_are_those_of_plain_passes(model, slot_columns, monkeypatch):
    """Round by round, from rows that share slots; what was computed was read."""
    monkeypatch.setattr(trie_append, "READ_SLOT_COLUMNS", slot_columns)
    backbone = TreeGenerator(model, toy_tokenizer(), "toy").backbone
    fed = count_what_is_read(backbone)
    random = np.random.default_rng(0)
    rows = [EMPTY_ROW]
    with torch.inference_mode():
        for _ in range(3):
            before = [rows[i] for i in random.integers(len(rows), size=12)]
            texts = [random.integers(3, 6, size=random.integers(1, 7)).tolist() for _ in before]
            fed.tokens = 0
            appended = append_tokens(backbone, before, texts, predict=True)
            assert sum(one.computed for one in appended) == fed.tokens
            for row, text, one in zip(before, texts, appended, strict=True):
                ids = [*row.ids.tolist(), *text]
                assert one.row.ids.tolist() == ids
                plain = model(input_ids=torch.tensor([ids])).logits[0, -1]
                assert torch.allclose(one.output, plain, atol=1e-4)
            rows = [one.row for one in appended]


def test_what_texts_share_is_read_and_kept_once(model):
    """A text that ends where another goes on, equal texts, and one that was split elsewhere."""
    backbone = TreeGenerator(model, toy_tokenizer(), "toy").backbone
    prompt = [7, 8, 9, 10, 11, 12, 13, 14]
    with torch.inference_mode():
        (one,) = append_tokens(backbone, [EMPTY_ROW], [prompt], predict=False)
        (longer,) = append_tokens(backbone, [one.row], [[3]], predict=False)
        rows = [one.row, one.row, one.row, longer.row, one.row]
        texts = [[3, 4, 5], [3, 4], [3, 4, 5], [4, 6], [3]]
        appended = append_tokens(backbone, rows, texts, predict=True)
    assert sum(each.computed for each in appended) == 4  # 3, 4, 5 and 6
    assert len({id(each.row.block) for each in appended}) == 1
    assert appended[0].row.block.slots == 1
    assert torch.equal(appended[0].output, appended[2].output)
    for row, text, each in zip(rows, texts, appended, strict=True):
        plain = model(input_ids=torch.tensor([[*row.ids.tolist(), *text]])).logits[0, -1]
        assert torch.allclose(each.output, plain, atol=1e-4)

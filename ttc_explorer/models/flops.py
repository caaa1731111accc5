"""Floating point operations of a transformer's forward pass: the one formula by which models are
charged."""

from __future__ import annotations

from typing import Any


def forward_flops(parameters: int, attention_width: int, start: int, tokens: int) -> float:
    """FLOPs of reading ``tokens`` tokens after ``start`` others that are in the KV cache.

    Every token costs 2 · parameters for the matrices, a multiplication and an addition a weight,
    and 4 · layers · width · context for attention, where context is the number of tokens that it
    attends to, itself included: 2 · width for its products with the keys and 2 · width for the sum
    over the values, in each layer. The first term is Kaplan et al., arXiv 2001.08361, section 2.1;
    the second counts both products of attention, as Hoffmann et al., arXiv 2203.15556, appendix F.
    Softmax, norms and rotations are left out, as there.

    Args:
        parameters: Weights used for each token.
        attention_width: layers · width of the attention (``attention_width``); 0 where a server
            does not tell, which leaves 2 · parameters · tokens.
        start: Tokens of the prefix, attended to but not read again.
        tokens: Tokens read or written.

    Returns:
        FLOPs (multiplications and additions, 2 a multiply-add).

    >>> forward_flops(1000, 0, start=5, tokens=3), forward_flops(0, 1, start=5, tokens=3)
    (6000.0, 84.0)
    """
    contexts = tokens * start + tokens * (tokens + 1) // 2
    return 2.0 * parameters * tokens + 4.0 * attention_width * contexts


def attention_width(config: Any) -> int:
    """Layers times the width of their attention, heads · channels a head, over all layers.

    Sliding windows are counted as full attention: an upper bound. Layers that do not attend
    (recurrent ones) count nothing.

    Args:
        config: A transformers configuration.
    """
    heads = getattr(config, "num_attention_heads", None)
    if not heads:
        return 0
    channels = getattr(config, "head_dim", None) or config.hidden_size // heads
    kinds = getattr(config, "layers_block_type", None) or ["attention"] * config.num_hidden_layers
    return int(sum("attention" in kind for kind in kinds) * heads * channels)


def known_attention_width(model: object) -> int:
    """``attention_width`` of a generator or verifier; 0 of one that runs on a server, which does
    not tell."""
    return int(getattr(getattr(model, "backbone", None), "attention_width", 0))

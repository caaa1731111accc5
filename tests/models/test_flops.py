"""FLOPs against a count by hand, token by token and product by product."""

from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2Config, LlamaConfig, MambaConfig, Qwen3Config

from ttc_explorer.models.flops import attention_width, forward_flops

counts = st.integers(0, 50)


@given(
    st.integers(1, 10**9), counts, counts, st.integers(1, 4), st.integers(1, 8), st.integers(1, 64)
)
def test_every_weight_key_and_value_is_counted_once(
    weights, start, tokens, layers, heads, channels
):
    by_hand = 0
    for place in range(start, start + tokens):
        by_hand += 2 * weights
        for _ in range(layers * heads):
            attended = place + 1
            by_hand += 2 * channels * attended  # the query's products with the keys
            by_hand += 2 * channels * attended  # the values' weighted sum
    assert forward_flops(weights, layers * heads * channels, start, tokens) == by_hand


@given(counts, counts, counts)
def test_reading_in_parts_costs_what_reading_at_once_does(start, first, second):
    parts = forward_flops(7, 3, start, first) + forward_flops(7, 3, start + first, second)
    assert parts == forward_flops(7, 3, start, first + second)


def test_the_width_of_attention_is_all_heads_of_all_layers():
    shape = {"num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 32}
    assert attention_width(LlamaConfig(**shape)) == 3 * 32
    assert attention_width(Qwen3Config(**shape, head_dim=16)) == 3 * 4 * 16
    assert attention_width(GPT2Config(n_layer=2, n_head=4, n_embd=32)) == 2 * 32
    assert attention_width(MambaConfig(num_hidden_layers=2, hidden_size=32)) == 0

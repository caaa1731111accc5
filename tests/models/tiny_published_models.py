"""Tiny random models in the very architectures, formats and file layouts of published ones.

Their tokenizers cut texts as the real ones do: in words, digits and runs of line ends (Qwen2, Llama
3), or in SentencePiece manner (Mistral). Saved to a folder, they load as from Hugging Face.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from torch import nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from tests.models.toy_models import randomize_weights

QUESTION = "What is 3 + 4?"
STEPS = (
    "First, we add 3 and 4.",
    "That makes 7 in all, as 3 + 4 = 7.",
    r"So the answer is \boxed{7}.",
)

TEXTS = [
    QUESTION,
    *STEPS,
    "\n\n",
    "ки\n",
    "+ -",
    "Put your final answer within, please, step by step. ",
] * 9
WORD_PATTERN = (
    r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| "
    r"?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% "
    "endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + "
    "'<|end_header_id|>\n\n' "
    "+ m.content | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% "
    "endif %}"
)
CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>")
LLAMA3_TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


def byte_tokenizer(
    special: tuple[str, ...], template: str | None, **roles: str
) -> PreTrainedTokenizerFast:
    """In the manner of Qwen2 and Llama 3."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=340, initial_alphabet=alphabet, min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in special]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template, **roles)


def qwen_tokenizer(**roles: str) -> PreTrainedTokenizerFast:
    roles = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"} | roles
    return byte_tokenizer(CHATML_TOKENS, CHATML, **roles)


def llama_tokenizer() -> PreTrainedTokenizerFast:
    roles = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
    return byte_tokenizer(LLAMA3_TOKENS, LLAMA3, **roles)


def mistral_tokenizer() -> PreTrainedTokenizerFast:
    """In SentencePiece manner: a sign for the blank at the start of each word, bytes for what is
    unknown."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    bytes_ = [f"<0x{n:02X}>" for n in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<unk>", "<s>", "</s>", *bytes_], show_progress=False
    )
    words = [word for text in TEXTS for word in text.replace("\n", " ").split()]
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def tiny_config(tokenizer: PreTrainedTokenizerFast, **changes: object) -> dict[str, object]:
    return {
        "vocab_size": len(tokenizer) + 8,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    } | changes


def with_random_weights(model: PreTrainedModel, seed: int = 0) -> PreTrainedModel:
    randomize_weights(model, seed)
    return model.eval()


def tiny_qwen(tokenizer: PreTrainedTokenizerFast, **changes: object) -> Qwen2ForCausalLM:
    return with_random_weights(Qwen2ForCausalLM(Qwen2Config(**tiny_config(tokenizer, **changes))))


def tiny_llama(tokenizer: PreTrainedTokenizerFast, **changes: object) -> LlamaForCausalLM:
    return with_random_weights(LlamaForCausalLM(LlamaConfig(**tiny_config(tokenizer, **changes))))


def tiny_mistral(tokenizer: PreTrainedTokenizerFast, **changes: object) -> MistralForCausalLM:
    return with_random_weights(
        MistralForCausalLM(MistralConfig(**tiny_config(tokenizer, **changes)))
    )


def save_model(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def replace_head(folder: Path, head: dict[str, torch.Tensor], **config: object) -> Path:
    """The saved language model with other weights in place of its head, and changes of its
    configuration."""
    weights = {
        k: v for k, v in load_file(folder / "model.safetensors").items() if k != "lm_head.weight"
    }
    save_file(weights | head, folder / "model.safetensors", metadata={"format": "pt"})
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    return folder


def random_linear(inputs: int, outputs: int, seed: int, bias: bool = True) -> nn.Linear:
    """A random map."""
    made = nn.Linear(inputs, outputs, bias=bias)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(0, 0.3, generator=random)
    return made

"""The yardstick's searches on vLLM, which keeps the cache of prefixes that it has read."""

from __future__ import annotations

import importlib

from ttc_explorer.experiments.peers.transformers_baseline import SETTINGS, TransformersBaseline

SEQUENCES = 64
"""So many are decoded at once: the largest budget of the benchmark."""


class VLLMBaseline(TransformersBaseline):
    """As ``baseline``, whose verifier it shares; its generator is loaded into vLLM from the folder
    that it came from."""

    def __init__(self, baseline: TransformersBaseline) -> None:
        super().__init__(baseline.model, baseline.verifier, baseline.codec)
        self._vllm = importlib.import_module("vllm")
        self._engine = self._vllm.LLM(
            model=baseline.model.name_or_path,
            skip_tokenizer_init=True,
            dtype="float32",
            max_model_len=baseline.context,
            max_num_seqs=SEQUENCES,
            enable_prefix_caching=True,
        )

    def _sample(self, live: list[list[int]], ends: list[int], most: int) -> list[list[int]]:
        sampling = self._vllm.SamplingParams(
            temperature=SETTINGS.temperature,
            max_tokens=most,
            stop_token_ids=ends,
            ignore_eos=True,
            detokenize=False,
        )
        prompts = [{"prompt_token_ids": ids} for ids in live]
        outputs = self._engine.generate(prompts, sampling, use_tqdm=False)
        return [list(output.outputs[0].token_ids) for output in outputs]

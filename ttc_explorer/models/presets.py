"""Published models that are ready to be named: their names, their sizes, and their verifiers."""

from __future__ import annotations

from dataclasses import dataclass

from ttc_explorer.models.verifier_formats import (
    LocalVerifierFormat,
    QwenMathPRMFormat,
    RLHFlowFormat,
    SkyworkFormat,
)

LLAMA_LICENCE = (
    "Llama 3.2 Community License; gated: accept it on the model's page and log in "
    "with `hf auth login`"
)


@dataclass(frozen=True)
class VerifierPreset:
    """A published verifier. ``values`` are the numbers that it keeps of each token: keys and values
    of all its layers."""

    source: str
    title: str
    format: type[LocalVerifierFormat]
    parameters: int
    values: int
    licence: str
    gated: bool = False


@dataclass(frozen=True)
class ModelPreset:
    """A published generator and a verifier that fits it: about its size, or the one it was
    published with."""

    source: str
    title: str
    parameters: int
    values: int
    verifier: VerifierPreset
    licence: str
    gated: bool = False

    @property
    def name(self) -> str:
        return self.source.rpartition("/")[2]


SKYWORK_PRM = VerifierPreset(
    "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B",
    "judges steps, made from Qwen2.5-Math-1.5B",
    SkyworkFormat,
    1_543_715_841,
    14_336,
    "Skywork Community License",
)
QWEN_PRM = VerifierPreset(
    "Qwen/Qwen2.5-Math-PRM-7B",
    "judges steps, made from Qwen2.5-Math-7B",
    QwenMathPRMFormat,
    7_083_474_946,
    28_672,
    "Qwen License",
)
RLHFLOW_PRM = VerifierPreset(
    "RLHFlow/Llama3.1-8B-PRM-Deepseek-Data",
    "judges steps, made from Llama 3.1 8B",
    RLHFlowFormat,
    8_030_261_248,
    65_536,
    "Llama 3.1 Community License",
)
VERIFIER_PRESETS = {verifier.source: verifier for verifier in (SKYWORK_PRM, QWEN_PRM, RLHFLOW_PRM)}

MODEL_PRESETS = {
    preset.name: preset
    for preset in (
        ModelPreset(
            "Qwen/Qwen2.5-0.5B-Instruct",
            "smallest chat model that solves school problems",
            494_032_768,
            6_144,
            SKYWORK_PRM,
            "Apache 2.0",
        ),
        ModelPreset(
            "Qwen/Qwen2.5-1.5B-Instruct",
            "small chat model",
            1_543_714_304,
            14_336,
            SKYWORK_PRM,
            "Apache 2.0",
        ),
        ModelPreset(
            "Qwen/Qwen2.5-Math-1.5B-Instruct",
            "small, trained for mathematics",
            1_543_714_304,
            14_336,
            SKYWORK_PRM,
            "Apache 2.0",
        ),
        ModelPreset(
            "Qwen/Qwen2.5-Math-7B-Instruct",
            "trained for mathematics",
            7_615_616_512,
            28_672,
            QWEN_PRM,
            "Apache 2.0",
        ),
        ModelPreset(
            "Qwen/Qwen3-0.6B",
            "smallest model that thinks before it answers",
            596_049_920,
            57_344,
            SKYWORK_PRM,
            "Apache 2.0",  # its card: license apache-2.0, with a LICENSE file of its own beside it
        ),
        ModelPreset(
            "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
            "thinks at length, taught by DeepSeek-R1",
            1_777_088_000,
            14_336,
            SKYWORK_PRM,
            "MIT",
        ),
        ModelPreset(
            "meta-llama/Llama-3.2-1B-Instruct",
            "small chat model",
            1_235_814_400,
            16_384,
            RLHFLOW_PRM,
            LLAMA_LICENCE,
            gated=True,
        ),
        ModelPreset(
            "meta-llama/Llama-3.2-3B-Instruct",
            "chat model",
            3_212_749_824,
            57_344,
            RLHFLOW_PRM,
            LLAMA_LICENCE,
            gated=True,
        ),
    )
}
"""By name, the last part of the Hugging Face name: «Qwen2.5-0.5B-Instruct» is the generator with
its verifier, «Qwen/Qwen2.5-0.5B-Instruct» the generator alone."""


def find_preset(source: str) -> ModelPreset | VerifierPreset | None:
    """What we know of the model of that Hugging Face name, if it is one of these."""
    generators = {preset.source: preset for preset in MODEL_PRESETS.values()}
    return generators.get(source) or VERIFIER_PRESETS.get(source)

"""Memory that runs out makes batches smaller, and no run fail; what a model needs is told
beforehand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import LlamaConfig, Qwen2Config, Qwen3Config

from tests.models.toy_models import toy_generator, toy_qwen2, toy_verifier
from ttc_explorer.models import devices, memory_estimate, tree_decoding
from ttc_explorer.models.devices import AdaptiveBatches, is_out_of_memory
from ttc_explorer.models.presets import MODEL_PRESETS, VERIFIER_PRESETS
from ttc_explorer.models.protocol import Cost, ExtendJob, ModelError, ScoreJob
from ttc_explorer.search.ledger import Ledger

pytestmark = pytest.mark.slow


def limit_rows_in_memory(monkeypatch, backbone, most):
    """Let the backbone's memory hold no more than ``most`` rows at once; returns what it was asked
    for."""
    read, asked = backbone.read, []

    def reading(ids, places, *args, **more):
        asked.append(ids.shape[0] if places.follow else ids.numel())
        if asked[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return read(ids, places, *args, **more)

    monkeypatch.setattr(backbone, "read", reading)
    return asked


def test_what_says_that_memory_ran_out():
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"))
    assert is_out_of_memory(
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
    )
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_batches_shrink_until_they_fit_and_stay_small():
    batches, sizes = AdaptiveBatches(64), []

    def work(jobs):
        sizes.append(len(jobs))
        if len(jobs) > 3:
            raise MemoryError
        return [2 * job for job in jobs]

    assert batches.run(range(10), work) == [2 * job for job in range(10)]
    assert sizes == [10, 5, 3, 3, 3, 1]
    assert batches.run(range(4), work) == [0, 2, 4, 6]
    assert sizes[6:] == [3, 1]
    with pytest.raises(ZeroDivisionError):
        batches.run([0], lambda jobs: [1 // jobs[0]])


def test_decoding_goes_on_in_smaller_batches(monkeypatch):
    """Nothing but the batches changes: neither texts nor costs."""
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3+4"])
    jobs = [ExtendJob(prefilled.state, 1.0, (i,)) for i in range(11)]
    roomy = generator.extend(jobs)
    asked = limit_rows_in_memory(monkeypatch, generator.backbone, most=4)
    rows = generator.extend(jobs)
    assert [(row.text, row.cost) for row in rows] == [(row.text, row.cost) for row in roomy]
    assert max(asked) > 4 >= asked[-1]
    limit_rows_in_memory(monkeypatch, generator.backbone, most=0)
    with pytest.raises(ModelError, match="does not hold even one solution"):
        generator.extend(jobs)


def test_verifying_goes_on_in_smaller_batches(monkeypatch):
    verifier = toy_verifier()
    prefilled = verifier.prefill(["3+4", "5+6", "7+8"])
    jobs = [ScoreJob(one.state, "3+4=7") for one in prefilled]
    roomy = [row.score for row in verifier.score(jobs)]
    asked = limit_rows_in_memory(monkeypatch, verifier.backbone, most=8)  # tokens of one text
    assert [row.score for row in verifier.score(jobs)] == pytest.approx(roomy, abs=1e-5)
    assert max(asked) > 8 >= asked[-1]


def test_peak_memory_is_the_largest_of_all_pieces_of_work(monkeypatch):
    peaks = iter([500, 900, 700])
    monkeypatch.setattr(tree_decoding, "synchronized_peak_memory", lambda device: next(peaks))
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3+4"])
    ledger = Ledger()
    ledger.charge(prefilled.cost)
    for place in range(2):
        (row,) = generator.extend([ExtendJob(prefilled.state, 1.0, (place,))])
        ledger.charge(row.cost)
    assert ledger.peak_memory == 900
    assert Cost(generated=1, peak_memory=5) + Cost(generated=2, peak_memory=3) == Cost(
        3, peak_memory=5
    )


def test_on_a_processor_no_peak_is_claimed():
    verifier = toy_verifier()
    (prefilled,) = verifier.prefill(["3+4"])
    assert devices.synchronized_peak_memory(torch.device("cpu")) == 0 == prefilled.cost.peak_memory


def test_the_device_can_be_chosen(monkeypatch):
    monkeypatch.setenv("TTC_DEVICE", "cpu")
    assert devices.best_device() == torch.device("cpu")
    assert devices.best_dtype(torch.device("cpu")) == torch.float32
    assert devices.best_dtype(torch.device("mps")) == torch.float16
    monkeypatch.setenv("TTC_DEVICE", "toaster")
    with pytest.raises(ModelError, match="TTC_DEVICE=toaster is no device"):
        devices.best_device()


# hidden, intermediate, layers, heads, key heads, vocabulary, tied: from the published config.json
SIZES = {
    "Qwen2.5-0.5B-Instruct": (896, 4864, 24, 14, 2, 151936, True),
    "Qwen2.5-1.5B-Instruct": (1536, 8960, 28, 12, 2, 151936, True),
    "Qwen2.5-Math-1.5B-Instruct": (1536, 8960, 28, 12, 2, 151936, True),
    "Qwen2.5-Math-7B-Instruct": (3584, 18944, 28, 28, 4, 152064, False),
    "Qwen3-0.6B": (1024, 3072, 28, 16, 8, 151936, True),
    "DeepSeek-R1-Distill-Qwen-1.5B": (1536, 8960, 28, 12, 2, 151936, False),
    "Llama-3.2-1B-Instruct": (2048, 8192, 16, 32, 8, 128256, True),
    "Llama-3.2-3B-Instruct": (3072, 8192, 28, 24, 8, 128256, True),
    "Llama3.1-8B-PRM-Deepseek-Data": (4096, 14336, 32, 32, 8, 128256, False),
}


def published_config(name):
    width, inner, layers, heads, key_heads, vocabulary, tied = SIZES[name]
    kind = {"Llama": LlamaConfig, "Qwen3": Qwen3Config}.get(name[:5], Qwen2Config)
    return kind(
        **({"head_dim": 128} if kind is Qwen3Config else {}),
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        vocab_size=vocabulary,
        tie_word_embeddings=tied,
        architectures=[f"{kind.__name__.removesuffix('Config')}ForCausalLM"],
    )


@pytest.mark.parametrize("name", SIZES)
def test_presets_have_the_sizes_of_their_architectures(name):
    known = MODEL_PRESETS.get(name) or next(
        verifier for verifier in VERIFIER_PRESETS.values() if verifier.source.endswith(name)
    )
    need = memory_estimate.estimate_memory_of_config(published_config(name), torch.bfloat16)
    assert need == memory_estimate.estimate_memory(known.parameters, known.values, torch.bfloat16)


def test_judges_on_those_bodies_have_them_too():
    """Qwen2.5-Math-PRM is a 7B body and its own head, Skywork's the 1.5B model and a value head."""
    body = published_config("Qwen2.5-Math-7B-Instruct")
    body.architectures = ["Qwen2Model"]
    head = 3584 * 3584 + 3584 + 3584 * 2 + 2
    qwen, skywork = (
        VERIFIER_PRESETS["Qwen/Qwen2.5-Math-PRM-7B"],
        MODEL_PRESETS["Qwen2.5-Math-1.5B-Instruct"].verifier,
    )
    assert (
        memory_estimate.estimate_memory_of_config(body, torch.float32).parameters + head
        == qwen.parameters
    )
    assert skywork.parameters == MODEL_PRESETS["Qwen2.5-Math-1.5B-Instruct"].parameters + 1537


def test_what_a_solution_keeps_is_what_a_block_holds():
    generator = toy_generator()
    (prefilled,) = generator.prefill(["3+4"])
    (row,) = generator.extend([ExtendJob(prefilled.state, 1.0, (0,))])
    block = row.state.row.block
    config = toy_qwen2().config
    config.architectures = ["Qwen2ForCausalLM"]
    need = memory_estimate.estimate_memory_of_config(config, torch.float32)
    assert (
        sum(tensor.numel() * 4 for tensor in block.tensors)
        == need.solution * block.width // memory_estimate.SOLUTION_TOKENS
    )
    assert need.parameters == generator.parameters


def test_too_little_memory_is_one_clear_sentence(monkeypatch):
    need = memory_estimate.estimate_memory(1_000_000_000, 10_000, torch.float32)
    monkeypatch.setenv("TTC_DEVICE", "cpu")
    monkeypatch.setattr(memory_estimate, "free_memory", lambda device: 6_000_000_000)
    memory_estimate.check_memory({"one": need})
    assert need.max_solutions(6_000_000_000) == 24
    with pytest.raises(
        ModelError, match=r"^one and two need 8\.2 GB of memory, and 6\.0 GB are free on cpu: "
    ) as no:
        memory_estimate.check_memory({"one": need, "two": replace(need)})
    assert "\n" not in str(no.value)
    monkeypatch.setattr(memory_estimate, "free_memory", lambda device: None)
    memory_estimate.check_memory({"one": need, "two": need})

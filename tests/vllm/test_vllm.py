"""Real vLLM: our small model and its verifier served by it, and a beam search through both; a
verifier in the format of Qwen2.5-Math-PRM, and one that judges by the signs that it would write.

Run by ``bash tests/run.sh --vllm``, which installs vLLM in an environment of its own
(``TTC_VLLM_ENV``).
"""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.models.tiny_published_models import (
    QUESTION,
    STEPS,
    qwen_tokenizer,
    random_linear,
    replace_head,
    save_model,
    tiny_qwen,
)
from tests.search.fakes import run_to_completion, written_tokens
from ttc_explorer.models.catalogue import (
    MODELS_FOLDER,
    load_generator,
    load_verifier,
    servable_models,
)
from ttc_explorer.models.http_client import ApiClient
from ttc_explorer.models.protocol import ScoreJob
from ttc_explorer.models.server_factory import connect_generator, connect_verifier
from ttc_explorer.models.server_verifier import ServerVerifier
from ttc_explorer.models.verifier_formats import MathShepherdFormat
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings

ENVIRONMENT = os.environ.get("TTC_VLLM_ENV")
pytestmark = pytest.mark.skipif(not ENVIRONMENT, reason="asked for by bash tests/run.sh --vllm")

STARTUP_TIMEOUT = 1800
"""Seconds until a server must be up: 100 on an idle machine, ten times that on a busy one."""

VLLM_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
VLLM_OPTIONS = [
    "--host",
    "127.0.0.1",
    "--dtype",
    "float32",
    "--enforce-eager",
    "--max-num-seqs",
    "64",
]


def start_server(folder, log, *options):
    """A server of the model in a folder: its process and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(ENVIRONMENT) / "bin" / "vllm", "serve", folder]
    process = subprocess.Popen(
        [*command, "--port", str(port), *VLLM_OPTIONS, *options],
        env=os.environ | VLLM_ENVIRONMENT,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
    )
    return process, f"http://127.0.0.1:{port}/v1"


def wait_for_server(process, address, log):
    until = time.monotonic() + STARTUP_TIMEOUT
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(f"{address}/models", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(1)
    raise AssertionError(log.read_text()[-3000:])


def save_step_verifier(folder):
    """A random verifier in the format and the architecture of Qwen2.5-Math-PRM, with heads of a
    size that vLLM knows. Returns the id of its step tag, which is not that of the published one."""
    tokenizer = qwen_tokenizer()
    model = tiny_qwen(tokenizer, hidden_size=128, num_attention_heads=2, num_key_value_heads=2)
    head = nn.Sequential(random_linear(128, 128, 1), nn.ReLU(), random_linear(128, 2, 2))
    replace_head(
        save_model(folder, model, tokenizer),
        {f"score.{name}": weight.data for name, weight in head.named_parameters()},
        architectures=["Qwen2ForProcessRewardModel"],
    )
    return tokenizer.convert_tokens_to_ids("<extra_0>")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Name -> address of each model behind vLLM."""
    place = tmp_path_factory.mktemp("vllm")
    steps = {"step_tag_id": save_step_verifier(place / "steps")}
    kinds = {
        MODELS_FOLDER / "base-s": [
            "--served-model-name", "base-s",
            "--generation-config", "vllm",
            "--enable-prompt-tokens-details",
        ],
        MODELS_FOLDER / "prm-exact": ["--served-model-name", "prm-exact", "--runner", "pooling"],
        place / "steps": ["--runner", "pooling", "--pooler-config", json.dumps(steps)],
    }  # fmt: skip
    logs = {folder: place / f"{folder.name}.log" for folder in kinds}
    started = {
        folder: start_server(folder, logs[folder], *options) for folder, options in kinds.items()
    }
    try:
        for folder, (process, address) in started.items():
            wait_for_server(process, address, logs[folder])
        yield {folder.name: address for folder, (_, address) in started.items()} | {"place": place}
    finally:
        for process, _ in started.values():
            process.terminate()
        for process, _ in started.values():
            process.wait(60)


@pytest.fixture(scope="module")
def models(addresses):
    """The generator and the verifier."""
    own = servable_models()
    return connect_generator(addresses["base-s"], own), connect_verifier(
        addresses["prm-exact"], own
    )


def run_beam_search(models, seed=1):
    names = [model.name for model in models]
    run = Run(Problem("What is 17*24?", "408"), *names, "beam", 8, seed, Settings(rounds=20))
    return run_to_completion(run, *models, exact_match_checker)


def test_vllm_can_do_all_that_a_search_wants(models):
    generator, verifier = models
    assert generator.capabilities.completions
    assert generator.capabilities.missing() == ()
    assert verifier.capabilities.pooling


def test_a_beam_search_through_vllm_repeats_itself_and_its_figures_are_right(models):
    run, again = run_beam_search(models), run_beam_search(models)
    assert (run.error, run.tree.notes) == (None, [])
    assert run.tree.text == again.tree.text
    assert run.ledger.generated_tokens == written_tokens(run.tree) > 0
    assert run.ledger.flops > 0

    here, judge = load_generator("base-s"), load_verifier("prm-exact")
    (prompt,) = here.prefill([run.problem.text])
    states = {0: judge.prefill([run.problem.text])[0].state}
    for node in range(1, len(run.tree)):
        (judged,) = judge.score([ScoreJob(states[run.tree.parent[node]], run.tree.text[node])])
        states[node] = judged.state
        assert run.tree.score[node] == pytest.approx(judged.score, abs=1e-4)
    first = [node for node in range(1, len(run.tree)) if run.tree.parent[node] == 0]
    for node in first:
        ids = here.codec.steps([run.tree.text[node]])[0]
        expected = reference_logprob(here, run.problem.text, ids)
        assert run.tree.tokens[node] == len(ids)
        assert run.tree.logprob[node] == pytest.approx(expected, abs=1e-3)
    assert prompt.cost.prefilled > 0


def reference_logprob(generator, question, ids):
    """The log-probability of a first step, by a plain pass of transformers."""
    prompt = generator.codec.prompt(question)
    chances = reference_logits([*prompt, *ids]).log_softmax(-1)
    return sum(float(chances[len(prompt) - 1 + place, token]) for place, token in enumerate(ids))


def reference_logits(ids):
    model = AutoModelForCausalLM.from_pretrained(MODELS_FOLDER / "base-s", dtype=torch.float32)
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0]


def test_a_verifier_pooled_at_its_steps_judges_as_it_does_here(addresses):
    here = load_verifier(str(addresses["place"] / "steps"))
    there = connect_verifier(addresses["steps"], servable_models())
    assert there.format.title == here.format.title
    scores = []
    for verifier in (here, there):
        state, judged = verifier.prefill([QUESTION])[0].state, []
        for step in STEPS:
            (row,) = verifier.score([ScoreJob(state, step)])
            judged.append(row.score)
            state = row.state
        scores.append(judged)
    assert scores[1] == pytest.approx(scores[0], abs=1e-5)
    assert len(set(scores[0])) == len(STEPS)


def test_the_signs_that_a_language_model_would_write_are_told(addresses, models):
    """Our generator is no such verifier, but any language model has a chance of either sign."""
    tokenizer = AutoTokenizer.from_pretrained(MODELS_FOLDER / "base-s")
    format = MathShepherdFormat(tokenizer)
    judge = ServerVerifier(ApiClient(addresses["base-s"]), models[0].capabilities, format)
    (row,) = judge.score([ScoreJob(judge.prefill([QUESTION])[0].state, STEPS[0])])
    ids = format.ids(QUESTION, STEPS[:1])
    expected = reference_logits(ids)[-1, list(format.sign_token_ids)].softmax(-1)[0]
    assert row.score == pytest.approx(float(expected), abs=1e-4)
    assert row.cost.verifier == len(ids) + 1

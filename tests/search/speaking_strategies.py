"""Strategies that say something to the model, as a user would write them: budget forcing, plan then
solve, and verdicts of the generator itself in place of a verifier."""

from dataclasses import replace

from ttc_explorer.models.protocol import Extend, Prompt
from ttc_explorer.search.primitives import ROOT, extend_and_score, request_steps
from ttc_explorer.search.strategies import budget_forcing as shipped
from ttc_explorer.search.strategies.best_of_n import best_of_n


def budget_forcing(tree, budget, settings):
    """Where the solution would end, "Wait" takes the place of the end, budget - 1 times (s1, arXiv
    2501.19393)."""
    node, forced = ROOT, ""
    for _ in range(settings.rounds):
        request = Extend((node,), settings.temperature, forced=(forced,))
        (step,) = yield from request_steps(request)
        forced = ""
        if step.finished and budget > 1:
            step, budget, forced = replace(step, finished=False, answer=None), budget - 1, "Wait"
        (node,) = tree.add_steps([node], [step])
        if step.finished:
            return "done"
    return "budget"


def plan_then_solve(tree, budget, settings):
    """A plan by another prompt, then a solution that is shown the plan; the first one greedily."""
    roots = (ROOT,) * budget
    temperatures = (0.0, *[settings.temperature] * (budget - 1))
    ask_plan = Prompt("{question} Write a plan.", system="You plan.")
    request = Extend(roots, temperatures, rollout=True, prompts=(ask_plan,) * budget)
    plans = yield from request_steps(request)
    tree.add_steps(roots, plans, kind="rollout")
    prompts = tuple(Prompt(f"{{question}} Plan: {plan.text}") for plan in plans)
    steps = yield from request_steps(Extend(roots, temperatures, prompts=prompts))
    live = [node for node in tree.add_steps(roots, steps) if tree.status[node] == "open"]
    for _ in range(settings.rounds - 1):
        live = yield from extend_and_score(tree, live, settings.temperature)
    return "budget" if live else "done"


def generative_verifier(tree, budget, settings):
    """Best-of-N whose solutions the generator itself judges, three times each: the score is the
    share of verdicts that say yes (arXiv 2408.15240)."""
    ending = yield from best_of_n(tree, budget, settings)
    leaves = list(tree.leaves())
    judged = [leaf for leaf in leaves for _ in range(3)]
    prompts = tuple(
        Prompt(f"{{question}} {' '.join(tree.solution(leaf))} Is that right?") for leaf in judged
    )
    roots = (ROOT,) * len(judged)
    verdicts = yield from request_steps(Extend(roots, 1.0, rollout=True, prompts=prompts))
    tree.add_steps(roots, verdicts, kind="rollout")
    yes = ["yes" in verdict.text for verdict in verdicts]
    tree.set_scores(leaves, [sum(yes[i : i + 3]) / 3 for i in range(0, len(yes), 3)])
    return ending


def verdicts_within(tree, budget, settings):
    """Each step is judged in the solution itself: a verdict is forced after it, and forgotten."""
    live = [ROOT] * budget
    for _ in range(settings.rounds):
        steps = yield from request_steps(Extend(tuple(live), settings.temperature))
        nodes = tree.add_steps(live, steps)
        ask_verdict = Extend(
            tuple(nodes), 0.0, keep_state=True, rollout=True, forced=("Right?",) * len(nodes)
        )
        verdicts = yield from request_steps(ask_verdict)
        tree.add_steps(nodes, verdicts, kind="rollout")
        tree.set_scores(nodes, [float("yes" in verdict.text) for verdict in verdicts])
        live = [node for node in nodes if tree.status[node] == "open"]
        if not live:
            return "done"
    return "budget"


SPEAKING_STRATEGIES = [
    budget_forcing, plan_then_solve, generative_verifier, verdicts_within, shipped.budget_forcing,
]  # fmt: skip

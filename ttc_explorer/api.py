"""What ``import ttc_explorer as ttc`` offers: solve, compare, draw curves, and look at runs.

Everything is defined floors below; here stands only what a notebook needs on top: runs that show
themselves, and functions that find their models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc_explorer.atomic_files import write_file
from ttc_explorer.experiments import solver as solver_module
from ttc_explorer.problems.problem import Problem, typed_problem
from ttc_explorer.search import run as run_module
from ttc_explorer.search.delta import touched_run
from ttc_explorer.search.settings import parse_budget
from ttc_explorer.search.trace import to_trace
from ttc_explorer.search.voting import Vote, ranked_votes
from ttc_explorer.trace_files import read_trace, save_trace

if TYPE_CHECKING:
    import pandas as pd


class Run(run_module.Run):
    """A run of a search: who worked on what, the tree, and what it cost.

    In a notebook it shows itself as the Explore page does: tree, votes and cost, without a server.

    Attributes:
        problem: What was asked.
        model: The generator's name.
        verifier: The verifier's name, None without one.
        strategy: What spent the budget.
        tree: Every step that was written (``SearchTree``).
        ledger: What it cost, generator and verifier apart (``Ledger``).
        correct: For each answer in the tree, whether it is right; empty if nobody knows.
        stopped: Why it ended: ``done``, ``budget``, ``cancelled`` or ``deadline``.
    """

    @classmethod
    def of(cls, run: run_module.Run) -> Run:
        """The same run, with the same tree and ledger."""
        return cls(**{field.name: getattr(run, field.name) for field in fields(run)})

    @property
    def votes(self) -> list[Vote]:
        """One vote an answer, the selector's choice first."""
        settings = self.settings
        return ranked_votes(self.tree, settings.selector, settings.aggregate, settings.confidence)

    @property
    def answer(self) -> str | None:
        """The answer that the selector chose; None if no solution reached one."""
        votes = self.votes
        return votes[0].answer if votes else None

    def trace(self) -> dict[str, Any]:
        """The run as plain data, as ``save`` writes it (docs/trace.schema.json)."""
        return to_trace(self)

    def save(self, path: str | Path) -> None:
        """Write the run as a trace, which the page and ``load_trace`` open.

        Args:
            path: ``FILE.json`` or ``FILE.json.gz``.

        Raises:
            BadInput: It cannot be saved there.
        """
        save_trace(self, Path(path))

    def to_html(self, path: str | Path) -> None:
        """Write the run as one page that needs no server and no network.

        Args:
            path: The file, such as ``run.html``.

        Raises:
            BadInput: It cannot be saved there.
        """
        from ttc_explorer.ui.run_viewer.standalone import standalone_html

        write_file(Path(path), standalone_html(self), "The page")

    def _repr_html_(self) -> str:
        from ttc_explorer.ui.run_viewer.standalone import notebook_html

        return notebook_html(self)

    def __repr__(self) -> str:
        return (
            f"<Run of {self.strategy}, budget {self.budget}, on {self.problem.text[:60]!r}: "
            f"answer {self.answer!r}, {self.ledger.generated_tokens:,} tokens written>"
        )


class Solver(solver_module.Solver):
    """Models that are ready to solve problems; loading them may take long, so keep one.

    Examples:
        >>> solver = Solver("base-s+prm")
        >>> solver.solve("Solve 3x+5=20.", strategy="best_of_n", budget=4).answer
        '5'

        ``Solver("Qwen/Qwen2.5-0.5B-Instruct")`` downloads a model from Hugging Face and, without a
        verifier, votes by majority; ``Solver("http://localhost:8000/v1")`` asks a server.
    """

    def solve(
        self,
        problem: str | Problem,
        *,
        answer: str | None = None,
        strategy: str | None = None,
        budget: int = 16,
        seed: int = 0,
        selector: str | None = None,
        seconds: float | None = None,
        **settings: Any,
    ) -> Run:
        """Solve one problem, see ``ttc_explorer.solve``."""
        run = super().solve(
            problem,
            answer=answer,
            strategy=strategy,
            budget=budget,
            seed=seed,
            selector=selector,
            seconds=seconds,
            **settings,
        )
        return Run.of(run)

    def touch(
        self, run: run_module.Run, kind: str, node: int, *, samples: int = 8, text: str = ""
    ) -> Run:
        """Go on by hand with a run of these models that has ended; the run stays as it is.

        Args:
            run: The run.
            kind: ``expand``: more solutions on from the node; ``force``: ``text`` is the next step
                there, and solutions go on from it; ``judge``: the verifier scores the node again.
            node: Its id in ``run.tree``.
            samples: How many solutions.
            text: The step that is forced.

        Returns:
            The run with what was added, its cost in the ledger; ``touches`` has the record.

        Raises:
            BadInput: It is impossible; one sentence says why.
        """
        touched = touched_run(run, kind, node, samples, text)
        self.drive([touched])
        return Run.of(touched)

    def compare(
        self,
        problem: str | Problem,
        strategies: Sequence[str],
        *,
        answer: str | None = None,
        budget: int = 16,
        seed: int = 0,
        seconds: float | None = None,
        **settings: Any,
    ) -> dict[str, Run]:
        """Solve one problem by several strategies, see ``ttc_explorer.compare``."""
        asked = problem if isinstance(problem, Problem) else typed_problem(problem, answer)
        chosen = self.settings(**settings)
        runs = {
            name: self.run(asked, name, parse_budget(budget), seed, chosen) for name in strategies
        }
        self.drive(list(runs.values()), seconds)
        return {name: Run.of(run) for name, run in runs.items()}


def solve(
    problem: str | Problem,
    *,
    model: str | None = None,
    verifier: str | None = None,
    answer: str | None = None,
    strategy: str | None = None,
    budget: int = 16,
    seed: int = 0,
    selector: str | None = None,
    seconds: float | None = None,
    **settings: Any,
) -> Run:
    """Solve one problem by test-time search.

    Args:
        problem: The question in plain text.
        model: What to solve with, ``GENERATOR`` or ``GENERATOR+VERIFIER`` as on the command line;
            the shipped models by default.
        verifier: The verifier, where ``model`` names none.
        answer: The right answer, if it is known; the models never see it.
        strategy: What spends the budget (``ttc_explorer.search.strategy.STRATEGIES`` has all); by
            default beam search where there is a verifier, best-of-N where there is none.
        budget: N, how many solutions or beams to spend.
        seed: The same seed gives the same run.
        selector: What chooses among the answers; by default ``weighted`` where there is a verifier,
            else ``majority``.
        seconds: When to end the search at the latest, from now.
        **settings: Further settings by their names (``Settings``), such as ``temperature=0.7``.

    Returns:
        The finished run.

    Raises:
        BadInput: Something that was asked for is impossible; one sentence says what.
        ModelError: The models cannot be had, or failed.

    Examples:
        >>> run = solve("Solve 3x+5=20.", budget=4)
        >>> run.answer, run.correct["5"], run.stopped
        ('5', True, 'done')
    """
    with Solver(model, verifier) as solver:
        return solver.solve(
            problem,
            answer=answer,
            strategy=strategy,
            budget=budget,
            seed=seed,
            selector=selector,
            seconds=seconds,
            **settings,
        )


def compare(
    problem: str | Problem,
    strategies: Sequence[str],
    *,
    model: str | None = None,
    verifier: str | None = None,
    answer: str | None = None,
    budget: int = 16,
    seed: int = 0,
    seconds: float | None = None,
    **settings: Any,
) -> dict[str, Run]:
    """Solve one problem by several strategies at the same budget, in shared batches.

    Args:
        problem: The question in plain text.
        strategies: Their names.
        model: As in ``solve``, and so all others.
        verifier: The verifier, where ``model`` names none.
        answer: The right answer, if it is known.
        budget: N of each.
        seed: The same for all, so that they begin alike.
        seconds: When to end them at the latest, from now.
        **settings: Settings of all.

    Returns:
        The run of each strategy, by its name.

    Raises:
        BadInput: As ``solve``.
        ModelError: As ``solve``.

    Examples:
        >>> runs = compare("Solve 3x+5=20.", ["greedy", "best_of_n"], budget=4)
        >>> {name: run.ledger.verifier_tokens > 0 for name, run in runs.items()}
        {'greedy': False, 'best_of_n': True}
    """
    with Solver(model, verifier) as solver:
        return solver.compare(
            problem,
            strategies,
            answer=answer,
            budget=budget,
            seed=seed,
            seconds=seconds,
            **settings,
        )


def curves(
    pool: str | Path | pd.DataFrame,
    ks: Sequence[int] | None = None,
    selectors: Sequence[str] | None = None,
    *,
    score: str = "score",
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy against the number of samples, from any pool of sampled solutions.

    Args:
        pool: A file (Parquet, CSV, JSON lines, samples of other tools), or a table with the columns
            ``question``, ``answer``, ``correct``, ``score``; one row a solution.
        ks: Numbers of samples; powers of two by default.
        selectors: ``coverage`` and the names of selectors; by default all that the pool allows.
        score: The column that ``best`` and ``weighted`` go by.
        seed: Of the subsets and the bootstrap.

    Returns:
        One row a selector and k: selector, k, accuracy, low and high (95 %), questions.

    Raises:
        BadInput: The pool cannot be used; one sentence says why.

    Examples:
        >>> import pandas as pd
        >>> samples = {"question": [0, 0], "answer": ["5", "6"], "correct": [True, False]}
        >>> pool = pd.DataFrame(samples)
        >>> curves(pool, [1, 2], ["coverage"])["accuracy"].tolist()
        [0.5, 1.0]
    """
    from ttc_explorer.experiments.importers.source_document import SourceDocument
    from ttc_explorer.experiments.pool import check_samples, grade_and_merge, pool_table, read_pool
    from ttc_explorer.experiments.pool_curves import available_selectors, default_ks, pool_curves
    from ttc_explorer.problems.grading import Grader

    if isinstance(pool, str | Path):
        solutions = read_pool(pool, score)
    else:
        table = pool_table(SourceDocument("The pool", pool.copy()), {}, score)
        with Grader() as grader:
            solutions = grade_and_merge(check_samples(table, "The pool", score), grader)
    chosen = list(selectors) if selectors is not None else available_selectors(solutions, score)
    counts = list(ks) if ks is not None else default_ks(solutions)
    return pool_curves(solutions, counts, chosen, score, seed)


def load_trace(path: str | Path) -> Run:
    """The run in a trace file, which is not trusted.

    Args:
        path: ``FILE.json`` or ``FILE.json.gz``, of ``Run.save``, ``solve --trace`` or the page.

    Raises:
        BadInput: It cannot be read; one sentence says why.
    """
    return Run.of(read_trace(Path(path)))

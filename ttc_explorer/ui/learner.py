"""What the app learns from its own runs: outcomes of ``auto`` where the right answer is known."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ttc_explorer.experiments.outcomes import Outcomes
from ttc_explorer.experiments.policy import Policy
from ttc_explorer.models.protocol import Advice, Consult, Generator, Verifier
from ttc_explorer.search.auto import titled
from ttc_explorer.search.driver import no_policy
from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import chosen

OWN = Path.home() / ".ttc-explorer" / "outcomes.json"


def kept(strangers: bool) -> Outcomes:
    """The outcomes of the person whose machine this is; where strangers share it, those of this process."""
    return Outcomes(Path(tempfile.mkdtemp(prefix="ttc-")) / OWN.name if strangers else OWN)


class Learner:
    """Advises ``auto`` by ``policy`` and what ``outcomes`` taught. With ``strangers``, a right answer that
    somebody typed teaches nothing: only those that we work out ourselves do."""

    def __init__(self, policy: Policy, outcomes: Outcomes, strangers: bool) -> None:
        self.policy, self.outcomes = policy, outcomes
        self._strangers = strangers

    def adviser(self, generator: Generator, verifier: Verifier | None) -> Callable[[Consult], Advice | None]:
        """Advice for the models that the policy was measured on; none for others."""
        return self._advise if self.policy.measured_on(generator, verifier) else no_policy

    def _advise(self, question: Consult) -> Advice:
        return self.outcomes.advise(self.policy, question)

    def hear(self, run: Run) -> bool:
        """Count a finished run of ``auto`` that followed the policy; whether it counted. Raises BadInput."""
        vote = chosen(run.tree, run.settings.selector, run.settings.aggregate)
        right = run.correct.get(vote.answer) if vote else False
        told = next((note.data for note in run.tree.notes if "choice" in note.data), None)
        known = run.problem.answer is not None and not (self._strangers and run.problem.family is None)
        if run.strategy != "auto" or run.stopped not in ("done", "budget") or told is None or not known:
            return False
        cell = self.policy.cell(int(told["bin"]), self.policy.nearest(run.budget))
        taken = [each.choice for each in cell.candidates if titled(each.choice) == told["choice"]]
        if not taken or right is None:
            return False
        self.outcomes.add(cell.bin, cell.budget, taken[0], right)
        return True

"""The arms of a sweep as people see them: names, chips, colours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ttc_explorer.experiments.estimators import COVERAGE
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings, recorded_settings
from ttc_explorer.search.step_rule import OWN, step_label
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.components.run_request import RunRequest
from ttc_explorer.ui.components.strategy_comparison import MAIN_SETTING_VALUES, ComparedStrategy
from ttc_explorer.ui.glossary import TERMS


@dataclass(frozen=True)
class StrategyVariant:
    """A strategy with the settings that were set (JSON text), its selector still open; or
    ``coverage``."""

    strategy: str
    settings: str = "{}"

    @property
    def key(self) -> str:
        return f"{self.strategy} {self.settings}"

    @property
    def name_in_links(self) -> str:
        """
        >>> StrategyVariant("beam", '{"width": 0}').name_in_links
        'beam width=0'
        """
        settings = json.loads(self.settings)
        return " ".join([self.strategy, *(f"{name}={value}" for name, value in settings.items())])

    @property
    def title(self) -> str:
        return "Coverage" if self.strategy == COVERAGE else STRATEGIES[self.strategy].title

    @property
    def detail(self) -> str:
        """What sets it apart from other variants; whether equal steps were merged is said of a
        whole table, where a step ends if it is no line.

        >>> StrategyVariant("beam", '{"width": 0}').detail, StrategyVariant("dvts").detail
        ('M = √N', 'M = 4')
        >>> StrategyVariant("rebase", '{"temperature": 1}').detail
        'temperature 1'
        >>> StrategyVariant("rebase", '{"step": "check"}').detail
        'steps end at a check'
        """
        main = {
            name: getattr(Settings(), name)
            for name, _ in MAIN_SETTING_VALUES.get(self.strategy, ())
        }
        return ", ".join(
            ComparedStrategy(self.strategy, (name, value)).detail
            if name in main
            else step_label(value)
            if name == "step"
            else f"{name} {value}"
            for name, value in (main | json.loads(self.settings)).items()
            if name != "merge"
        )

    @property
    def name(self) -> str:
        return f"{self.title} {self.detail}".strip()

    def matches_run(self, run: Run | RunRequest) -> bool:
        """Whether the run did, or is to do, just this, all settings that the strategy reads
        included but ``merge`` and ``step`` (``step_note``)."""
        if self.strategy != run.strategy:
            return False
        swept = recorded_settings(json.loads(self.settings))
        return all(
            getattr(swept, name) == getattr(run.settings, name)
            for name in self._reads
            if name not in ("merge", "step")
        )

    def step_note(self, run: Run | RunRequest) -> str:
        """How this differs from the run in what a step is, and in what it does with equal ones;
        empty where it does not."""
        merge, step = self._steps
        notes = {
            step_label(step): "step" in self._reads and step != run.settings.step,
            "equal steps merged" if merge else "equal steps apart": "merge" in self._reads
            and merge != run.settings.merge,
        }
        return ", ".join(note for note, differs in notes.items() if differs)

    def likeness(self, run: Run | RunRequest) -> int:
        """In how many of these two it does as the run did."""
        merge, step = self._steps
        return (merge == run.settings.merge) + (step == run.settings.step)

    @property
    def _reads(self) -> tuple[str, ...]:
        return STRATEGIES[self.strategy].settings

    @property
    def _steps(self) -> tuple[bool, str]:
        """Whether equal steps were merged, and where steps ended: what is swept here writes
        lines."""
        swept = recorded_settings(json.loads(self.settings))
        return swept.merge, "line" if swept.step == OWN else swept.step

    @property
    def sentence(self) -> str:
        return TERMS[COVERAGE] if self.strategy == COVERAGE else STRATEGIES[self.strategy].summary

    def evidence_key(self, selector: str) -> tuple[str, str, str]:
        """Strategy, settings and selector, as evidence has them."""
        if self.strategy == COVERAGE:
            return "best_of_n", "{}", COVERAGE
        return self.strategy, self.settings, selector


def variant_of_run(
    arms: Iterable[StrategyVariant], run: Run | RunRequest
) -> StrategyVariant | None:
    """The arm that did what the run did, or nearly (``step_note``); None if there is none."""
    return max(
        (arm for arm in arms if arm.matches_run(run)),
        key=lambda arm: (arm.likeness(run), arm.key),
        default=None,
    )


def variants_by_key(found: Iterable[tuple[str, str]]) -> dict[str, StrategyVariant]:
    """Key -> arm: coverage, then what was found in the order of the list of strategies."""
    order = list(STRATEGIES)
    known = [StrategyVariant(*each) for each in found if each[0] in STRATEGIES]
    known.sort(key=lambda arm: (order.index(arm.strategy), list(json.loads(arm.settings).items())))
    return {arm.key: arm for arm in ([StrategyVariant(COVERAGE), *known] if known else [])}

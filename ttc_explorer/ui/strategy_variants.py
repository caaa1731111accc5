"""The arms of a sweep as people see them: names, chips, colours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ttc_explorer.experiments.estimators import COVERAGE
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings, recorded_settings
from ttc_explorer.search.strategy import STRATEGIES
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
    def title(self) -> str:
        return "Coverage" if self.strategy == COVERAGE else STRATEGIES[self.strategy].title

    @property
    def detail(self) -> str:
        """What sets it apart from other variants; whether equal steps were merged is said of a
        whole table.

        >>> StrategyVariant("beam", '{"width": 0}').detail, StrategyVariant("dvts").detail
        ('M = √N', 'M = 4')
        >>> StrategyVariant("rebase", '{"temperature": 1}').detail
        'temperature 1'
        """
        main = {
            name: getattr(Settings(), name)
            for name, _ in MAIN_SETTING_VALUES.get(self.strategy, ())
        }
        return ", ".join(
            ComparedStrategy(self.strategy, (name, value)).detail
            if name in main
            else f"{name} {value}"
            for name, value in (main | json.loads(self.settings)).items()
            if name != "merge"
        )

    @property
    def name(self) -> str:
        return f"{self.title} {self.detail}".strip()

    def matches_run(self, run: Run) -> bool:
        """Whether the run did just this, all settings that the strategy reads included but
        ``merge``."""
        if self.strategy != run.strategy:
            return False
        swept = recorded_settings(json.loads(self.settings))
        return all(
            getattr(swept, name) == getattr(run.settings, name)
            for name in STRATEGIES[self.strategy].settings
            if name != "merge"
        )

    def merge_note(self, run: Run) -> str:
        """How this differs from the run in what it does with equal steps; empty where it does
        not."""
        merge = recorded_settings(json.loads(self.settings)).merge
        if "merge" not in STRATEGIES[self.strategy].settings or merge == run.settings.merge:
            return ""
        return "equal steps merged" if merge else "equal steps apart"

    @property
    def sentence(self) -> str:
        return TERMS[COVERAGE] if self.strategy == COVERAGE else STRATEGIES[self.strategy].summary

    def evidence_key(self, selector: str) -> tuple[str, str, str]:
        """Strategy, settings and selector, as evidence has them."""
        if self.strategy == COVERAGE:
            return "best_of_n", "{}", COVERAGE
        return self.strategy, self.settings, selector


def variants_by_key(found: Iterable[tuple[str, str]]) -> dict[str, StrategyVariant]:
    """Key -> arm: coverage, then what was found in the order of the list of strategies."""
    order = list(STRATEGIES)
    known = [StrategyVariant(*each) for each in found if each[0] in STRATEGIES]
    known.sort(key=lambda arm: (order.index(arm.strategy), list(json.loads(arm.settings).items())))
    return {arm.key: arm for arm in ([StrategyVariant(COVERAGE), *known] if known else [])}

"""The strategy, its budget and its settings: the controls that say how a question is to be
solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import MAX_BUDGET, Settings, parse_budget, parse_seed
from ttc_explorer.search.strategy import STRATEGIES, get_strategy
from ttc_explorer.serving.model_manager import ModelManager, ModelSelection
from ttc_explorer.ui.address.address_state import AddressState, run_keys
from ttc_explorer.ui.components import chain_ratio
from ttc_explorer.ui.components.basic_inputs import (
    control_heading,
    html_block,
    number_input,
    parse_whole_number,
    segmented_control,
)
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates
from ttc_explorer.ui.components.run_request import RunRequest
from ttc_explorer.ui.components.step_control import step_control, step_update
from ttc_explorer.ui.components.strategy_picker import availability_update, strategy_picker
from ttc_explorer.ui.components.thinking_controls import ThinkingControls
from ttc_explorer.ui.html_templates import render_macro

BUDGETS = [2**exponent for exponent in range(MAX_BUDGET.bit_length())]
WIDTH_CHOICES = (2, 4, 8, 16, 0)
LOOKAHEAD_CHOICES = (0, 1, 2, 3, 4)


class StrategyControls:
    """The controls, to be made where they stand: the strategy and its budget at once, the rest by
    ``build_more``. Those that a strategy does not read are hidden (``rows``, by setting).

    Args:
        model_manager: says which strategies can run.
        initial_run: the run on screen at first, if any.
    """

    def __init__(self, model_manager: ModelManager, initial_run: Run | None) -> None:
        self._model_manager = model_manager
        self._initial_settings = initial_run.settings if initial_run else Settings()
        # Another than of the run on screen: a first press on Run shows something new.
        self._initial_seed = initial_run.seed + 1 if initial_run else 0
        first = initial_run.strategy if initial_run else "beam"
        self._first = "best_of_n" if first in self._unavailable_strategies(None) else first
        self.rows: dict[str, Any] = {}
        self._build_strategy(initial_run.budget if initial_run else 16)

    def _build_strategy(self, budget: int) -> None:
        first, settings = self._first, self._initial_settings
        reads = get_strategy(first).settings
        with gr.Column(elem_id="how", min_width=0):
            control_heading("Strategy")
            self.strategy = strategy_picker(first, elem_id="strategy")
            self.about = html_block("about", render_macro("strategy_about", _summary(first), ""))
            with gr.Row(
                elem_id="width-row", elem_classes="setting", visible="width" in reads
            ) as width:
                control_heading("Width M", "width")
                self.width = segmented_control(
                    "Width M", "width", _width_choices(settings.width), settings.width
                )
            with gr.Row(
                elem_id="lookahead-row", elem_classes="setting", visible="lookahead" in reads
            ) as ahead:
                control_heading("Lookahead k", "lookahead")
                self.lookahead = segmented_control(
                    "Lookahead k",
                    "lookahead",
                    _lookahead_choices(settings.lookahead),
                    settings.lookahead,
                )
            with gr.Column(elem_id="ratio", visible="chains" in reads, min_width=0) as chains:
                place = chain_ratio.nearest_position(settings.chains, budget)
                self.split = html_block("split", _split_label(first, place, budget))
                self.length = gr.Slider(
                    0,
                    max(1, chain_ratio.last_position(budget)),
                    place,
                    step=1,
                    label="From all parallel to all sequential",
                    show_label=False,
                    buttons=[],
                    elem_id="length",
                )
            control_heading("Budget N", "budget")
            budgets = self._budget_choices(budget)
            self.budget = segmented_control("Budget N", "budget", budgets, budget)
            self.estimate = html_block("estimate")
        self.rows |= {"width": width, "lookahead": ahead, "chains": chains}

    def build_more(self) -> None:
        """The settings that are seldom changed, and the seed."""
        settings, reads = self._initial_settings, get_strategy(self._first).settings
        with gr.Column(min_width=0, visible="temperature" in reads) as temperature:
            control_heading("Temperature", "temperature")
            self.temperature = gr.Slider(
                0,
                2,
                settings.temperature,
                step=0.1,
                label="Temperature",
                show_label=False,
                elem_id="temperature",
            )
        with gr.Column(min_width=0, visible="merge" in reads) as merge:
            control_heading("Equal steps", "merge")
            self.merge = segmented_control(
                "Equal steps", "merge", [("one node", True), ("apart", False)], settings.merge
            )
        with gr.Column(min_width=0, visible="step" in reads) as step:
            control_heading("A step ends at", "step end")
            self.step = step_control(settings.step)
        self.thinking = ThinkingControls(settings, "thinking" in reads)
        with gr.Row(elem_id="numbers"):
            with gr.Column(min_width=0, visible="rounds" in reads) as rounds:
                control_heading("Most steps", "rounds")
                self.rounds = number_input("Most steps", "rounds", settings.rounds)
            with gr.Column(min_width=0, visible=False) as checks:
                control_heading("Checks", "checks")
                self.checks = number_input("Checks", "checks", settings.checks)
            with gr.Column(min_width=0):
                control_heading("Seed", "seed")
                self.seed = number_input("Seed", "seed", self._initial_seed)
        self.rows |= {
            "temperature": temperature, "merge": merge, "step": step, "rounds": rounds,
            "checks": checks, **self.thinking.columns,
        }  # fmt: skip

    @property
    def inputs(self) -> list[Any]:
        """What somebody sets."""
        return list(self.address_fields.values())

    @property
    def address_fields(self) -> dict[str, Any]:
        """Key of the address -> the control that it means; ``length`` is the slider's position,
        which ``explore_state.js`` makes ``chains`` of."""
        return {
            "strategy": self.strategy, "n": self.budget, "seed": self.seed,
            "temperature": self.temperature, "width": self.width, "lookahead": self.lookahead,
            "length": self.length, "merge": self.merge, "step": self.step,
            "rounds": self.rounds, "checks": self.checks, **self.thinking.numbers,
        }  # fmt: skip

    @property
    def described(self) -> list[Any]:
        """What ``describe`` changes."""
        return [self.about, self.split, *self.rows.values(), self.length]

    # --- what is set ------------------------------------------------------------------------------

    def read_settings(self, values: ComponentUpdates, rule: Mapping[str, object]) -> Settings:
        """The settings that stand there. Raises BadInput.

        Args:
            values: component -> its value.
            rule: the settings that choose the answer, which have no control here.
        """
        budget = parse_budget(values[self.budget])
        length = parse_whole_number("length", values[self.length])
        return Settings().with_values(
            {
                **rule,
                "temperature": values[self.temperature],
                "width": values[self.width],
                "lookahead": values[self.lookahead],
                "chains": chain_ratio.chain_count(length, budget),
                "merge": values[self.merge],
                "step": values[self.step],
                "rounds": values[self.rounds],
                "checks": values[self.checks],
                **self.thinking.read(values),
            }
        )

    def set_to_run(self, run: Run | RunRequest, choice: ModelSelection | None) -> ComponentUpdates:
        """The controls as they have to stand to run this again."""
        return self.set_to(run.strategy, run.budget, run.seed, run.settings, choice)

    def set_to(
        self,
        strategy: str,
        budget: int,
        seed: int,
        settings: Settings,
        choice: ModelSelection | None,
    ) -> ComponentUpdates:
        """The controls as they have to stand to run this. ``choice``: which models the visitor
        uses."""
        place = chain_ratio.nearest_position(settings.chains, budget)
        last = max(1, chain_ratio.last_position(budget))
        return self.describe(strategy, budget, place, choice) | {
            self.strategy: strategy,
            self.budget: gr.update(choices=self._budget_choices(budget), value=budget),
            self.seed: seed,
            self.temperature: settings.temperature,
            self.width: gr.update(choices=_width_choices(settings.width), value=settings.width),
            self.lookahead: gr.update(
                choices=_lookahead_choices(settings.lookahead), value=settings.lookahead
            ),
            self.length: gr.update(maximum=last, value=place, interactive=budget > 1),
            self.merge: settings.merge,
            self.step: step_update(settings.step),
            self.rounds: settings.rounds,
            self.checks: settings.checks,
            **self.thinking.set_to(settings),
        }

    def set_to_state(self, state: AddressState, choice: ModelSelection | None) -> ComponentUpdates:
        """The controls as an address has them: what it does not say is the default.

        Raises:
            BadInput: a setting's value is none of its.
        """
        values = {key.name: key.default for key in run_keys()} | state
        settings = Settings().with_values(
            {name: state[name] for name in Settings().to_dict() if name in state}
        )
        strategy = str(values["strategy"])
        if "strategy" not in state and strategy in self._unavailable_strategies(choice):
            strategy = "best_of_n"
        budget, seed = parse_budget(values["n"]), parse_seed(values["seed"])
        return self.set_to(strategy, budget, seed, settings, choice)

    def set_strategy(
        self, name: str, budget: int, length: int, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """Set the controls to a strategy and a budget."""
        described = self.describe(name, budget, length, choice)
        return described | {self.strategy: name, self.budget: budget}

    # --- what it means ----------------------------------------------------------------------------

    def describe(
        self, name: str, budget: int, length: int, choice: ModelSelection | None = None
    ) -> ComponentUpdates:
        """What the strategy does, the settings that it reads, and what they mean at this budget.

        Args:
            name: of the strategy.
            budget: N.
            length: the slider's position between parallel and sequential (``chain_ratio.py``).
            choice: which models the visitor uses.
        """
        last = chain_ratio.last_position(budget)
        place = min(length, last)
        moved = place != length  # else it stays in the hand that drags it
        missing = self._unavailable_strategies(choice).get(name, "")
        read = self._settings_read(name, choice)
        return {
            self.about: render_macro("strategy_about", _summary(name), missing),
            self.split: _split_label(name, place, budget),
            self.length: {
                **gr.update(maximum=max(1, last), interactive=last > 0),
                **({"value": place} if moved else {}),
            },
        } | {shown: gr.update(visible=setting in read) for setting, shown in self.rows.items()}

    def describe_availability(
        self, choice: ModelSelection | None = None, chosen: str = ""
    ) -> ComponentUpdates:
        """Which strategies these models cannot run; best-of-N takes the place of a ``chosen`` one
        among them."""
        missing = self._unavailable_strategies(choice)
        moved = {"value": "best_of_n"} if chosen in missing else {}
        return {self.strategy: availability_update(missing) | moved}

    def _settings_read(self, name: str, choice: ModelSelection | None) -> set[str]:
        """The settings that the strategy reads, and its verifier, if it is one that writes
        checks."""
        entry, loaded = get_strategy(name), self._model_manager.ready(choice)
        writes = entry.verifier != "nothing" and loaded is not None and loaded.facts.writes_checks
        return {*entry.settings, *(["checks"] if writes else [])}

    def _budget_choices(self, also: int) -> list[tuple[str, int]]:
        """The budgets that are allowed here, and the one of the run on screen."""
        most = self._model_manager.limits.budget
        allowed = {number for number in BUDGETS if number <= most}
        return [(str(number), number) for number in sorted(allowed | {also})]

    def _unavailable_strategies(self, choice: ModelSelection | None) -> dict[str, str]:
        """Strategy -> why it cannot run, for those that cannot, as far as that is known before
        models are here."""
        reasons = {name: self._model_manager.missing(name, choice) for name in STRATEGIES}
        return {name: reason for name, reason in reasons.items() if reason}


def _summary(strategy: str) -> str:
    return get_strategy(strategy).summary


def _split_label(name: str, place: int, budget: int) -> str:
    """What a place of the slider between parallel and sequential means to a strategy: only
    ``revise`` spends the whole budget on chains."""
    if name == "revise":
        return render_macro("split_label", chain_ratio.describe_split(place, budget))
    return render_macro("split_label", f"{chain_ratio.chain_count(place, budget)} at a time")


def _width_choices(also: int) -> list[tuple[str, int]]:
    """The widths to choose from, and the one of the run on screen."""
    numbers = sorted({*WIDTH_CHOICES, also} - {0})
    return [*((str(number), number) for number in numbers), ("√N", 0)]


def _lookahead_choices(also: int) -> list[tuple[str, int]]:
    return [(str(number), number) for number in sorted({*LOOKAHEAD_CHOICES, also})]

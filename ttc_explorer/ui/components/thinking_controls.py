"""How long a model thinks: the numbers that budget forcing goes by."""

from __future__ import annotations

import gradio as gr

from ttc_explorer.search.settings import Settings
from ttc_explorer.ui.components.basic_inputs import control_heading, number_input
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates

THINKING_NUMBERS = {
    "thinking": ("Thought L", "thought length"),
    "waits": ("Waits", "waits"),
    "probe": ("Probed every", "interim answer"),
    "agree": ("Agreeing", "agreeing"),
}
"""Setting -> its name on screen, and its entry in the glossary."""


class ThinkingControls:
    """The controls, to be made where they stand.

    Args:
        settings: as they stand at first.
        visible: whether the strategy at first reads them.

    Attributes:
        columns: setting -> what holds its control.
        numbers: setting -> its control.
    """

    def __init__(self, settings: Settings, visible: bool) -> None:
        self.columns: dict[str, gr.Column] = {}
        self.numbers: dict[str, gr.Number] = {}
        with gr.Row(elem_id="thinking-row"):
            for setting, (title, term) in THINKING_NUMBERS.items():
                with gr.Column(min_width=0, visible=visible) as self.columns[setting]:
                    control_heading(title, term)
                    value = getattr(settings, setting)
                    self.numbers[setting] = number_input(title, setting, value)

    def read(self, values: ComponentUpdates) -> dict[str, object]:
        """The settings that stand there.

        Args:
            values: component -> its value.
        """
        return {setting: values[control] for setting, control in self.numbers.items()}

    def set_to(self, settings: Settings) -> ComponentUpdates:
        """The controls as they have to stand for these settings."""
        return {control: getattr(settings, setting) for setting, control in self.numbers.items()}

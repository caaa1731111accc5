"""The application as Gradio's Blocks, with a sentence for values that no page sends.

Gradio fails on them in many ways before a function of ours is called, prints a traceback that
quotes all that was sent, and answers without a word.
"""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState

from ttc_explorer.serving.http_guard import NOT_UNDERSTOOD, log_line

log = logging.getLogger(__name__)

MAX_EVENTS = 10_000
"""Events that wait in Gradio's queue, where none ever should: more than there can be. (Without a
number it takes 1 on ZeroGPU Spaces.)"""


class CheckedBlocks(gr.Blocks):
    """Values that cannot be taken are told to whoever sent them, and are one line of the log."""

    def queue(self, *args: Any, **kwargs: Any) -> CheckedBlocks:
        """The queue that Gradio asks for when it is made. Who waits for a place waits in the run
        service, fairly, and is told so: not here. Another call would make all routes anew, a tenth
        of a second of the start."""
        super().queue(max_size=MAX_EVENTS, default_concurrency_limit=None)
        return self

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[Any]:
        """The values as the function takes them; arguments and result as of Gradio's own.

        Raises:
            gr.Error: they cannot be taken, or nothing here takes any.
        """
        if block_fn.fn is None:  # the browser's own: no page asks it of us
            raise gr.Error(NOT_UNDERSTOOD, print_exception=False)
        try:
            values: list[Any] = await super().preprocess_data(
                block_fn, inputs, state, explicit_call
            )
        except Exception as error:  # Gradio's, of any kind
            log.warning("%s", log_line(f"values of {block_fn.name} not taken", error))
            raise gr.Error(NOT_UNDERSTOOD, print_exception=False) from None
        return values

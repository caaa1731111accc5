"""What the viewer is sent of a comparison: an append-only string of lines, as of one run
(``stream.py``), with two more kinds (``comparison_state.js`` reads them):

``["comparison", about]``
    always the first line: ``id``, the ``entries`` that are compared (title, detail, name, sentence,
    light and dark colour, dash), ``tokens``, the limit (null in a comparison by samples), and the
    ``selector`` to begin with
``["lane", place, standing]``
    what follows is of this entry: ``state`` (running, none, or why its run ended) and whether it is
    ``trying`` a budget
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Sequence

from ttc_explorer.search.run import Run
from ttc_explorer.ui.components.strategy_comparison import ComparedStrategy, ComparisonLane
from ttc_explorer.ui.run_viewer.stream import Json, RunStream, json_line
from ttc_explorer.ui.strategy_colours import colour_style


class ComparisonStream:
    """The growing string of one comparison.

    Args:
        lanes: what is compared; their runs may still be growing, in another thread.
        selector: chooses the answers to begin with.
        waiting: what to say of a run that waits for a place; empty for all others.
    """

    def __init__(
        self,
        lanes: Sequence[ComparisonLane],
        selector: str,
        waiting: Callable[[Run], str] = lambda run: "",
    ) -> None:
        self._lanes = lanes
        self._waiting = waiting
        self._runs: list[Run | None] = [None] * len(lanes)
        self._streams: list[RunStream | None] = [None] * len(lanes)
        self._standings: list[dict[str, Json]] = [{} for _ in lanes]
        limit = min((lane.tokens for lane in lanes), default=math.inf)
        self._text = _opening_line([lane.entry for lane in lanes], limit, selector)

    def update(self) -> str:
        """The whole string, grown by all that happened since the last call."""
        self._text += "".join(map(self._lane_lines, range(len(self._lanes))))
        return self._text

    def _lane_lines(self, place: int) -> str:
        lane = self._lanes[place]
        run, settled = lane.run, lane.settled
        if run is not self._runs[place]:
            self._runs[place] = run
            self._streams[place] = None if run is None else RunStream(uuid.uuid4().hex[:12], run)
        stream, new_lines = self._streams[place], ""
        if stream is not None and run is not None:
            stream.waiting = self._waiting(run)
            new_lines = stream.new_lines()
        standing: dict[str, Json] = {
            "state": "none" if run is None else str(run.stopped) if settled else "running",
            "trying": not settled and lane.tokens < math.inf,
        }
        if not new_lines and standing == self._standings[place]:
            return ""
        self._standings[place] = standing
        return json_line("lane", place, standing) + new_lines


def comparison_preview(entries: Sequence[ComparedStrategy], selector: str) -> str:
    """The string that shows what will be compared, before anything has run.

    Args:
        entries: the strategies.
        selector: chooses the answers to begin with.
    """
    return _opening_line(entries, math.inf, selector)


def runs_side_by_side(runs: Sequence[Run], selector: str) -> str:
    """The string that shows runs that have ended beside each other.

    Args:
        runs: the runs.
        selector: chooses their answers.
    """
    lines = [_opening_line([ComparedStrategy(run.strategy) for run in runs], math.inf, selector)]
    for place, run in enumerate(runs):
        lines.append(json_line("lane", place, {"state": run.stopped, "trying": False}))
        lines.append(RunStream(uuid.uuid4().hex[:12], run).update())
    return "".join(lines)


def _opening_line(entries: Sequence[ComparedStrategy], tokens: float, selector: str) -> str:
    about: dict[str, Json] = {
        "id": uuid.uuid4().hex[:12],
        "entries": [_entry_data(entry) for entry in entries],
        "tokens": None if math.isinf(tokens) else int(tokens),
        "selector": selector,
    }
    return json_line("comparison", about)


def _entry_data(entry: ComparedStrategy) -> dict[str, Json]:
    light, dark, dash = colour_style(entry.strategy)
    return {
        "title": entry.title,
        "detail": entry.detail,
        "name": entry.name,
        "sentence": entry.sentence,
        "light": light,
        "dark": dark,
        "dash": dash,
    }

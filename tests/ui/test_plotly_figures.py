"""Figures hold the right data, in the right looks."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_explorer.ui.components.accuracy_curves import COST_AXES, accuracy_curves
from ttc_explorer.ui.components.plotly_figures import (
    band_trace,
    spread_labels,
    to_plot_data,
)
from ttc_explorer.ui.plot_css import dark_theme_css, trace_uid
from ttc_explorer.ui.strategy_colours import STRATEGY_STYLES, colour_style, registered_styles
from ttc_explorer.ui.theme import BLOCK_COLOUR, SUBDUED_TEXT_COLOUR, TEXT_COLOUR


def table(arms, budgets=(1, 4, 16), panels=("",)):
    rows = []
    for panel in panels:
        for place, (arm, tone) in enumerate(arms):
            for budget in (1,) if tone == "greedy" else budgets:
                accuracy = 0.3 + 0.1 * place + 0.02 * np.log2(budget)
                rows.append(
                    (
                        panel,
                        arm,
                        tone,
                        budget,
                        20.0 * budget,
                        accuracy,
                        accuracy - 0.05,
                        accuracy + 0.04,
                        80,
                    )
                )
    names = ["panel", "arm", "tone", "budget", "x", "accuracy", "low", "high", "questions"]
    return pd.DataFrame(rows, columns=names)


ARMS = [
    ("Greedy", "greedy"),
    ("Best-of-N", "best_of_n"),
    ("Beam search M = 4", "beam"),
    ("Beam search M = √N", "beam"),
]


def traces(figure, part):
    return [trace for trace in figure["data"] if f"~{part}-" in trace["uid"]]


def test_every_arm_has_its_line_its_colour_and_its_dash():
    points = table(ARMS)
    figure = accuracy_curves(points, "generated_tokens")
    lines = traces(figure, "line")
    assert len(lines) == len(ARMS)
    for (arm, tone), trace in zip(ARMS, lines, strict=True):
        rows = points[points["arm"] == arm]
        assert trace["x"] == rows["x"].tolist()
        assert trace["y"] == rows["accuracy"].tolist()
        assert trace["line"]["color"] == STRATEGY_STYLES[tone].light
        assert trace["uid"].startswith(f"{tone}~")
        strokes = STRATEGY_STYLES[tone].dash.split()
        assert len(trace["line"]["dash"].split(",")) == max(1, len(strokes))
        assert arm in trace["text"][0]
        assert "80 questions" in trace["text"][0]
    assert lines[2]["marker"]["symbol"] != lines[3]["marker"]["symbol"]
    assert len({trace["uid"] for trace in figure["data"]}) == len(figure["data"])


def test_a_band_goes_out_below_and_back_above():
    trace = band_trace([1, 2], [0.1, 0.2], [0.3, 0.4], "beam", "band 0")
    assert trace["x"] == [1, 2, 2, 1]
    assert trace["y"] == [0.1, 0.2, 0.4, 0.3]
    assert trace["fill"] == "toself"
    assert trace["fillcolor"].startswith("rgba(226,80,13,")


def test_bands_can_be_left_out_and_are_never_around_a_single_point():
    assert len(traces(accuracy_curves(table(ARMS)), "band")) == 3
    assert traces(accuracy_curves(table(ARMS), bands=False), "band") == []


def test_greedy_leads_on_to_the_right_without_more_points():
    figure = accuracy_curves(table(ARMS), "generated_tokens")
    (on,) = traces(figure, "on")
    assert on["x"] == [20.0, 320.0]
    assert on["y"][0] == on["y"][1]
    assert on["hoverinfo"] == "skip"


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_panels_stand_side_by_side_and_share_their_range(count, narrow):
    names = [str(number + 1) for number in range(count)] if count > 1 else [""]
    figure = accuracy_curves(table(ARMS, panels=names), narrow=narrow)
    layout = figure["layout"]
    axes = [
        (layout[f"xaxis{n or ''}"], layout[f"yaxis{n or ''}"]) for n in [0, *range(2, count + 1)]
    ]
    assert len({tuple(y["range"]) for _, y in axes}) == 1
    boxes = [(*x["domain"], *y["domain"]) for x, y in axes]
    for one, (left, right, low, high) in enumerate(boxes):
        assert 0 <= left < right <= 1
        assert 0 <= low < high <= 1
        for other in boxes[:one]:
            assert other[1] <= left or right <= other[0] or other[3] <= low or high <= other[2]
    titles = [note["text"] for note in layout["annotations"] if note["text"].startswith("<b>")]
    assert titles == ([] if count == 1 else [f"<b>{name}</b>" for name in names])


def test_names_stand_at_the_ends_but_not_on_a_phone():
    wide = [note["text"] for note in accuracy_curves(table(ARMS))["layout"]["annotations"]]
    assert wide == [arm for arm, _ in ARMS]
    assert accuracy_curves(table(ARMS), narrow=True)["layout"]["annotations"] == []


@pytest.mark.parametrize("across", COST_AXES)
@pytest.mark.parametrize("log", [True, False])
def test_all_points_lie_within_the_axes_and_the_figure_is_json(across, log):
    figure = accuracy_curves(table(ARMS), across, log)
    axis = figure["layout"]["xaxis"]
    low, high = (10**edge for edge in axis["range"]) if log else axis["range"]
    bottom, top = figure["layout"]["yaxis"]["range"]
    for trace in figure["data"]:
        assert all(low <= x <= high * (1 + 1e-9) for x in trace["x"])
        assert all(bottom <= y <= top for y in trace["y"])
    assert axis["title"]["text"] == COST_AXES[across].title
    assert json.loads(to_plot_data(figure).plot) == json.loads(json.dumps(figure))


@pytest.mark.parametrize("narrow", [False, True])
def test_plotly_knows_every_property(narrow):
    figure = accuracy_curves(table(ARMS), narrow=narrow)
    go.Figure(
        figure["data"], figure["layout"]
    )  # raises ValueError at a name or value that it does not know


def test_a_figure_with_one_point_can_be_drawn():
    to_plot_data(accuracy_curves(table([("Greedy", "greedy")])))
    to_plot_data(accuracy_curves(table([("Greedy", "greedy")]), log=False))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.floats(0.001, 0.09))
def test_labels_keep_their_distance_their_order_and_the_figure(wanted, gap):
    places = spread_labels(wanted, gap, 0, 1)
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    for below, above in pairwise(order):
        assert places[above] - places[below] >= gap - 1e-9
    assert min(places) >= -1e-9
    assert max(places) <= 1 + 1e-9


def test_labels_with_room_stand_where_they_want():
    assert spread_labels([0.9, 0.1, 0.5], 0.1, 0, 1) == pytest.approx([0.9, 0.1, 0.5])


# --- light and dark -------------------------------------------------------------------------------


def contrast(one, other):
    """WCAG 2.1, contrast ratio."""

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("tone", registered_styles().values(), ids=registered_styles())
def test_every_tone_stands_out_on_paper_and_in_dark(tone):
    assert contrast(tone.light, "#ffffff") >= 3
    assert contrast(tone.light, BLOCK_COLOUR[0]) >= 3
    assert contrast(tone.dark, BLOCK_COLOUR[1]) >= 3


def test_text_is_readable_on_paper_and_in_dark():
    for ink in (TEXT_COLOUR, SUBDUED_TEXT_COLOUR):
        assert contrast(ink[0], "#ffffff") >= 4.5
        assert contrast(ink[1], BLOCK_COLOUR[1]) >= 4.5


def test_dark_styles_know_every_trace_by_its_tag():
    css = dark_theme_css()
    for name in registered_styles():
        assert f'[class*="trace{trace_uid(name, "line 0").split("~")[0]}~"]' in css
        assert colour_style(name).dark in css
    assert trace_uid("never seen", "line 0").startswith("other~")

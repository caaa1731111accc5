"""How all pages look: colours, type, styles and scripts. Nothing is fetched from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.page import pages_in_order
from ttc_explorer.ui.plot_css import dark_theme_css
from ttc_explorer.ui.script_files import script_routes

STATIC_FOLDER = Path(__file__).parent
SHARED_STYLESHEETS = (
    "shared_controls",
    "style",
    "plots",
    "cards",
    "repeated_runs",
    "run_history/run_history",
    "run_viewer/style",
    "presentation",
    "address/address",
)
HEAD_STYLESHEETS = ("lessons/lesson_panel", "print", "address/embed")
"""What Gradio would leave out of its stylesheets, or keep to what is inside its container: rules
for paper, of the root, and of the panel that stands outside of it."""

# light, dark
PAGE_COLOUR = ("#f3f5f9", "#0d1117")
BLOCK_COLOUR = ("#ffffff", "#161b22")
FIELD_COLOUR = ("#f8fafc", "#0d1117")
BORDER_COLOUR = ("#dfe4ec", "#2b323d")
TEXT_COLOUR = ("#1b2330", "#e9edf3")
SUBDUED_TEXT_COLOUR = ("#4b5565", "#a9b4c2")
PRIMARY_COLOUR = ("#0b4ca3", "#2f6fd0")
ACCENT_COLOUR = ("#0b4ca3", "#7db8f2")
SELECTED_COLOUR = ("#e4eefb", "#12305c")
STOP_COLOUR = ("#b34300", "#f0a060")


def theme() -> gr.themes.Base:
    """IBM Plex Sans as shipped with Gradio (regular and bold; its semi-bold lacks letters)."""
    base = gr.themes.Base(
        text_size=gr.themes.sizes.text_md,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_sm,
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "monospace"],
    )
    colours = {
        "body_background_fill": PAGE_COLOUR,
        "background_fill_primary": BLOCK_COLOUR,
        "background_fill_secondary": PAGE_COLOUR,
        "block_background_fill": BLOCK_COLOUR,
        "block_border_color": BORDER_COLOUR,
        "border_color_primary": BORDER_COLOUR,
        "body_text_color": TEXT_COLOUR,
        "body_text_color_subdued": SUBDUED_TEXT_COLOUR,
        "block_title_text_color": TEXT_COLOUR,
        "block_label_text_color": TEXT_COLOUR,
        "block_info_text_color": SUBDUED_TEXT_COLOUR,
        "accordion_text_color": TEXT_COLOUR,
        "input_background_fill": FIELD_COLOUR,
        "input_background_fill_focus": FIELD_COLOUR,
        "input_border_color": BORDER_COLOUR,
        "input_border_color_focus": ACCENT_COLOUR,
        "input_placeholder_color": SUBDUED_TEXT_COLOUR,
        "checkbox_label_background_fill": BLOCK_COLOUR,
        "checkbox_label_background_fill_hover": FIELD_COLOUR,
        "checkbox_label_background_fill_selected": SELECTED_COLOUR,
        "checkbox_label_border_color": BORDER_COLOUR,
        "checkbox_label_border_color_selected": ACCENT_COLOUR,
        "checkbox_label_text_color": TEXT_COLOUR,
        "checkbox_label_text_color_selected": TEXT_COLOUR,
        "slider_color": ACCENT_COLOUR,
        "button_primary_background_fill": PRIMARY_COLOUR,
        "button_primary_background_fill_hover": ("#093d83", "#3b7de0"),
        "button_primary_border_color": PRIMARY_COLOUR,
        "button_primary_text_color": ("#ffffff", "#ffffff"),
        "button_secondary_background_fill": BLOCK_COLOUR,
        "button_secondary_background_fill_hover": FIELD_COLOUR,
        "button_secondary_border_color": ("#b8c2d0", "#3a4350"),
        "button_secondary_text_color": TEXT_COLOUR,
        "button_cancel_background_fill": BLOCK_COLOUR,
        "button_cancel_background_fill_hover": FIELD_COLOUR,
        "button_cancel_border_color": STOP_COLOUR,
        "button_cancel_text_color": STOP_COLOUR,
    }
    shared = {
        "color_accent": "var(--ttc-accent)",
        "block_border_width": "0px",
        "block_shadow": "none",
        "block_title_text_weight": "700",
        "block_label_text_weight": "700",
        "block_title_text_size": "14px",
        "block_info_text_size": "13px",
        "input_border_width": "1px",
        "checkbox_label_border_width": "1px",
        "checkbox_label_shadow": "none",
        "button_border_width": "1px",
        "button_large_text_weight": "700",
        "button_medium_text_weight": "700",
        "button_transform_active": "none",
    }
    both: dict[str, Any] = dict(shared)
    for name, (light, dark) in colours.items():
        both[name], both[f"{name}_dark"] = light, dark
    return base.set(**both)


def launch_options() -> dict[str, Any]:
    """What ``launch`` must be given for the pages to look as designed, those that registered
    themselves included, and to find their scripts."""
    scripts = [
        Markup((STATIC_FOLDER / f"{name}.js").read_text("utf-8"))
        for name in (
            "tips",
            "keyboard_groups",
            "presentation",
            "glossary_window",
            "service_status",
            "lessons/lesson_list",
        )
    ]
    stylesheets = [
        Markup((STATIC_FOLDER / f"{name}.css").read_text("utf-8")) for name in HEAD_STYLESHEETS
    ]
    own = [entry.stylesheet for entry in pages_in_order() if entry.stylesheet is not None]
    return {
        "theme": theme(),
        "css_paths": [*(STATIC_FOLDER / f"{name}.css" for name in SHARED_STYLESHEETS), *own],
        "css": dark_theme_css(),
        "head": render("page_head.html", stylesheets=stylesheets, scripts=scripts),
        "footer_links": [],
        "favicon_path": STATIC_FOLDER / "icon.png",
        "app_kwargs": {"routes": script_routes()},
    }

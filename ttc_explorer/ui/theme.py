"""How all pages look: colours, type, styles and scripts. Nothing is fetched from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ttc_explorer.ui.tones import styles

HERE = Path(__file__).parent
STYLES = ("style", "compare", "curves", "policy", "exchange", "findings", "verifier", "models")

# light, dark
PAGE = ("#f3f5f9", "#0d1117")
BLOCK = ("#ffffff", "#161b22")
FIELD = ("#f8fafc", "#0d1117")
LINE = ("#dfe4ec", "#2b323d")
INK = ("#1b2330", "#e9edf3")
SUBDUED = ("#4b5565", "#a9b4c2")
PRIMARY = ("#0b4ca3", "#2f6fd0")
ACCENT = ("#0b4ca3", "#7db8f2")
SELECTED = ("#e4eefb", "#12305c")
STOP = ("#b34300", "#f0a060")


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
        "body_background_fill": PAGE,
        "background_fill_primary": BLOCK,
        "background_fill_secondary": PAGE,
        "block_background_fill": BLOCK,
        "block_border_color": LINE,
        "border_color_primary": LINE,
        "body_text_color": INK,
        "body_text_color_subdued": SUBDUED,
        "block_title_text_color": INK,
        "block_label_text_color": INK,
        "block_info_text_color": SUBDUED,
        "accordion_text_color": INK,
        "input_background_fill": FIELD,
        "input_background_fill_focus": FIELD,
        "input_border_color": LINE,
        "input_border_color_focus": ACCENT,
        "input_placeholder_color": SUBDUED,
        "checkbox_label_background_fill": BLOCK,
        "checkbox_label_background_fill_hover": FIELD,
        "checkbox_label_background_fill_selected": SELECTED,
        "checkbox_label_border_color": LINE,
        "checkbox_label_border_color_selected": ACCENT,
        "checkbox_label_text_color": INK,
        "checkbox_label_text_color_selected": INK,
        "slider_color": ACCENT,
        "button_primary_background_fill": PRIMARY,
        "button_primary_background_fill_hover": ("#093d83", "#3b7de0"),
        "button_primary_border_color": PRIMARY,
        "button_primary_text_color": ("#ffffff", "#ffffff"),
        "button_secondary_background_fill": BLOCK,
        "button_secondary_background_fill_hover": FIELD,
        "button_secondary_border_color": ("#b8c2d0", "#3a4350"),
        "button_secondary_text_color": INK,
        "button_cancel_background_fill": BLOCK,
        "button_cancel_background_fill_hover": FIELD,
        "button_cancel_border_color": STOP,
        "button_cancel_text_color": STOP,
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


def looks() -> dict[str, Any]:
    """What ``launch`` must be given for the pages to look as designed."""
    tips = (HERE / "tips.js").read_text("utf-8")
    return {
        "theme": theme(),
        "css_paths": [HERE / f"{name}.css" for name in STYLES],
        "css": styles(),
        "head": f"<script>{tips}</script>",
        "footer_links": [],
        "favicon_path": HERE / "icon.png",
    }

"""Open the page."""

from __future__ import annotations

from ttc_explorer.cli.command_group import cli


@cli.command(epilog="Example: app")
def app() -> None:
    """Open the page, as python app.py does."""
    from ttc_explorer.app import launch

    launch()

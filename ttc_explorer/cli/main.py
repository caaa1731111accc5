"""The command line: ``ttc-explorer COMMAND``, or ``python -m ttc_explorer COMMAND``.

A command is a file: it parses, calls and prints, nothing else. What loads slowly (torch,
transformers, gradio) is imported inside the commands, so that help is instant.
"""

from __future__ import annotations

# Each registers its command; help lists them in this order.
# isort: off
from ttc_explorer.cli import solve_command  # noqa: F401
from ttc_explorer.cli import problems_command  # noqa: F401
from ttc_explorer.cli import grade_command  # noqa: F401
from ttc_explorer.cli import sweep_command  # noqa: F401
from ttc_explorer.cli import policy_command  # noqa: F401
from ttc_explorer.cli import findings_command  # noqa: F401
from ttc_explorer.cli import exam_command  # noqa: F401
from ttc_explorer.cli import misled_command  # noqa: F401
from ttc_explorer.cli import record_command  # noqa: F401
from ttc_explorer.cli import curves_command  # noqa: F401
from ttc_explorer.cli import import_command  # noqa: F401
from ttc_explorer.cli import real_curves_command  # noqa: F401
from ttc_explorer.cli import width_depth_command  # noqa: F401
from ttc_explorer.cli import models_command  # noqa: F401
from ttc_explorer.cli import train_command  # noqa: F401
from ttc_explorer.cli import bench_command  # noqa: F401
from ttc_explorer.cli import app_command  # noqa: F401

# isort: on
from ttc_explorer.cli.command_group import cli
from ttc_explorer.process_exit import INTERRUPTED, TERMINATED, exit_at_once


def main(name: str = "ttc-explorer") -> None:
    """What the console script ``ttc-explorer`` calls."""
    try:
        cli(prog_name=name)
    except SystemExit as ended:
        if ended.code in (INTERRUPTED, TERMINATED):
            exit_at_once(ended.code)
        raise

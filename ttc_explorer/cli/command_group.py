"""The application that the commands register with: one line on stderr for bad input, and the exit
status.

0 done, 2 bad input (one line on stderr), 1 a fault of ours (a traceback), 130 interrupted by
Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ttc_explorer.extensions import load_extensions
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.process_exit import INTERRUPTED, TERMINATED, drop_output, raise_on_sigterm


class OneLineErrors(TyperGroup):
    """The commands, with bad input reported in one line instead of a page of usage or a
    traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        raise_on_sigterm()
        try:
            load_extensions()
            status = super().main(
                args, prog_name, complete_var, False, windows_expand_args, **extra
            )
        except TyperException as error:
            status = print_stderr(error.format_message(), 2)
        except (BadInput, ModelError) as error:
            status = print_stderr(str(error), 2)
        except SystemExit as ended:
            status = ended.code
        if status == INTERRUPTED:
            print_stderr("Interrupted.", status)
        if status == TERMINATED:
            print_stderr("Terminated.", status)
        sys.exit(status)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. That its output is cut short, by ``| head``, is no fault; that the disk
        it goes to is full is none of ours."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()
            return 0
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            drop_output()
            raise BadInput(f"The output cannot be written: {os.strerror(error.errno)}.") from None
        return result


def print_stderr(message: str, status: int = 0) -> int:
    """Print one line on stderr, and hand the exit status on."""
    typer.echo(" ".join(message.split()), err=True)
    return status


cli = typer.Typer(
    cls=OneLineErrors,
    help="Watch a language model spend test-time compute on math problems.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.callback(invoke_without_command=True)
def commands(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())

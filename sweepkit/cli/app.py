"""The command line as a whole: the list of commands, exit codes, and how errors are shown.

Each command is `sweepkit/cli/<name>.py` with a `command`, imported only when it is called, so that `--help` stays
instant. Exit codes: 0 done; 2 wrong input, nothing was started; 3 the sweep ended without a result; 130 interrupted.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Sequence

import click

from sweepkit import __version__
from sweepkit.errors import INTERRUPTED, InputError, SweepError
from sweepkit.formatting import nearest
from sweepkit.redaction import hidden

VERBS = {
    "validate": "Check a sweep file and show the sweep that it defines.",
    "plan": "Show what a sweep would cost: trials, rungs, epochs, time.",
    "prepare": "Convert the data to shared records, once.",
    "run": "Run a sweep, or resume it.",
    "status": "Show the progress of a sweep.",
    "best": "Show a sweep's best trial and its checkpoint.",
    "final": "Retrain the leaders from fresh seeds; test the winner once.",
    "report": "Write a report: one HTML file, a picture, or tables.",
    "compare": "Compare sweeps or trials: parameters, curves, paired tests.",
    "pull": "Download the winner into a folder, to use it elsewhere.",
    "predict": "Label new texts with a winner.",
    "explain": "Draw a network's state over a text, token by token.",
    "sync": "Upload to MLflow what could not be logged during a sweep.",
    "ui": "Open MLflow's pages on a sweep's tracking store.",
}


class _Verbs(click.Group):
    """A group of commands that imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"sweepkit.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            ctx.fail(f"no such command {name!r}; {nearest(name, VERBS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        # the group would import every command for its first line
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sweepkit")
def cli() -> None:
    """Distributed hyperparameter sweeps of Keras models.

    A sweep is a YAML file beside a Python package that defines the model, its data and its search space.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; wrong input is reported without a traceback, a bug with it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a path may contain bytes that are not UTF-8; escaped like this they are valid in JSON too
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=arguments, prog_name="sweepkit", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        message = io.StringIO()
        error.show(file=message)
        click.echo(hidden(message.getvalue()), err=True, nl=False)
        return InputError.exit_code
    except SweepError as error:
        _show(error)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _show(error: SweepError) -> None:
    """Print one line for each issue, and for wrong input how many there are."""
    issues = error.issues if isinstance(error, InputError) else (error,)
    for issue in issues:
        click.echo(f"error: {issue}", err=True)
    if isinstance(error, InputError):
        count = f"{len(issues)} problem{'s' if len(issues) > 1 else ''}"
        click.echo(f"{count} found; nothing was started", err=True)

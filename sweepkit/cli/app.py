"""The command line: which verbs there are, and what a failure looks like.

A verb's module is imported when the verb is called, so that `--help` stays instant. Each is
`sweepkit/cli/<verb>.py` and offers `command`. Exit codes: 0 done; 2 the input is wrong and nothing was
started; 3 the sweep ended without a result; 130 interrupted.
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
    "validate": "Check a sweep file and show what it says.",
    "plan": "Show what a sweep would cost: trials, rungs, epochs, time.",
    "prepare": "Turn the data into shared records, or find them.",
    "run": "Run a sweep, or go on with it.",
    "status": "Show how far a sweep is.",
    "best": "Show a sweep's best trials and where their checkpoints are.",
    "final": "Retrain the leaders from fresh seeds; test the winner once.",
    "report": "Draw a sweep: one HTML file, a picture, or tables.",
    "compare": "Compare sweeps or trials: parameters, curves, paired tests.",
    "pull": "Get the winner as a folder to use elsewhere.",
    "predict": "Label new texts with a winner.",
    "explain": "Draw what a model saw in a text, token by token.",
    "sync": "Tell MLflow what it missed of a sweep while it was away.",
    "ui": "Open MLflow's pages on a sweep's store.",
}


class _Verbs(click.Group):
    """A group that knows its verbs by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sweepkit")
def cli() -> None:
    """Distributed hyperparameter sweeps of Keras models.

    A sweep is a YAML file beside a package that says what may vary, like sweeps/cells.yaml.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; a user's mistake gets messages, a defect keeps its traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a path may hold bytes that are no UTF-8; escaped like this they are valid in JSON too
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=arguments, prog_name="sweepkit", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(file=shown)
        click.echo(hidden(shown.getvalue()), err=True, nl=False)
        return InputError.exit_code
    except SweepError as error:
        _show(error)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _show(error: SweepError) -> None:
    """Print one line for each problem, then their number when there are several."""
    issues = error.issues if isinstance(error, InputError) else (error,)
    for definition in issues:
        click.echo(f"error: {definition}", err=True)
    if isinstance(error, InputError):
        count = f"{len(issues)} problem{'s' if len(issues) > 1 else ''}"
        click.echo(f"{count} found; nothing was started", err=True)

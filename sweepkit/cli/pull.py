"""`sweepkit pull`: the winner as a folder to use elsewhere, tried before it is handed over."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import json_option, sweep_options
from sweepkit.formatting import near, params_line

if TYPE_CHECKING:
    from sweepkit.bundle.manifest import Measured
    from sweepkit.final.pull import Pulled


@click.command()
@sweep_options
@click.option("--to", metavar="DIR", required=True, type=click.Path(path_type=Path), help="A new or an empty folder.")
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="The MLflow store of runs:/ and models:/; without it MLFLOW_TRACKING_URI, else mlflow.db here.",
)
@json_option
def command(
    target: Path, sets: tuple[str, ...], data: str | None, to: Path, tracking_uri: str | None, as_json: bool
) -> None:
    """Get a winner as a folder: the model and all that using it on raw text needs.

    SWEEP is a sweep's YAML or folder, an MLflow run (runs:/RUN_ID) or a registered model (models:/NAME@champion,
    models:/NAME/3), which works on a machine that never saw the sweep. The model is loaded and has to give the
    numbers that it gave when it was exported.
    """
    from sweepkit.cli.quiet import quiet_start
    from sweepkit.final.pull import pull

    with quiet_start():
        pulled = pull(str(target), to, tracking_uri=tracking_uri, sets=sets, data=data)
    if as_json:
        print_json(_facts(pulled))
    else:
        _show(pulled)


def _facts(pulled: Pulled) -> dict[str, object]:
    facts = pulled.facts.to_json()
    names = ("sweep", "package", "trial", "epoch", "seed", "label_names", "data_key", "measured", "versions", "commit")
    return {
        "folder": str(pulled.folder),
        "source": pulled.source,
        **{name: facts[name] for name in names},
        "parameters": facts["point"],
        "check": {"rows": pulled.check.rows, "correct": pulled.check.correct, "loss": pulled.check.loss},
    }


def _show(pulled: Pulled) -> None:
    facts, check, folder = pulled.facts, pulled.check, near(str(pulled.folder))
    lines = [
        f"{folder}: trial {facts.trial} of sweep {facts.sweep}, epoch {facts.epoch}, from {near(pulled.source)}",
        f"parameters: {params_line(facts.params)}",
        f"labels: {', '.join(facts.to_json()['label_names'])}",
        *[_measured(one) for one in facts.measured],
        f"checked here: {check.correct} of {check.rows} rows of validation right, as when it was exported",
        "use it:",
        f'  python -m sweepkit predict {shlex.quote(folder)} "some text"',
        "or in Python:",
        "  import sweepkit",
        f'  sweepkit.load({folder!r}).predict(["some text"])',
    ]
    console = stdout()
    for line in lines:
        console.print(line, soft_wrap=True)


def _measured(one: Measured) -> str:
    interval = "" if one.low is None or one.high is None else f" (95 % interval {one.low:.4f} to {one.high:.4f})"
    return f"{one.name}: {one.value:.4f}{interval}"

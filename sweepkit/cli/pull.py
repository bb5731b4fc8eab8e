"""`sweepkit pull`: download the winner into a folder, after checking that it still predicts as it did."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.formatting import near, params_line

if TYPE_CHECKING:
    from sweepkit.bundle.manifest import Measured
    from sweepkit.final.pull import Pulled


@click.command()
@sweep_options
@click.option(
    "--to",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the winner; must be new or empty.",
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow store of runs:/ and models:/; default: MLFLOW_TRACKING_URI, or else mlflow.db in this folder.",
)
@json_option
def command(target: SweepTarget, to: Path, tracking_uri: str | None, as_json: bool) -> None:
    """Download a winner into a folder: the model with everything it needs to label raw texts.

    SWEEP is a sweep's YAML or folder, an MLflow run (runs:/RUN_ID) or a registered model (models:/NAME@champion,
    models:/NAME/3). Runs and registered models need no files of the sweep. The folder appears only if the model, as
    loaded here, predicts what it predicted when it was exported.
    """
    from sweepkit.cli.quiet import quiet_start
    from sweepkit.final.pull import pull

    with quiet_start():
        pulled = pull(str(target.path), to, tracking_uri=tracking_uri, sets=target.sets, data=target.data)
    if as_json:
        print_json(_as_json(pulled))
    else:
        _show(pulled)


def _as_json(pulled: Pulled) -> dict[str, object]:
    manifest = pulled.manifest.to_json()
    names = ("sweep", "package", "trial", "epoch", "seed", "label_names", "data_key", "measured", "versions", "commit")
    return {
        "folder": str(pulled.folder),
        "source": pulled.source,
        **{name: manifest[name] for name in names},
        "parameters": manifest["point"],
        "check": {"rows": pulled.check.rows, "correct": pulled.check.correct, "loss": pulled.check.loss},
    }


def _show(pulled: Pulled) -> None:
    manifest, check, folder = pulled.manifest, pulled.check, near(str(pulled.folder))
    lines = [
        f"{folder}: trial {manifest.trial} of sweep {manifest.sweep}, epoch {manifest.epoch}, "
        f"from {near(pulled.source)}",
        f"parameters: {params_line(manifest.params)}",
        f"labels: {', '.join(manifest.to_json()['label_names'])}",
        *[_measured(one) for one in manifest.measured],
        f"checked: {check.correct} of {check.rows} validation rows correct, as when it was exported",
        "use it:",
        f'  python -m sweepkit predict {shlex.quote(folder)} "some text"',
        "or in Python:",
        "  import sweepkit",
        f'  sweepkit.load_model({folder!r}).predict(["some text"])',
    ]
    console = stdout()
    for line in lines:
        console.print(line, soft_wrap=True)


def _measured(one: Measured) -> str:
    interval = "" if one.low is None or one.high is None else f" (95 % interval {one.low:.4f} to {one.high:.4f})"
    return f"{one.name}: {one.value:.4f}{interval}"

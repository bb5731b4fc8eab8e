"""`sweepkit report`: all results of a sweep, as one HTML file, one picture, or tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.errors import InputError
from sweepkit.formatting import near

if TYPE_CHECKING:
    from sweepkit.report.data import ReportData
    from sweepkit.results.sweep import Sweep

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@sweep_options
@click.option(
    "--html",
    metavar="FILE",
    type=_FILE,
    help="Write the page to this file; default without any option: SWEEP-report.html.",
)
@click.option("--png", metavar="FILE", type=_FILE, help="Write a picture of the main panels to this file.")
@click.option(
    "--parquet",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write trials.parquet and epochs.parquet to this folder.",
)
@json_option
def command(
    target: SweepTarget,
    html: Path | None,
    png: Path | None,
    parquet: Path | None,
    as_json: bool,
) -> None:
    """Report on a sweep: leaders, curves, importance of parameters, cost, and errors of the winner.

    SWEEP is a sweep's YAML or folder. The sweep may be running. The page is one file that needs no network.
    """
    from sweepkit.report.data import gather  # not at the top: it imports Optuna and pyarrow

    sweep = target.sweep()
    data = gather(sweep)
    if not (html or png or parquet):
        html = Path(f"{sweep.name}-report.html")
    for folder, option in ((html and html.parent, "--html"), (png and png.parent, "--png"), (parquet, "--parquet")):
        if folder:
            _check_writable(folder.absolute(), option)
    written = _write_drawings(data, html, png) | _write_tables(sweep, parquet)
    if as_json:
        print_json({**_headline(sweep), "written": {name: str(path) for name, path in written.items()}})
        return
    console = stdout()
    for path in written.values():
        console.print(f"wrote {near(str(path))}", soft_wrap=True)


def _write_drawings(data: ReportData, html: Path | None, png: Path | None) -> dict[str, Path]:
    from sweepkit.report.html.page import page  # not at the top: they import Optuna, Plotly and Matplotlib
    from sweepkit.report.importance import importance
    from sweepkit.report.png.picture import picture

    written: dict[str, Path] = {}
    importances = importance(data.sweep) if html or png else None  # takes seconds, and both show it
    if html:
        written["html"] = _write(html, page(data, importances).encode(), "--html")
    if png:
        written["png"] = _write(png, picture(data.sweep, importances), "--png")
    return written


def _write_tables(sweep: Sweep, folder: Path | None) -> dict[str, Path]:
    from sweepkit.results.tables import as_parquet

    if folder is None:
        return {}
    tables = {"trials": sweep.trials_table(), "epochs": sweep.epochs_table()}
    return {name: _write(folder / f"{name}.parquet", as_parquet(table), "--parquet") for name, table in tables.items()}


def _check_writable(folder: Path, option: str) -> None:
    """Check that a folder can be written, before anything is drawn; create a missing one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file has this name" if isinstance(error, FileExistsError) else _reason(error)
        raise InputError(f"the folder {str(folder)!r} cannot be created: {reason}", where=option) from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"the folder {str(folder)!r} cannot be written; choose another folder", where=option)


def _write(path: Path, content: bytes, option: str) -> Path:
    """Write a file, whole or not at all, and return its absolute path."""
    from sweepkit.storage.atomic import replacing
    from sweepkit.storage.write_errors import writing

    path = path.absolute()
    try:
        with writing(str(path)), replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {_reason(error)}; choose another file", where=option) from None
    return path


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error).partition("\n")[0]


def _headline(sweep: Sweep) -> dict[str, object]:
    """Return the main results as JSON."""
    from collections import Counter

    counts = Counter(trial.state.value if trial.state else "unfinished" for trial in sweep.trials)
    best, final = sweep.leaderboard.best, sweep.final
    return {
        "sweep": sweep.name,
        "folder": sweep.folder.shown(),
        "trials": len(sweep.trials),
        "n_trials": sweep.n_trials,
        "counts": dict(counts),
        "best_trial": best.number if best else None,
        f"best_{sweep.leaderboard.metric}": best.best_value if best else None,
        "best_epoch": best.best_epoch if best else None,
        "parameters": dict(best.params) if best else {},
        "final_winner": final.winner.name if final else None,
        "final_in_doubt": final.is_in_doubt if final else None,
        "looks_at_test": len(final.looks) if final else 0,
    }

"""`sweepkit explain`: the state of a recurrent network over a text, as a page, a picture, or a table."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.errors import InputError
from sweepkit.formatting import near
from sweepkit.tasks.text.explain.options import LayerDirection, View
from sweepkit.training.keras_import import import_keras

if TYPE_CHECKING:
    from rich.console import Console

    from sweepkit.tasks.text.explain.explanation import Explanation

_FILE = click.Path(path_type=Path)


@click.command()
@sweep_options
@click.argument("text")
@click.option("--html", metavar="OUT", type=_FILE, help="Write an interactive page, which needs no network.")
@click.option("--png", metavar="OUT", type=_FILE, help="Write a picture.")
@click.option("--layer", metavar="N", type=int, help="Recurrent layer to draw, 1 for the lowest; default: the top one.")
@click.option(
    "--direction",
    metavar="DIR",
    type=click.Choice(("forward", "backward")),
    default="forward",
    show_default=True,
    help="Direction of the layer to draw: forward or backward.",
)
@click.option("--units", metavar="N,N,...", help="Units to draw; default: those that vary most over the text.")
@click.option(
    "--most",
    metavar="N",
    type=click.IntRange(min=1),
    default=View().most,
    show_default=True,
    help="Number of units to draw.",
)
@json_option
def command(
    target: SweepTarget,
    text: str,
    html: Path | None,
    png: Path | None,
    layer: int | None,
    direction: LayerDirection,
    units: str | None,
    most: int,
    as_json: bool,
) -> None:
    """Draw the state of a trained network over a text, token by token.

    SWEEP is a sweep's YAML or folder, or the folder of a bundle. For a sweep, the network is the winner of its final
    stage, or else its leading trial. TEXT is the text itself, or - to read it from stdin.

    The page and the picture show the state of a recurrent layer after each token, the text in the colours of one
    unit, and the course of the prediction. Without --html and --png, the tokens that change the prediction most are
    printed.
    """
    view = View(layer, direction, _numbers(units), most)
    _check_outputs(html, png)
    explanation = _explained(target, _read(text), view)
    if html or png:
        _draw(explanation, html, png)
    if as_json:
        print_json(_as_json(explanation, html, png))
    else:
        _show(explanation, html, png)


def _numbers(units: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(unit) for unit in units.split(",")) if units is not None else ()
    except ValueError:
        raise InputError(f"must be numbers separated by commas, got {units!r}", where="--units") from None


def _check_outputs(html: Path | None, png: Path | None) -> None:
    """Check that the outputs can be written, before anything is computed."""
    for option, path in (("--html", html), ("--png", png)):
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"must be a file, {str(path)!r} is a folder", where=option)
        if not path.absolute().parent.is_dir() or not os.access(path.absolute().parent, os.W_OK):
            folder = str(path.absolute().parent)
            raise InputError(f"the file's folder must exist and be writable: {folder}", where=option)
    if html and png and html.absolute() == png.absolute():
        raise InputError(f"--html and --png must be two files, both are {str(html)!r}")


def _read(text: str) -> str:
    """Return the text of the argument, or that of stdin for `-`."""
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"the text must be UTF-8: {error}", where="stdin") from None


def _explained(target: SweepTarget, text: str, view: View) -> Explanation:
    from sweepkit.cli.quiet import quiet_start

    with quiet_start():
        import_keras()
        from sweepkit.tasks.text.classifier import load  # not at the top: it imports TensorFlow
        from sweepkit.tasks.text.explain.explanation import explain

        return explain(load(target.bundle()), text, view)


def _draw(explanation: Explanation, html: Path | None, png: Path | None) -> None:
    from sweepkit.tasks.text.explain import page  # not at the top: it imports Matplotlib
    from sweepkit.tasks.text.explain.png import picture

    if html:
        page.write(explanation, html)
    if png:
        picture.write(explanation, png)


def _as_json(explanation: Explanation, html: Path | None, png: Path | None) -> dict[str, object]:
    manifest, heat = explanation.manifest, explanation.heat
    states: dict[str, object] | None = None
    if heat:
        values = "tanh(c)" if heat.has_memory else "h"
        states = {"layer": heat.layer, "direction": heat.direction, "cell": heat.cell, "values": values}
        states["units"] = list(heat.units)
    turns = [
        {"token": turn.word, "label": manifest.label_names[turn.label], "gain": round(turn.gain, 6)}
        for turn in explanation.turns
    ]
    return {
        "model": {
            "sweep": manifest.sweep,
            "trial": manifest.trial,
            "epoch": manifest.epoch,
            "parameters": dict(manifest.params),
        },
        "label": manifest.label_names[explanation.label],
        "probability": round(explanation.probability, 6),
        # an argument may contain half a character, which cannot be encoded
        "tokens": [token.encode(errors="replace").decode() for token in explanation.tokens],
        "tokens_in_text": explanation.n_total,
        "labels": list(manifest.label_names),
        "before_first_token": _rounded(explanation.running[0].tolist()),
        "after_token": [_rounded(row) for row in explanation.running[1:].tolist()],
        "turning": turns,
        "states": states,
        "html": str(html) if html else None,
        "png": str(png) if png else None,
    }


def _rounded(probabilities: list[float]) -> list[float]:
    return [round(probability, 6) for probability in probabilities]


def _show(explanation: Explanation, html: Path | None, png: Path | None) -> None:
    from sweepkit.tasks.text.explain import captions

    console = stdout()
    console.print(f"prediction: {captions.prediction(explanation)}", soft_wrap=True)
    console.print(f"model: {captions.model(explanation)}", soft_wrap=True)
    if note := captions.cut(explanation):
        console.print(note, soft_wrap=True)
    if not (html or png):
        _print_turns(console, explanation)
        return
    if explanation.heat is None:
        console.print(captions.NO_HEAT, soft_wrap=True)
    for name, path in (("page", html), ("picture", png)):
        if path:
            console.print(f"{name}: {near(str(path))}", soft_wrap=True)


def _print_turns(console: Console, explanation: Explanation) -> None:
    from rich.table import Table

    from sweepkit.tasks.text.explain import captions
    from sweepkit.tasks.text.explain.tokens import plain, shortened

    console.print(captions.settles(explanation), soft_wrap=True)
    if not explanation.turns:
        console.print(captions.NO_TURNS, soft_wrap=True)
        return
    table = Table(title="tokens that change the prediction most", title_justify="left")
    table.add_column("token", justify="right")
    table.add_column("")
    table.add_column("points")
    for label in range(len(explanation.manifest.label_names)):
        table.add_column(f"{captions.label(explanation, label)} after it", justify="right")
    for turn in explanation.turns:
        after = [captions.percent(probability) for probability in explanation.running[turn.word + 1].tolist()]
        token = shortened(plain(explanation.tokens[turn.word]), 30)
        table.add_row(str(turn.word + 1), token, captions.turn(explanation, turn), *after)
    console.print(table)

"""`sweepkit explain`: what a recurrent network saw in a text, as a page, a picture, or a table."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stdout
from sweepkit.cli.options import json_option, sweep_options
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
@click.option("--html", metavar="OUT", type=_FILE, help="Write a page to browse, which needs no network.")
@click.option("--png", metavar="OUT", type=_FILE, help="Write a picture.")
@click.option("--layer", metavar="N", type=int, help="Which recurrent layer to draw, from 1; else the top one.")
@click.option("--direction", type=click.Choice(("forward", "backward")), default="forward", help="Of that layer.")
@click.option("--units", metavar="N,N,...", help="Which units to draw; else those that vary most over the text.")
@click.option("--most", type=click.IntRange(min=1), default=View().most, show_default=True, help="How many of these.")
@json_option
def command(
    target: Path,
    sets: tuple[str, ...],
    data: str | None,
    text: str,
    html: Path | None,
    png: Path | None,
    layer: int | None,
    direction: LayerDirection,
    units: str | None,
    most: int,
    as_json: bool,
) -> None:
    """Draw what a trained network saw in a text, token by token.

    SWEEP is a sweep's YAML or folder, or the folder of a bundle. A sweep gives its winner: that of its final stage, or
    its leading trial. TEXT is the text itself, or - to take it from stdin. Page and picture show what a recurrent layer
    remembers after each token, the text in the colours of one unit, and how the prediction moves. Without either, the
    tokens that move it most are printed.
    """
    view = View(layer, direction, _numbers(units), most)
    _check_outputs(html, png)
    found = _explained(target, sets, data, _given(text), view)
    if html or png:
        _draw(found, html, png)
    if as_json:
        print_json(_facts(found, html, png))
    else:
        _show(found, html, png)


def _numbers(units: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(unit) for unit in units.split(",")) if units is not None else ()
    except ValueError:
        raise InputError(f"units must be numbers with commas between them, got {units!r}", where="--units") from None


def _check_outputs(html: Path | None, png: Path | None) -> None:
    """Refuse what cannot be written, before anything is computed."""
    for option, path in (("--html", html), ("--png", png)):
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"this must be a file to write, {str(path)!r} is a folder", where=option)
        if not path.absolute().parent.is_dir() or not os.access(path.absolute().parent, os.W_OK):
            folder = str(path.absolute().parent)
            raise InputError(f"the folder of the file to write must exist and be writable: {folder}", where=option)
    if html and png and html.absolute() == png.absolute():
        raise InputError(f"page and picture must be two files, both are {str(html)!r}")


def _given(text: str) -> str:
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"the text must be UTF-8: {error}", where="stdin") from None


def _explained(target: Path, sets: tuple[str, ...], data: str | None, text: str, view: View) -> Explanation:
    from sweepkit.cli.quiet import quiet_start

    with quiet_start():
        import_keras()
        from sweepkit.final.winner import bundle_of
        from sweepkit.tasks.text.classifier import load  # not at the top: it imports TensorFlow
        from sweepkit.tasks.text.explain.explanation import explain

        model = load(bundle_of(target, sets, data))
        return explain(model, text, view)


def _draw(found: Explanation, html: Path | None, png: Path | None) -> None:
    from sweepkit.tasks.text.explain import page  # not at the top: it imports Matplotlib
    from sweepkit.tasks.text.explain.png import picture

    if html:
        page.write(found, html)
    if png:
        picture.write(found, png)


def _facts(found: Explanation, html: Path | None, png: Path | None) -> dict[str, object]:
    facts, heat = found.facts, found.heat
    states: dict[str, object] | None = None
    if heat:
        shown = "tanh(c)" if heat.has_memory else "h"
        states = {"layer": heat.layer, "direction": heat.direction, "cell": heat.cell, "values": shown}
        states["units"] = list(heat.units)
    turns = [
        {"token": turn.word, "label": facts.label_names[turn.label], "gain": round(turn.gain, 6)}
        for turn in found.turns
    ]
    return {
        "model": {"sweep": facts.sweep, "trial": facts.trial, "epoch": facts.epoch, "parameters": dict(facts.params)},
        "label": facts.label_names[found.label],
        "probability": round(found.probability, 6),
        # half a character, which an argument may hold, cannot be written
        "tokens": [token.encode(errors="replace").decode() for token in found.tokens],
        "tokens_in_text": found.n_total,
        "labels": list(facts.label_names),
        "before_first_token": _rounded(found.running[0].tolist()),
        "after_token": [_rounded(row) for row in found.running[1:].tolist()],
        "turning": turns,
        "states": states,
        "html": str(html) if html else None,
        "png": str(png) if png else None,
    }


def _rounded(probabilities: list[float]) -> list[float]:
    return [round(probability, 6) for probability in probabilities]


def _show(found: Explanation, html: Path | None, png: Path | None) -> None:
    from sweepkit.tasks.text.explain import captions

    console = stdout()
    console.print(f"verdict: {captions.verdict(found)}", soft_wrap=True)
    console.print(f"model: {captions.model(found)}", soft_wrap=True)
    if note := captions.cut(found):
        console.print(note, soft_wrap=True)
    if not (html or png):
        _print_turns(console, found)
        return
    if found.heat is None:
        console.print(captions.NO_HEAT, soft_wrap=True)
    for name, path in (("page", html), ("picture", png)):
        if path:
            console.print(f"{name}: {near(str(path))}", soft_wrap=True)


def _print_turns(console: Console, found: Explanation) -> None:
    from rich.table import Table

    from sweepkit.tasks.text.explain import captions
    from sweepkit.tasks.text.explain.tokens import plain, shortened

    console.print(captions.settles(found), soft_wrap=True)
    if not found.turns:
        console.print(captions.NO_TURNS, soft_wrap=True)
        return
    table = Table(title="tokens that change the prediction most", title_justify="left")
    table.add_column("token", justify="right")
    table.add_column("")
    table.add_column("points")
    for label in range(len(found.facts.label_names)):
        table.add_column(f"{captions.label(found, label)} after it", justify="right")
    for turn in found.turns:
        after = [captions.percent(probability) for probability in found.running[turn.word + 1].tolist()]
        token = shortened(plain(found.tokens[turn.word]), 30)
        table.add_row(str(turn.word + 1), token, captions.turn(found, turn), *after)
    console.print(table)

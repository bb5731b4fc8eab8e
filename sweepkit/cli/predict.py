"""`sweepkit predict`: labels for new texts, given as arguments, in a file, or one a line on stdin."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stderr
from sweepkit.cli.options import json_option, sweep_options
from sweepkit.errors import DataError, InputError
from sweepkit.formatting import near
from sweepkit.training.keras_import import import_keras

if TYPE_CHECKING:
    from rich.console import Console

    from sweepkit.tasks.text.bundle import TextBundleManifest
    from sweepkit.tasks.text.classifier import Prediction, TextModel
    from sweepkit.tasks.text.files import TextFile

_SHOWN = 60  # characters of a text; label, probability and note leave no more of a usual line
_COLUMNS = ("label", "probability", "note")
_NOTHING = "-"


@click.command()
@sweep_options
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option("--file", "file", metavar="IN", type=click.Path(path_type=Path), help="A .txt, .csv or .parquet file.")
@click.option("--column", metavar="NAME", help="The column of a .csv or .parquet file that has the texts; else `text`.")
@click.option(
    "--to", metavar="OUT", type=click.Path(path_type=Path), help="Write the rows of IN with the answers here."
)
@json_option
def command(
    target: Path,
    sets: tuple[str, ...],
    data: str | None,
    texts: tuple[str, ...],
    file: Path | None,
    column: str | None,
    to: Path | None,
    as_json: bool,
) -> None:
    """Label texts with a trained model.

    SWEEP is a sweep's YAML or folder, or the folder of a bundle. A sweep gives its winner: that of its final stage, or
    its leading trial. The texts are TEXT, or in a file (.txt has one a line), or one a line on stdin. OUT is a file
    of the kind of IN, with the columns label, probability and note added. A text without words gets no label.
    """
    _check_usage(texts, file, column, to)
    source = _opened(file, column, to) if file else None
    given = source.texts if source else list(texts) or _from_stdin()
    place, model = _loaded(target, sets, data)
    if not as_json:
        stderr().print(near(f"model: {_named(model.facts)} ({place})"), soft_wrap=True)
    with _progress(stderr() if file else None) as progress:
        found = model.predict(given, progress=progress)
    if source and to:
        names = _names(source)
        values: list[list[str | float | None]] = [[getattr(one, name) for one in found] for name in _COLUMNS]
        source.write(to, dict(zip(names, values, strict=True)))
        _report(source, to, found, model.facts, place, as_json=as_json)
    elif as_json:
        print_json(_model_facts(model.facts, place) | {"predictions": _json(given, found, model.facts)})
    else:
        _show(given, found, model.facts)


def _check_usage(texts: Sequence[str], file: Path | None, column: str | None, to: Path | None) -> None:
    if file and texts:
        raise InputError("texts are taken from arguments or from --file, not from both")
    if to and not file:
        raise InputError("--to writes the rows of a file again, so it needs --file")
    if column and (file is None or file.suffix.lower() == ".txt"):
        raise InputError("--column is for --file with a .csv or .parquet file")


def _opened(file: Path, column: str | None, to: Path | None) -> TextFile:
    from sweepkit.tasks.text.files import check_paths, read_texts  # not at the top: it imports pyarrow

    check_paths(file, to)
    source = read_texts(file, column or "text")
    if to:
        _names(source)
    return source


def _names(source: TextFile) -> list[str]:
    """Name the new columns; where the file has one of that name, which may well be the truth, ours is `predicted_…`."""
    names = [f"predicted_{name}" if name in source.columns else name for name in _COLUMNS]
    for name in names:
        if name in source.columns:
            what = f"the file has a column {name!r}, as if it had been labelled before; leave it out or rename it"
            raise DataError(what, where=str(source.path))
    return names


def _from_stdin() -> list[str]:
    remedy = "give them as arguments, in a file with --file, or one a line on stdin"
    if sys.stdin.isatty():
        raise InputError(f"no texts were given: {remedy}")
    from sweepkit.tasks.text.files import lines_of  # as above

    lines = lines_of(sys.stdin.buffer.read(), where="stdin")
    if not lines:
        raise InputError(f"no texts were given, stdin is empty: {remedy}")
    return lines


def _loaded(target: Path, sets: Sequence[str], data: str | None) -> tuple[str, TextModel]:
    from sweepkit.cli.quiet import quiet_start

    with quiet_start():
        import_keras()
        from sweepkit.final.winner import bundle_of
        from sweepkit.tasks.text.classifier import load  # not at the top: it imports TensorFlow

        folder = bundle_of(target, sets, data)
        return str(folder), load(folder)


@contextlib.contextmanager
def _progress(console: Console | None) -> Iterator[Callable[[int, int], None] | None]:
    """Draw a bar with the time left, where there is a terminal to draw on."""
    if console is None or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("labelling texts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(texts: Sequence[str], found: Sequence[Prediction], facts: TextBundleManifest) -> None:
    width = max(len(name) for name in facts.label_names)
    for text, one in zip(texts, found, strict=True):
        probability = _NOTHING if one.probability is None else f"{one.probability:.3f}"
        rest = "  ".join(filter(None, [_beginning(text), f"({one.note})" if one.note else ""]))
        click.echo(f"{one.label or _NOTHING:{width}}  {probability:5}  {rest}")


def _beginning(text: str) -> str:
    """Return what of a text fits into a line; nothing of it can move a terminal's cursor or break the output."""
    # words beyond those would be cut off anyway, and the text may have millions
    line = " ".join(text[: 4 * _SHOWN].split())
    shown = "".join(character if character.isprintable() else "�" for character in line[:_SHOWN])
    return f"{shown}…" if len(line) > _SHOWN or len(text) > 4 * _SHOWN else shown


def _report(
    source: TextFile, to: Path, found: Sequence[Prediction], facts: TextBundleManifest, place: str, *, as_json: bool
) -> None:
    """Say what was written."""
    counts = Counter(one.label for one in found)
    labels = {name: counts[name] for name in facts.label_names}
    names = _names(source)
    if as_json:
        summary = {"rows": len(found), "labels": labels, "without_label": counts[None], "to": str(to), "columns": names}
        print_json(_model_facts(facts, place) | summary)
        return
    parts = [f"{count:,} {name}" for name, count in labels.items()]
    parts += [f"{counts[None]:,} without a label"] if counts[None] else []
    added = ", ".join(names)
    click.echo(f"{to}: {len(found):,} rows ({', '.join(parts)}), with the columns {added}")


def _json(texts: Sequence[str], found: Sequence[Prediction], facts: TextBundleManifest) -> list[dict[str, object]]:
    return [
        {
            # half a character, which an argument may hold, cannot be written
            "text": text.encode("utf-8", "replace").decode(),
            "label": one.label,
            "probability": one.probability,
            "probabilities": dict(zip(facts.label_names, one.probabilities, strict=False)),
            "note": one.note,
        }
        for text, one in zip(texts, found, strict=True)
    ]


def _model_facts(facts: TextBundleManifest, place: str) -> dict[str, object]:
    return {"bundle": place, "sweep": facts.sweep, "trial": facts.trial, "epoch": facts.epoch}


def _named(facts: TextBundleManifest) -> str:
    return f"trial {facts.trial} of sweep {facts.sweep}, epoch {facts.epoch}"

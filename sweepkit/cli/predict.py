"""`sweepkit predict`: label new texts from arguments, from a file, or from stdin, one per line."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweepkit.cli.console import print_json, stderr
from sweepkit.cli.options import SweepTarget, json_option, sweep_options
from sweepkit.errors import DataError, InputError
from sweepkit.formatting import near
from sweepkit.training.keras_import import import_keras

if TYPE_CHECKING:
    from rich.console import Console

    from sweepkit.tasks.text.bundle import TextBundleManifest
    from sweepkit.tasks.text.classifier import Prediction, TextModel
    from sweepkit.tasks.text.files import TextFile

_SHOWN = 60  # characters of a text; label, probability and note take the rest of a line of 100
_COLUMNS = ("label", "probability", "note")
_NOTHING = "-"


@click.command()
@sweep_options
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option(
    "--file",
    "file",
    metavar="IN",
    type=click.Path(path_type=Path),
    help="Read the texts from a .txt, .csv or .parquet file.",
)
@click.option("--column", metavar="NAME", help="Column of the .csv or .parquet file with the texts; default: text.")
@click.option(
    "--to", metavar="OUT", type=click.Path(path_type=Path), help="Write the rows of IN and their labels to this file."
)
@json_option
def command(
    target: SweepTarget,
    texts: tuple[str, ...],
    file: Path | None,
    column: str | None,
    to: Path | None,
    as_json: bool,
) -> None:
    """Label texts with a trained model.

    SWEEP is a sweep's YAML or folder, or the folder of a bundle. For a sweep, the model is the winner of its final
    stage, or else its leading trial.

    The texts are arguments, or in a file (.txt: one per line), or on stdin, one per line. OUT has the format of IN,
    with the columns label, probability and note added. A text without words gets no label.
    """
    _check_usage(texts, file, column, to)
    source = _opened(file, column, to) if file else None
    inputs = source.texts if source else list(texts) or _from_stdin()
    folder, model = _loaded(target)
    if not as_json:
        stderr().print(near(f"model: {_model_name(model.manifest)} ({folder})"), soft_wrap=True)
    with _progress(stderr() if file else None) as progress:
        predictions = model.predict(inputs, progress=progress)
    if source and to:
        names = _names(source)
        values: list[list[str | float | None]] = [[getattr(one, name) for one in predictions] for name in _COLUMNS]
        source.write(to, dict(zip(names, values, strict=True)))
        _report(source, to, predictions, model.manifest, folder, as_json=as_json)
    elif as_json:
        print_json(
            _model_as_json(model.manifest, folder)
            | {"predictions": _predictions_as_json(inputs, predictions, model.manifest)}
        )
    else:
        _show(inputs, predictions, model.manifest)


def _check_usage(texts: Sequence[str], file: Path | None, column: str | None, to: Path | None) -> None:
    if file and texts:
        raise InputError("texts must be arguments or in --file, not both")
    if to and not file:
        raise InputError("--to writes the rows of a file with their labels, so it needs --file")
    if column and (file is None or file.suffix.lower() == ".txt"):
        raise InputError("--column needs --file with a .csv or .parquet file")


def _opened(file: Path, column: str | None, to: Path | None) -> TextFile:
    from sweepkit.tasks.text.files import check_paths, read_texts  # not at the top: it imports pyarrow

    check_paths(file, to)
    source = read_texts(file, column or "text")
    if to:
        _names(source)
    return source


def _names(source: TextFile) -> list[str]:
    """Name the new columns; `predicted_…` where the file has a column of that name, which may be the true label."""
    names = [f"predicted_{name}" if name in source.columns else name for name in _COLUMNS]
    for name in names:
        if name in source.columns:
            message = f"the file has a column {name!r} already, as if labelled before; remove or rename the column"
            raise DataError(message, where=str(source.path))
    return names


def _from_stdin() -> list[str]:
    remedy = "pass them as arguments, in a file with --file, or on stdin, one per line"
    if sys.stdin.isatty():
        raise InputError(f"there are no texts: {remedy}")
    from sweepkit.tasks.text.files import lines_of  # not at the top: it imports pyarrow

    lines = lines_of(sys.stdin.buffer.read(), where="stdin")
    if not lines:
        raise InputError(f"there are no texts, stdin is empty: {remedy}")
    return lines


def _loaded(target: SweepTarget) -> tuple[str, TextModel]:
    """Return the folder of the bundle and the model in it."""
    from sweepkit.cli.quiet import quiet_start

    with quiet_start():
        import_keras()
        from sweepkit.tasks.text.classifier import load  # not at the top: it imports TensorFlow

        folder = target.bundle()
        return str(folder), load(folder)


def _model_name(manifest: TextBundleManifest) -> str:
    return f"trial {manifest.trial} of sweep {manifest.sweep}, epoch {manifest.epoch}"


@contextlib.contextmanager
def _progress(console: Console | None) -> Iterator[Callable[[int, int], None] | None]:
    """Draw a progress bar with the time left, if the console is a terminal."""
    if console is None or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("labelling texts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _report(
    source: TextFile,
    to: Path,
    predictions: Sequence[Prediction],
    manifest: TextBundleManifest,
    folder: str,
    *,
    as_json: bool,
) -> None:
    """Print a summary of the file that was written."""
    counts = Counter(one.label for one in predictions)
    labels = {name: counts[name] for name in manifest.label_names}
    names = _names(source)
    if as_json:
        summary = {
            "rows": len(predictions),
            "labels": labels,
            "without_label": counts[None],
            "to": str(to),
            "columns": names,
        }
        print_json(_model_as_json(manifest, folder) | summary)
        return
    parts = [f"{count:,} {name}" for name, count in labels.items()]
    parts += [f"{counts[None]:,} without a label"] if counts[None] else []
    added = ", ".join(names)
    click.echo(f"{to}: {len(predictions):,} rows ({', '.join(parts)}), with the columns {added}")


def _model_as_json(manifest: TextBundleManifest, folder: str) -> dict[str, object]:
    return {"bundle": folder, "sweep": manifest.sweep, "trial": manifest.trial, "epoch": manifest.epoch}


def _predictions_as_json(
    texts: Sequence[str], predictions: Sequence[Prediction], manifest: TextBundleManifest
) -> list[dict[str, object]]:
    return [
        {
            # an argument may contain half a character, which cannot be encoded
            "text": text.encode("utf-8", "replace").decode(),
            "label": one.label,
            "probability": one.probability,
            "probabilities": dict(zip(manifest.label_names, one.probabilities, strict=False)),
            "note": one.note,
        }
        for text, one in zip(texts, predictions, strict=True)
    ]


def _show(texts: Sequence[str], predictions: Sequence[Prediction], manifest: TextBundleManifest) -> None:
    width = max(len(name) for name in manifest.label_names)
    for text, one in zip(texts, predictions, strict=True):
        probability = _NOTHING if one.probability is None else f"{one.probability:.3f}"
        rest = "  ".join(filter(None, [_beginning(text), f"({one.note})" if one.note else ""]))
        click.echo(f"{one.label or _NOTHING:{width}}  {probability:5}  {rest}")


def _beginning(text: str) -> str:
    """Return the part of a text that fits a line, without characters that move the cursor or break the output."""
    # a text may have millions of words, and those beyond are not shown anyway
    line = " ".join(text[: 4 * _SHOWN].split())
    shown = "".join(character if character.isprintable() else "�" for character in line[:_SHOWN])
    return f"{shown}…" if len(line) > _SHOWN or len(text) > 4 * _SHOWN else shown

"""The model card of a bundle, in Markdown: the model, its metrics, its use and its limits.

It is made of `TextBundleManifest` and the names of the network's layers. Try `card(manifest, ["TokenEmbedding"], [])`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sweepkit.bundle.manifest import Measured
from sweepkit.bundle.network import LAYER_MODULES
from sweepkit.tasks.text.bundle import TextBundleManifest


def card(manifest: TextBundleManifest, layers: Sequence[str], custom_layers: Sequence[str]) -> str:
    """Write the card.

    Args:
        manifest: of the bundle; its `files` are not read.
        layers: those of sweepkit that the network has.
        custom_layers: those that neither Keras nor sweepkit has.
    """
    parts = (
        _title(manifest),
        _metrics(manifest),
        _usage(manifest),
        _loading(manifest, layers, custom_layers),
        _tokens(manifest),
        _limits(manifest),
        _parameters(manifest),
        _origin(manifest),
    )
    return "\n".join(f"{part}\n" for part in parts)


def _title(manifest: TextBundleManifest) -> str:
    labels = " or ".join(f"**{_plain(name)}**" for name in manifest.label_names)
    return (
        f"# {_plain(manifest.sweep)}, trial {manifest.trial}\n\n"
        f"A text classifier: it labels a text {labels}, with a probability. It is a Keras network from the "
        f"hyperparameter sweep `{manifest.sweep}` of the package `{manifest.package}` (sweepkit)."
    )


def _metrics(manifest: TextBundleManifest) -> str:
    rows = [
        (_plain(figure.name), f"{figure.value:.4f}", _interval(figure), _count(figure)) for figure in manifest.measured
    ]
    if not rows:
        return "## Metrics\n\nNone were measured."
    table = _table(("metric", "value", "95 % interval", "n"), rows)
    return f"## Metrics\n\n{table}\n\nn: the number of runs for a mean over seeds, otherwise of predicted rows."


def _usage(manifest: TextBundleManifest) -> str:
    example = manifest.label_names[-1]
    return f"""\
## Usage

On the command line, with sweepkit installed, in the folder of this file:

    python -m sweepkit predict . "some text" "another text"
    python -m sweepkit predict . --file texts.csv --column text --to labelled.csv

In Python:

```python
import sweepkit

model = sweepkit.load_model(".")
for prediction in model.predict(["some text", "another text"]):
    print(prediction.label, prediction.probability, prediction.note)  # {_plain(example)} 0.97 None
```

A text without words gets a note instead of a label; one that is cut, or has no known word, gets both."""


def _loading(manifest: TextBundleManifest, layers: Sequence[str], custom_layers: Sequence[str]) -> str:
    outputs = "the probability of the second label" if len(manifest.label_names) == 2 else "one probability a label"
    if custom_layers:
        alone = (
            f"It has custom layers, {_named(custom_layers)}: before loading it, import the module of "
            f"`{manifest.package}` that registers them."
        )
    elif layers:
        alone = (
            f"Plain Keras cannot load it, because it has layers of sweepkit: {_named(layers)}. With sweepkit "
            f"installed, `keras.saving.load_model` works after `import {', '.join(LAYER_MODULES)}`."
        )
    else:
        alone = "Plain Keras loads it without sweepkit: all of its layers are Keras' own."
    return f"""\
## The file `model.keras`

Keras' own format, for inference only: it is not compiled and has no optimiser. It loads with `safe_mode=True`, so that
no code in it is run. {alone}

It takes `{{"token_indexes": <int32>[batch, time], "sequence_length": <int32>[batch]}}`, rows padded with 0 on their
right, and returns {outputs} (`<float32>[batch, 1]` for one unit, otherwise `[batch, labels]`).

`bundle.json` has the SHA-256 of every file here, including this one, which are compared when the bundle is loaded.
`check.parquet` has {manifest.check.rows} rows of validation with the model's probabilities at export
({manifest.check.correct} of them correct)."""


def _tokens(manifest: TextBundleManifest) -> str:
    text = manifest.text
    end = "last" if text.keep == "tail" else "first"
    capitals = "Words are lower-cased." if text.lower else "Upper and lower case are kept."
    return f"""\
## How a text is read

1. Markup is removed, entities are decoded, white space becomes single spaces.
2. Punkt splits sentences and NLTK's rules split words. {capitals}
3. A word becomes the number of its line in `vocabulary.txt`, counted from 0; an unknown one becomes 1. 2 ends the text.
4. Only the {end} {text.max_len:,} tokens are read, the end token included."""


def _limits(manifest: TextBundleManifest) -> str:
    end = "end" if manifest.text.keep == "tail" else "beginning"
    return f"""\
## Limits

- Only the words of `vocabulary.txt` are known; a text in another language, or on another subject than the texts of the
  training data, still gets a label.
- Only the {end} of a long text is read: {manifest.text.max_len:,} tokens.
- There is no label for "neither" or "both".
- Probabilities are those of the network and have not been calibrated.
- The model was selected by its validation metrics, so expect slightly lower ones on new texts; metrics on the test
  split, if listed above, were not used for the selection."""


def _parameters(manifest: TextBundleManifest) -> str:
    rows = [(f"`{name}`", "" if value == "" else f"`{value}`") for name, value in manifest.params.items()]
    return f"## Parameters\n\n{_table(('parameter', 'value'), rows)}"


def _origin(manifest: TextBundleManifest) -> str:
    rows = [
        ("sweep", f"`{manifest.sweep}`"),
        ("trial, epoch, seed", f"{manifest.trial}, {manifest.epoch}, {manifest.seed}"),
        ("data key", f"`{manifest.data_key}`"),
        ("commit", f"`{manifest.commit}`" if manifest.commit else "unknown"),
        ("exported", manifest.created),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
    ]
    return f"## Origin\n\n{_table(('', ''), rows)}"


def _interval(figure: Measured) -> str:
    return "" if figure.low is None or figure.high is None else f"{figure.low:.4f} to {figure.high:.4f}"


def _count(figure: Measured) -> str:
    return "" if figure.n is None else f"{figure.n:,}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _plain(name: str) -> str:
    """Escape a name, so that it is not read as Markdown."""
    return "".join(f"\\{character}" if character in r"\`*[]<>#" else character for character in name)

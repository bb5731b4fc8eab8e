"""The model card of a bundle, in Markdown: what the model is, how good, how to use it, what it cannot do.

Made of `TextBundleManifest` alone, besides which layers the network has. Try `card(facts, ["TokenEmbedding"], [])`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sweepkit.bundle.manifest import Measured
from sweepkit.bundle.network import LAYER_MODULES
from sweepkit.tasks.text.bundle import TextBundleManifest


def card(facts: TextBundleManifest, layers: Sequence[str], strangers: Sequence[str]) -> str:
    """Write the card.

    Args:
        facts: of the bundle; `files` is not looked at.
        layers: those of sweepkit that the network has.
        strangers: those that neither Keras nor sweepkit has.
    """
    parts = (
        _what(facts),
        _metrics(facts),
        _usage(facts),
        _loading(facts, layers, strangers),
        _reading(facts),
        _limits(facts),
        _parameters(facts),
        _origin(facts),
    )
    return "\n".join(f"{part}\n" for part in parts)


def _what(facts: TextBundleManifest) -> str:
    labels = " or ".join(f"**{_plain(name)}**" for name in facts.label_names)
    return (
        f"# {_plain(facts.sweep)}, trial {facts.trial}\n\n"
        f"A text classifier: it reads a text and says {labels}, with a probability. "
        f"It is a Keras network that came out of the hyperparameter sweep `{facts.sweep}` "
        f"of the package `{facts.package}` (sweepkit)."
    )


def _metrics(facts: TextBundleManifest) -> str:
    rows = [
        (_plain(figure.name), f"{figure.value:.4f}", _interval(figure), _count(figure)) for figure in facts.measured
    ]
    if not rows:
        return "## How good it is\n\nNothing was measured."
    table = _table(("measured", "value", "95 % interval", "n"), rows)
    return f"## How good it is\n\n{table}\n\nn: the runs of a mean over seeds, otherwise the rows that were predicted."


def _usage(facts: TextBundleManifest) -> str:
    example = facts.label_names[-1]
    return f"""\
## How to use it

On the command line, with sweepkit installed, in the folder that holds this file:

    python -m sweepkit predict . "some text" "another text"
    python -m sweepkit predict . --file texts.csv --column text --to labelled.csv

From Python:

```python
import sweepkit

model = sweepkit.load(".")
for prediction in model.predict(["some text", "another text"]):
    print(prediction.label, prediction.probability, prediction.note)  # {_plain(example)} 0.97 None
```

A text without words gets no label, and a note that says so; a text that is cut, or has no known word, gets both."""


def _loading(facts: TextBundleManifest, layers: Sequence[str], strangers: Sequence[str]) -> str:
    outputs = "the probability of the second label" if len(facts.label_names) == 2 else "one probability a label"
    if strangers:
        alone = (
            f"It has layers of its own, {_named(strangers)}: import the module of `{facts.package}` that registers "
            "them before loading it."
        )
    elif layers:
        alone = (
            f"Plain Keras cannot load it, because it has layers of sweepkit: {_named(layers)}. With sweepkit "
            f"installed, `import {', '.join(LAYER_MODULES)}` lets `keras.saving.load_model` do it."
        )
    else:
        alone = "Plain Keras loads it without sweepkit: it has no other layers than those of Keras."
    return f"""\
## The file `model.keras`

Keras' own format, for inference only: it is not compiled and has no optimiser. It loads with `safe_mode=True`, so that
nothing in it is run. {alone}

It takes `{{"token_indexes": <int32>[batch, time], "sequence_length": <int32>[batch]}}`, rows padded with 0 on their
right, and returns {outputs} (`<float32>[batch, 1]` for one unit, else `[batch, labels]`).

`bundle.json` has the SHA-256 of every file here, this one too, and loading compares them. `check.parquet` has
{facts.check.rows} rows of validation with the probabilities that the model gave when it was exported
({facts.check.correct} of them right)."""


def _reading(facts: TextBundleManifest) -> str:
    text = facts.text
    end = "last" if text.keep == "tail" else "first"
    capitals = "Capitals are folded." if text.lower else "Capitals count."
    return f"""\
## How a text is read

1. Markup is taken out, entities are decoded, white space becomes single spaces.
2. Punkt splits sentences and NLTK's rules split words. {capitals}
3. Words become their line in `vocabulary.txt`, counted from 0; those that are not in it become 1. 2 ends the text.
4. Only the {end} {text.max_len:,} tokens are read, the end token included."""


def _limits(facts: TextBundleManifest) -> str:
    end = "end" if facts.text.keep == "tail" else "beginning"
    return f"""\
## Limits

- It knows the words of `vocabulary.txt` and no others; a text in another language, or about something else than the
  texts that it was trained on, still gets a label.
- Of a long text it reads the {end} only: {facts.text.max_len:,} tokens.
- It has no label for "neither" or "both".
- Its probabilities are those of the network and have not been calibrated.
- What was measured on validation helped to choose this model, so expect somewhat less on new texts; a figure of the
  test split, if there is one above, did not."""


def _parameters(facts: TextBundleManifest) -> str:
    rows = [(f"`{name}`", "" if value == "" else f"`{value}`") for name, value in facts.params.items()]
    return f"## Parameters\n\n{_table(('parameter', 'value'), rows)}"


def _origin(facts: TextBundleManifest) -> str:
    rows = [
        ("sweep", f"`{facts.sweep}`"),
        ("trial, epoch, seed", f"{facts.trial}, {facts.epoch}, {facts.seed}"),
        ("data key", f"`{facts.data_key}`"),
        ("commit", f"`{facts.commit}`" if facts.commit else "unknown"),
        ("exported", facts.created),
        ("versions", ", ".join(f"{name} {version}" for name, version in facts.versions.items())),
    ]
    return f"## Where it comes from\n\n{_table(('', ''), rows)}"


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
    """Keep a name from being read as Markdown."""
    return "".join(f"\\{character}" if character in r"\`*[]<>#" else character for character in name)

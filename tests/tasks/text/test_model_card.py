"""The model card has what a user of the model needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweepkit.bundle.manifest import CARD, CheckResult
from sweepkit.tasks.text.bundle import TextSettings
from tests.support.bundles import describer

pytestmark = pytest.mark.tf  # what a network's layers are called is known where Keras is

MANIFEST = describer({"cell": "gru", "max_len": 1200})(CheckResult(256, 231, 0.3), {})


def card(manifest=MANIFEST, layers=("TokenEmbedding", "UGRNNCell"), custom_layers=()) -> str:
    from sweepkit.tasks.text.model_card import card

    return card(manifest, layers, custom_layers)


@pytest.mark.parametrize(
    "words",
    [
        "# cells, trial 7\n",
        "**negative** or **positive**",
        "| validation accuracy | 0.7500 | 0.6500 to 0.8300 | 80 |",
        "| validation loss | 0.5000 |  |  |",
        'python -m sweepkit predict . "some text"',
        "sweepkit.load_model(",
        "| `cell` | `gru` |",
        "Only the last 1,200 tokens are read",
        "Words are lower-cased.",
        "| data key | `0123456789abcdef` |",
        "| trial, epoch, seed | 7, 3, 11 |",
        "| commit | `c0ffee` |",
        "keras 3.15.1",
        "256 rows of validation",
        "## Limits",
    ],
)
def test_it_says(words: str) -> None:
    assert words in card()


def test_it_says_what_loading_without_sweepkit_takes() -> None:
    assert "Plain Keras cannot load it, because it has layers of sweepkit: `TokenEmbedding`, `UGRNNCell`" in card()
    assert "Plain Keras loads it without sweepkit" in card(layers=())
    assert "It has custom layers, `mine>Layer`: before loading it, import the module of `imdb`" in card(
        custom_layers=("mine>Layer",)
    )


def test_the_imports_that_it_names_let_plain_keras_load(bundle: Path) -> None:
    import importlib

    import keras

    words = (bundle / CARD).read_text().partition("`import ")[2].partition("`")[0]
    for module in words.split(", "):
        importlib.import_module(module)
    assert keras.saving.load_model(bundle / "model.keras").count_params() > 0


def test_the_beginning_is_said_to_be_read_where_it_is() -> None:
    text = card(replace(MANIFEST, text=TextSettings(lower=False, max_len=80, keep="head")))
    assert "Only the first 80 tokens" in text
    assert "Only the beginning of a long text is read: 80 tokens." in text
    assert "Upper and lower case are kept." in text


def test_names_are_not_read_as_markdown() -> None:
    odd = replace(MANIFEST, label_names=("a|b", "*c*"), measured=(replace(MANIFEST.measured[0], name="x|y"),))
    assert "**a|b** or **\\*c\\***" in card(odd)
    assert "| x\\|y | 0.7500" in card(odd)


def test_a_model_without_metrics_says_so() -> None:
    assert "None were measured." in card(replace(MANIFEST, measured=()))

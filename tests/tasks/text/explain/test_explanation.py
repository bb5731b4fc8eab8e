"""Explanations: which units and tokens they show, and the errors of a user."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sweepkit.errors import InputError
from sweepkit.tasks.text.explain.options import View
from tests.support.explanations import TEXT

pytestmark = pytest.mark.tf


def explain(model: Any, text: str = TEXT, **view: Any) -> Any:
    from sweepkit.tasks.text.explain.explanation import explain

    return explain(model, text, View(**view))


def test_the_top_layer_is_drawn_with_its_most_varying_units_first(model: Any) -> None:
    from sweepkit.tasks.text.explain.activations import choose, trace

    heat = explain(model, most=4).heat
    values = trace(model.network, choose(model.network), model.read(TEXT).indexes)
    order = np.argsort(-values.var(axis=0))[:4]
    assert (heat.layer, heat.direction, heat.cell, heat.has_memory, heat.n_units) == (2, "forward", "LSTM", True, 6)
    assert heat.units == tuple(order)
    assert heat.by_variance
    np.testing.assert_array_equal(heat.values, values[:, order])


def test_units_that_are_asked_for_come_in_their_order_and_once(model: Any) -> None:
    heat = explain(model, units=(5, 0, 5), most=1).heat
    assert heat.units == (5, 0)
    assert not heat.by_variance
    assert heat.values.shape == (len(model.read(TEXT).tokens), 2)


def test_layer_and_direction_can_be_chosen(model: Any) -> None:
    forward, backward = (explain(model, layer=1, direction=name).heat for name in ("forward", "backward"))
    assert (backward.layer, backward.direction) == (1, "backward")
    assert not np.allclose(forward.values, backward.values)


def test_the_prediction_is_the_models_own(model: Any) -> None:
    explanation, (prediction,) = explain(model), model.predict([TEXT])
    assert explanation.manifest.label_names[explanation.label] == prediction.label
    assert explanation.probability == pytest.approx(prediction.probability, abs=1e-6)


def test_unknown_words_are_marked_and_the_end_is_no_word(model: Any) -> None:
    explanation = explain(model, "good zebra film")
    assert explanation.tokens == ("good", "zebra", "film", "<end>")
    assert explanation.unknown == (False, True, False, False)
    assert explanation.n_words == 3


def test_of_a_long_text_only_what_is_read_is_there(model: Any, head_model: Any) -> None:
    long = "good " * 15 + "bad " * 15
    tail, head = explain(model, long), explain(head_model, long)
    assert (len(tail.tokens), tail.n_words, tail.n_total) == (20, 19, 31)
    assert tail.tokens[-2:] == ("bad", "<end>")
    assert (head.tokens, head.n_words, head.n_total) == (("good",) * 5, 5, 31)
    assert tail.heat.values.shape[0] == 20
    assert len(tail.running) == 20


def test_a_model_without_a_recurrent_layer_still_has_its_running_prediction(plain_model: Any) -> None:
    explanation = explain(plain_model, layer=3, direction="backward", units=(99,))
    assert explanation.heat is None
    assert len(explanation.running) == explanation.n_words + 1


@pytest.mark.parametrize("text", ["", " \n ", "<br />"])
def test_a_text_without_words_is_refused(model: Any, text: str) -> None:
    with pytest.raises(InputError, match="TEXT: the text must have at least one word, got"):
        explain(model, text)


def test_units_that_are_not_there_are_refused_all_at_once(model: Any) -> None:
    with pytest.raises(InputError, match=r"--units: units of layer 2 must be in 0 to 5, got 6, -1$"):
        explain(model, units=(6, 2, -1))


def test_half_a_character_is_read_like_any_unknown_word(model: Any) -> None:
    assert explain(model, "good \ud83d film").unknown == (False, True, False, False)

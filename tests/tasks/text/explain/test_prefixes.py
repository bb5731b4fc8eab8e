"""The running prediction is the model's own, word for word; turning points are found in any table of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.explanations import TEXT, pairs

pytestmark = pytest.mark.tf


def test_the_last_prediction_is_the_one_for_the_whole_text(model: Any) -> None:
    from sweepkit.tasks.text.explain.prefixes import running

    found = running(model, model.read(TEXT))
    np.testing.assert_allclose(found[-1], model.predict([TEXT])[0].probabilities, atol=1e-6)


def test_each_prediction_is_the_one_for_a_text_that_ends_there(model: Any) -> None:
    from sweepkit.tasks.text.explain.prefixes import running

    words = ["the", "film", "was", "not", "good"]
    found = running(model, model.read(" ".join(words)))
    beginnings = [" ".join(words[: n + 1]) for n in range(len(words))]
    expected = [prediction.probabilities for prediction in model.predict(beginnings)]
    assert found.shape == (len(words) + 1, 2)
    np.testing.assert_allclose(found[1:], expected, atol=1e-6)


def test_the_first_prediction_is_the_one_for_the_end_token_alone(model: Any) -> None:
    from sweepkit.tasks.text.explain.prefixes import running

    found = running(model, model.read("good"))
    np.testing.assert_allclose(found[0], model.probabilities([np.array([2], np.int32)])[0], atol=1e-6)


def test_a_text_whose_end_is_cut_off_ends_with_the_prediction_for_what_is_read(head_model: Any) -> None:
    from sweepkit.tasks.text.explain.prefixes import n_words, running

    read = head_model.read(TEXT)
    found = running(head_model, read)
    assert n_words(read) == len(read.tokens) == 5
    assert len(found) == 6
    np.testing.assert_allclose(found[-1], head_model.predict([TEXT])[0].probabilities, atol=1e-6)


def test_a_text_without_words_has_none(model: Any) -> None:
    from sweepkit.tasks.text.explain.prefixes import n_words

    assert n_words(model.read(" <br /> ")) == 0


def test_the_largest_changes_are_named_in_the_order_of_the_text() -> None:
    from sweepkit.tasks.text.explain.prefixes import turns

    found = turns(pairs(0.5, 0.51, 0.3, 0.35, 0.9, 0.8), most=2)
    assert [(turn.word, turn.label) for turn in found] == [(1, 0), (3, 1)]
    assert [turn.gain for turn in found] == pytest.approx([0.21, 0.55], abs=1e-6)


def test_changes_below_two_points_are_not_named() -> None:
    from sweepkit.tasks.text.explain.prefixes import turns

    assert turns(pairs(0.5, 0.51, 0.505)) == ()


def test_with_several_labels_the_one_that_gains_most_is_named() -> None:
    from sweepkit.tasks.text.explain.prefixes import turns

    (turn,) = turns(np.array([[0.6, 0.3, 0.1], [0.2, 0.35, 0.45]], np.float32))
    assert (turn.word, turn.label, round(turn.gain, 3)) == (0, 2, 0.35)


@pytest.mark.parametrize(
    ("second", "expected"),
    [((0.6, 0.7, 0.8), 0), ((0.4, 0.7, 0.8), 1), ((0.6, 0.3, 0.8), 2), ((0.9, 0.8, 0.1), 2)],
)
def test_the_prediction_is_settled_after_the_last_word_with_another_label(
    second: tuple[float, ...], expected: int
) -> None:
    from sweepkit.tasks.text.explain.prefixes import settled

    assert settled(pairs(*second)) == expected

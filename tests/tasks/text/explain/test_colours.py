"""Colours: readable under text, as dark on both sides, and apart for those who see fewer of them."""

from __future__ import annotations

import numpy as np
import pytest

from sweepkit.tasks.text.explain.colours import ANCHORS, LABELS, background, ink, luminance

VALUES = np.linspace(-1, 1, 33)


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lightness(colour: str) -> float:
    """CIELAB's L."""
    return 116 * luminance(colour) ** (1 / 3) - 16


@pytest.mark.parametrize("value", VALUES)
def test_text_is_readable_on_every_colour(value: float) -> None:
    colour = background(float(value))
    assert contrast(colour, ink(colour)) >= 4.5


def test_text_is_dark_on_light_colours() -> None:
    assert ink(background(0)) == "#000000"


def test_zero_is_a_neutral_light_grey() -> None:
    colour = background(0)
    assert colour == ANCHORS[4]
    assert colour[1:3] == colour[3:5] == colour[5:7]


def test_as_far_from_zero_is_as_dark_in_equal_steps() -> None:
    below, above = (
        np.array([lightness(background(sign * value)) for value in (0, 0.25, 0.5, 0.75, 1)]) for sign in (-1, 1)
    )
    np.testing.assert_allclose(below, above, atol=1.5)
    np.testing.assert_allclose(np.diff(above), -13, atol=1.5)


def test_both_sides_differ_in_blue_against_yellow_which_the_common_colour_blindnesses_keep() -> None:
    for value in (0.25, 0.5, 1.0):
        red, _, blue = (int(background(-value)[i : i + 2], 16) for i in (1, 3, 5))
        assert blue > red
        red, _, blue = (int(background(value)[i : i + 2], 16) for i in (1, 3, 5))
        assert red > blue


def test_what_lies_outside_has_the_colour_of_the_end() -> None:
    assert (background(-7), background(7)) == (ANCHORS[0], ANCHORS[-1])


def test_the_names_of_the_first_two_labels_are_readable_on_white() -> None:
    assert all(contrast(colour, "#ffffff") >= 4.5 for colour in LABELS[:2])


def test_luminance_is_that_of_the_web_guidelines() -> None:
    assert luminance("#ffffff") == pytest.approx(1)
    assert luminance("#000000") == 0
    assert luminance("#777777") == pytest.approx(0.1845, abs=1e-4)

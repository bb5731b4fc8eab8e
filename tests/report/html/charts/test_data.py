"""Shares of texts by length, and how far the axis goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweepkit.report.html.charts.data import sizes
from sweepkit.tasks.description import SizeHistogram
from sweepkit.tasks.text.manifest import BIN_TOKENS, N_BINS

pytestmark = pytest.mark.slow  # all of them together

# 10 texts of 0 to 19 tokens, 20 of 20 to 39, 10 longer than all bins
TEXTS = SizeHistogram(
    "texts", "tokens of a text", "tokens", BIN_TOKENS, (10, 20, *([0] * (N_BINS - 3)), 10), largest=3000
)


@pytest.mark.parametrize(
    ("tokens", "share"), [(19, 0.25), (39, 0.75), (29, 0.5), (1000, 0.75), (2999, 0.75), (3000, 1)]
)
def test_the_share_that_fits_is_read_from_the_histogram(tokens: int, share: float) -> None:
    assert TEXTS.share_within(tokens) == pytest.approx(share)


def test_a_split_without_texts_fits_nothing() -> None:
    assert replace(TEXTS, counts=(0,) * N_BINS).share_within(100) == 0


@pytest.mark.parametrize(
    ("histogram", "marks", "last"),
    [
        ((10, 20, *([0] * (N_BINS - 2))), [], 40),
        ((10, 20, *([0] * (N_BINS - 2))), [100], 100),
        (TEXTS.counts, [100, 5000], 1200),
        ((0,) * N_BINS, [], 20),
    ],
    ids=["short texts", "a longer mark", "long texts", "no texts"],
)
def test_the_axis_ends_after_the_longest_texts_and_marks(
    histogram: tuple[int, ...], marks: list[int], last: int
) -> None:
    layout = sizes(replace(TEXTS, counts=histogram), marks)["layout"]
    assert layout["xaxis"]["range"] == [0, last]
    assert [note["text"] for note in layout["annotations"]] == [str(mark) for mark in marks]

"""The picture: nothing sticks out or overlaps from one token to hundreds, and no sign makes it stumble."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.tf

Make = Callable[..., Any]


def texts_of(explanation: Any) -> tuple[Any, list[tuple[str, Any]]]:
    """Every text of a picture with its place in pixels, and the picture's own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    from sweepkit.tasks.text.explain.png.picture import figure, style

    with style():
        drawn = figure(explanation)
        FigureCanvasAgg(drawn).draw()
        texts = [text for text in drawn.findobj(Text) if text.get_text().strip() and text.get_visible()]
        return drawn.bbox, [(text.get_text(), text.get_window_extent()) for text in texts]


LABELS = ("a label of some length", "Donaudampfschiff", "c")


@pytest.mark.parametrize(("n_tokens", "labels"), [(1, LABELS), (3, LABELS[:2]), (60, LABELS[:2]), (400, LABELS)])
def test_nothing_sticks_out(explained: Make, n_tokens: int, labels: tuple[str, ...]) -> None:
    page, texts = texts_of(explained(["unremarkably", "long", "x" * 80] * (n_tokens // 3) or ["good"], labels=labels))
    for name, box in texts:
        assert box.x0 >= page.x0, name
        assert box.x1 <= page.x1, name
        assert box.y0 >= page.y0, name
        assert box.y1 <= page.y1, name


def test_a_token_fits_into_its_box(explained: Make) -> None:
    from sweepkit.tasks.text.explain.png.sheet import text_width

    token = "unremarkably-long-winded"
    (width,) = (box.width for text, box in texts_of(explained([token]))[1] if text == token and box.width > box.height)
    assert width == pytest.approx(110 * text_width(token, 9.5), rel=0.01)


@pytest.mark.parametrize("n_tokens", [3, 60, 250])
def test_no_two_texts_overlap(explained: Make, n_tokens: int) -> None:
    _, texts = texts_of(explained([f"token{i}" for i in range(n_tokens)], labels=("negative", "positive")))
    for i, (name, box) in enumerate(texts):
        for other, against in texts[:i]:
            # letters keep some distance from the edge of their box
            width = min(box.x1, against.x1) - max(box.x0, against.x0)
            height = min(box.y1, against.y1) - max(box.y0, against.y0)
            assert width <= 1 or height <= 2.5, (name, other)


def test_a_usual_picture_is_light_and_of_a_sensible_size(explained: Make) -> None:
    from sweepkit.tasks.text.explain.png.picture import png

    content = png(explained([f"word{i}" for i in range(199)], units=40, n_total=500))
    width, height = Image.open(io.BytesIO(content)).size
    assert 1000 <= width <= 1600
    assert height <= 2200
    assert len(content) < 300_000


def test_the_colours_of_the_states_are_exact(explained: Make) -> None:
    from sweepkit.tasks.text.explain.png.picture import COLOURS, png

    image = Image.open(io.BytesIO(png(explained(["good", "film"], units=2)))).convert("RGB")
    seen = {colour for _, colour in image.getcolors(1 << 24)}
    values = explained(["good", "film"], units=2).heat.values.ravel()
    for value in values:
        assert COLOURS((float(value) + 1) / 2, bytes=True)[:3] in seen
    assert (255, 255, 255) in seen


STRANGE = [
    "😀",
    "👨‍👩‍👧",
    "漢字",
    "हिन्दी",
    "שלום",
    "مرحبا",
    "$x^2$",
    "\\frac{a}",
    "<b>",
    "\x07",
    "\u202e",
    "\ud83d",
    "e\u0301",
    "`",
]


def test_no_sign_makes_it_stumble(explained: Make) -> None:
    from sweepkit.tasks.text.explain.png.picture import png

    # a warning is an error here, and Matplotlib warns of missing glyphs
    assert png(explained(STRANGE, labels=("漢字", "$"))).startswith(b"\x89PNG")


def test_signs_that_no_font_has_become_boxes_and_the_picture_says_so(explained: Make) -> None:
    from sweepkit.tasks.text.explain.png.fonts import drawable

    missing = "\U0001f9ff\U00012000"  # a recent emoji, and cuneiform
    assert drawable(missing) == "□□"
    assert drawable("a\ufe0fé") in ("a\ufe0fé", "aé")
    shown = [[text for text, _ in texts_of(explained([token]))[1]] for token in (missing, "good")]
    assert [any(text.startswith("□ stands for a character") for text in texts) for texts in shown] == [True, False]


def test_it_says_what_is_shown_and_of_which_model(explained: Make) -> None:
    from tests.support.explanations import pairs

    explanation = explained(["not", "good"], running=pairs(0.5, 0.1, 0.8), n_total=90)
    shown = " ".join(text for text, _ in texts_of(explanation)[1])
    for sentence in (
        "Prediction: positive, 80 %",
        "sweep cells, trial 7, epoch 3: cell=lstm",
        "the model reads only the last 3, and only these",
        "State of LSTM layer 2, backward",
        "memory tanh(c)",
        "unit, of 64",
        "tokens, in the order of the text →",
        "The text, coloured by unit 0",
        "probability",
        "+40",
        "+70",
        "↑ positive",
        "↓ negative",
    ):
        assert sentence in shown


def test_without_a_recurrent_layer_only_the_running_prediction_is_drawn(explained: Make) -> None:
    shown = [text for text, _ in texts_of(explained(["not", "good"], has_heat=False))[1]]
    assert any("no recurrent layer" in text for text in shown)
    assert "The running prediction" in shown
    assert not any(text.startswith(("State of", "The text")) for text in shown)


def test_a_text_whose_end_is_cut_off_is_drawn_to_its_last_word(explained: Make) -> None:
    from sweepkit.tasks.text.explain.png.picture import png

    assert png(explained(["good"] * 4, has_end=False)).startswith(b"\x89PNG")


def test_words_of_a_script_from_right_to_left_start_on_the_right(explained: Make) -> None:
    _, texts = texts_of(explained(["סרט", "טוב"], running=np.full((3, 2), 0.5, np.float32)))
    # the same words stand upright below the map
    places = {text: box.x0 for text, box in texts if box.width > box.height}
    assert places["סרט"] > places["טוב"]


def test_it_does_not_touch_settings_of_matplotlib(explained: Make) -> None:
    import matplotlib

    from sweepkit.tasks.text.explain.png.picture import png

    with matplotlib.rc_context({"font.size": 31.0}):
        before = dict(matplotlib.rcParams)
        small = png(explained(["good"]))
        assert dict(matplotlib.rcParams) == before
    assert png(explained(["good"])) == small


def test_it_is_written_whole_and_nothing_is_left_beside_it(explained: Make, tmp_path: Path) -> None:
    from sweepkit.tasks.text.explain.png.picture import png, write

    write(explained(["good"]), tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == png(explained(["good"]))
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_labels_are_moved_apart_and_stay_inside() -> None:
    from sweepkit.tasks.text.explain.png.sheet import spread

    centers, widths = [0.1, 0.2, 5.0, 9.9, 9.95], [1.0, 1.5, 1.0, 1.0, 2.0]
    placed = spread(centers, widths, 0.0, 10.0)
    edges = [(place - width / 2, place + width / 2) for place, width in zip(placed, widths, strict=True)]
    assert edges[0][0] >= 0
    assert edges[-1][1] <= 10
    assert all(left[1] <= right[0] + 1e-9 for left, right in itertools.pairwise(edges))
    assert placed[2] == 5.0


def test_a_picture_of_few_colours_keeps_those_that_must_be_exact() -> None:
    from sweepkit.tasks.text.explain.png.palette import indexed

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 60, 3)).astype(np.uint8)
    exact = [(250, 3, 77), (246, 246, 246)]
    pixels[0, :2] = exact
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="png")
    small = np.asarray(Image.open(io.BytesIO(indexed(content.getvalue(), exact))).convert("RGB"))
    assert [tuple(int(channel) for channel in pixel) for pixel in small[0, :2]] == exact
    assert len(np.unique(small.reshape(-1, 3), axis=0)) <= 256

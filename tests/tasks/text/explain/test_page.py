"""The page as a browser would read it: what stands in the text is text, and nothing is fetched from anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tf

Make = Callable[..., Any]
EVIL = ("<script>alert(1)</script>", "</script>", "<!--", "{{ 7*7 }}", "&amp;", "'\"><img", "😀", "שלום", "\u202eok")


class Parsed(HTMLParser):
    """Elements with their attributes, and the text inside of chosen ones."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in ("meta", "input", "br"):
            self._open.append((tag, attributes.get("id") or ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        name = next((name for _, name in reversed(self._open) if name), "")
        if data.strip():
            self.texts.setdefault(name, []).append(data.strip())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(explanation: Any) -> str:
    from sweepkit.tasks.text.explain.page import html

    return html(explanation)


def parsed(explanation: Any) -> Parsed:
    return Parsed(page_of(explanation))


def test_markup_in_a_text_is_shown_as_text(explained: Make) -> None:
    page = parsed(explained(EVIL))
    shown = (*EVIL[:-1], "�ok", "<end>")
    assert tuple(page.texts["text"]) == shown
    assert tuple(page.texts["columns"]) == shown
    assert len(page.named("script")) == 2
    assert not page.named("img")
    assert json.loads("".join(page.texts["numbers"]))["tokens"] == list(shown)


def test_markup_in_a_label_or_a_parameter_is_shown_as_text(explained: Make) -> None:
    page, harmless = parsed(explained(["good"], labels=("</script><b>", "<i>"))), parsed(explained(["good"]))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert json.loads("".join(page.texts["numbers"]))["labels"] == ["</script><b>", "<i>"]


def test_the_page_needs_no_network(explained: Make) -> None:
    page = page_of(explained(["good", "film"]))
    assert not re.search(r"""(src|href)\s*=|url\(|@import|fetch\(|https?://(?!www\.w3\.org/2000/svg)""", page)
    policies = [meta for meta in Parsed(page).named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert [str(meta["content"]).partition(";")[0] for meta in policies] == ["default-src 'none'"]


def test_the_numbers_are_those_of_the_explanation(explained: Make) -> None:
    explanation = explained(["not", "a", "good", "film"], units=3)
    numbers = json.loads("".join(parsed(explanation).texts["numbers"]))
    assert numbers["units"] == [0, 1, 2]
    assert numbers["values"] == [[round(100 * float(value)) for value in unit] for unit in explanation.heat.values.T]
    assert numbers["running"] == [[round(float(value), 4) for value in row] for row in explanation.running]
    assert [turn["word"] for turn in numbers["turns"]] == [turn.word for turn in explanation.turns]


def test_it_says_what_is_shown_and_of_which_model(explained: Make) -> None:
    from sweepkit.tasks.text.explain import captions

    explanation = explained(["not", "a", "good", "film"])
    page = " ".join(text for texts in parsed(explanation).texts.values() for text in texts)
    for sentence in (
        "sweep cells, trial 7, epoch 3: cell=lstm units=64 max_len=200",
        f"Prediction: {captions.prediction(explanation)}",
        "State of recurrent layer 2 (backward) after each token",
        "The layer reads the text from its end; columns are in the order of the text.",
        "Of 64 units, the 6 that vary most over this text are shown",
        "tanh(c), the memory of the LSTM",
        "(tanh(c) + 1) / 2",
        "The model's prediction if the text ended after each token.",
        "the word is not in the model's vocabulary",
    ):
        assert sentence in page


def test_turning_tokens_are_in_a_table(explained: Make) -> None:
    from tests.support.explanations import pairs

    page = page_of(explained(["not", "good", "film"], running=pairs(0.5, 0.2, 0.75, 0.75)))
    row = re.sub(r"<[^>]+>", " ", page.partition("<tbody>")[2].partition("</tbody>")[0]).split("\n")
    rows = [" ".join(line.split()) for line in row if line.strip()]
    assert rows == ["1 not +30 for negative 80 % 20 %", "2 good +55 for positive 25 % 75 %"]
    assert "The prediction is positive from token 2 on, “good”." in page


def test_a_prediction_that_does_not_move_is_said_to(explained: Make) -> None:
    from tests.support.explanations import pairs

    page = page_of(explained(["not", "good"], running=pairs(0.7, 0.7, 0.7)))
    assert "No token changes the prediction by two percentage points or more." in page
    assert "The prediction is positive from the beginning on." in page
    assert "<table>" not in page


def test_a_cut_text_is_said_to_be_cut(explained: Make) -> None:
    assert "the model reads only" not in page_of(explained(["good"] * 3))
    page = page_of(explained(["good"] * 3, n_total=250))
    assert "The text has 250 tokens; the model reads only the last 4, and only these are shown." in page


def test_without_a_recurrent_layer_only_the_running_prediction_is_there(explained: Make) -> None:
    page = parsed(explained(["good", "film"], has_heat=False))
    names = {attributes.get("id") for _, attributes in page.elements}
    assert {"curve", "numbers"} <= names
    assert names.isdisjoint({"map", "text", "unit"})
    assert any("no recurrent layer" in text for texts in page.texts.values() for text in texts)


def test_a_text_from_right_to_left_is_laid_out_so(explained: Make) -> None:
    directions = [
        next(attributes["dir"] for attributes in parsed(explained(tokens)).named("p") if attributes.get("id") == "text")
        for tokens in (["סרט", "טוב"], ["good", "סרט"])
    ]
    assert directions == ["rtl", "ltr"]


def test_a_usual_page_is_light(explained: Make) -> None:
    assert len(page_of(explained(["unremarkable"] * 199, units=40)).encode()) < 150_000


def test_it_is_written_whole_and_nothing_is_left_beside_it(explained: Make, tmp_path: Path) -> None:
    from sweepkit.tasks.text.explain.page import write

    explanation = explained(["good"])
    (tmp_path / "out.html").write_text("old", encoding="utf-8")
    write(explanation, tmp_path / "out.html")
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == page_of(explanation)
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]

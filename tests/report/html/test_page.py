"""The page: its texts, valid figures, and that nothing in it runs user texts or uses the network."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import plotly.graph_objects
import pytest

from sweepkit.report.data import ReportData
from sweepkit.report.html import page as page_module
from sweepkit.report.html.blocks import Board, Plot, Section, Selection, Table, Text
from sweepkit.report.html.charts.parallel import parallel
from sweepkit.report.html.page import inline_json, page, sections_of
from sweepkit.report.importance import Importances
from tests.support.made_up_results import final_result
from tests.support.made_up_sweeps import made_up_sweep, report_data, trials
from tests.support.report_cases import NASTY, SWEEPS, failed

pytestmark = pytest.mark.slow  # all of them together

ANCHORS = ["headline", "leaderboard", "curves", "parallel", "importance", "slices", "choices", "costs", "workers",
           "data", "errors", "origin"]  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the importances, which take seconds and have their own tests; `monkeypatch.undo()` restores them."""
    monkeypatch.setattr(page_module, "importance", lambda _: Importances((), ("left out",)))


class Parsed(HTMLParser):
    """A page's elements, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        self._in_script = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            if self.scripts:
                self.scripts[-1] += data
        else:
            self.text += data


def section(of: ReportData, anchor: str) -> Section:
    return next(one for one in sections_of(of) if one.anchor == anchor)


def facts(parsed: Parsed, name: str) -> object:
    """Return the JSON that a page's script reads."""
    places = [attributes.get("id") for tag, attributes in parsed.elements if tag == "script"]
    return json.loads(parsed.scripts[places.index(f"json-{name}")])


@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_has_a_page_with_all_sections(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    parsed = Parsed(page(SWEEPS[name]))
    assert [attributes["id"] for tag, attributes in parsed.elements if tag == "section"] == ANCHORS
    figures = facts(parsed, "figures")
    for place in (attributes for _, attributes in parsed.elements if "data-figure" in attributes):
        figure = figures[int(place["data-figure"] or "")]
        if place["class"] == "drawn plot":
            plotly.graph_objects.Figure(figure)  # raises if Plotly does not accept it
    assert figures == json.loads(inline_json(figures))


def test_the_page_uses_no_network() -> None:
    parsed = Parsed(page(SWEEPS["whole"]))
    for tag, attributes in parsed.elements:
        assert "src" not in attributes
        assert tag != "link"
        assert attributes.get("href", "#").startswith("#")
    policy = next(a["content"] for t, a in parsed.elements if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    # Plotly has a button that sends a figure to its own server
    assert 'showSendToCloud: false, plotlyServerURL: ""' in parsed.scripts[-1]


def test_texts_of_users_and_data_are_shown_and_never_run() -> None:
    text = page(SWEEPS["nasty"])
    parsed = Parsed(text)
    assert sum(tag == "script" for tag, _ in parsed.elements) == 4
    assert "<script>alert" not in text
    assert parsed.text.count(NASTY) >= 3
    assert "</script><script>alert(1)</script> boring it is not" in parsed.text
    board = facts(parsed, "trials")
    assert any(NASTY in row for row in board["rows"])


def test_figures_have_users_texts_escaped_for_plotly() -> None:
    shown = [block for one in sections_of(SWEEPS["nasty"]) for block in page_module._flat(one.blocks)]
    figures = [json.dumps(block.figure) for block in shown if isinstance(block, Plot)]
    assert any("&lt;script" in figure for figure in figures)
    assert not any("<script" in figure or "a<b" in figure for figure in figures)


def test_inline_json_cannot_end_its_element() -> None:
    assert inline_json({"a": "</script><!--&\u2028"}) == '{"a":"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028"}'
    assert inline_json([float("nan"), 0.123456789, float("inf")]) == "[null,0.123457,null]"


def test_a_thousand_trials_fit_into_six_megabytes() -> None:
    assert len(page(report_data(trials(1000, workers=16))).encode()) < 6_000_000


def test_fifty_trials_are_in_the_table_and_all_in_the_data() -> None:
    data = report_data(trials(120))
    (board,) = (block for block in section(data, "leaderboard").blocks if isinstance(block, Board))
    parsed = Parsed(page(data))
    assert (len(board.rows), board.shown) == (120, 50)
    assert len(facts(parsed, "trials")["rows"]) == 120
    assert "Show all 120 trials" in parsed.text


def test_the_leaderboard_has_best_values_and_only_what_differs() -> None:
    data = report_data(trials(20))
    (board,) = (block for block in section(data, "leaderboard").blocks if isinstance(block, Board))
    best = data.sweep.leaderboard.leaders[0]
    assert board.rows[0][:3] == ["1", str(best.number), f"{best.best_value:.4f}"]
    assert board.rows[0][3] == str(best.best_epoch)
    assert "batch_size" not in board.head
    assert [row[0] for row in board.rows] == [str(n) for n in range(1, 21)]


def test_trials_without_a_result_come_last_without_a_rank() -> None:
    made = trials(3)
    data = report_data([*failed()[:1], *made[1:]])
    (board,) = (block for block in section(data, "leaderboard").blocks if isinstance(block, Board))
    assert board.rows[-1][:3] == ["", "0", ""]
    assert board.rows[-1][-1] == "it raised"


def test_learning_curves_are_one_trace_for_each_state() -> None:
    (plot,) = section(report_data(trials(300)), "curves").blocks
    assert isinstance(plot, Plot)
    lines = [trace for trace in plot.figure["data"] if trace["mode"] == "lines"]
    assert len(lines) <= 5
    assert {trace["name"].partition(" (")[0] for trace in plot.figure["data"]} >= {"complete", "pruned"}


def test_far_outliers_are_outside_the_initial_view_and_noted() -> None:
    plot, note = section(SWEEPS["far out"], "curves").blocks
    assert note == Text("1 trial with values far from all others: double-click the figure to show everything.")
    assert isinstance(plot, Plot)
    assert plot.figure["layout"]["yaxis"]["range"][1] < 2


def test_each_varied_choice_can_be_selected() -> None:
    (selection,) = section(report_data(trials(48)), "choices").blocks
    assert isinstance(selection, Selection)
    name, (_, table) = selection.groups[0]
    assert name == "cell"
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["lstm", "gru", "ugrnn", "rnn", "none"]


def test_parallel_coordinates_have_a_place_for_not_used_and_draw_the_best_last() -> None:
    made = made_up_sweep(trials(48))
    drawn = parallel(made)
    units = next(axis for axis in drawn["axes"] if axis["label"] == "units")
    assert units["ticks"][0][1] == "not used"
    assert drawn["trials"][-1] == made.leaderboard.leaders[0].number
    assert drawn["colours"][-1] == "#08306b"
    assert all(axis["low"] <= place <= axis["high"] for axis in drawn["axes"] for place in axis["places"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"final": final_result()}, "First place is in doubt: the difference to the runner-up may be noise."),
        ({"final": final_result(clear=True)}, "The difference to the runner-up is larger than noise."),
        (
            {"final": final_result(looks=2)},
            "Its accuracy on the test split is 0.8841 (0.8800 to 0.8880); 2 test evaluations so far.",
        ),
        ({"final": final_result(looks=0)}, "No candidate has been evaluated on the test split."),
        ({}, "python -m sweepkit final sweeps/made_up.yaml"),
    ],
)
def test_the_summary_has_the_result_of_the_final_stage(changes: dict[str, object], expected: str) -> None:
    assert expected in Parsed(page(report_data(trials(3), **changes))).text


def test_missing_parts_have_a_reason_and_the_rest_is_shown() -> None:
    data = report_data(trials(3), no_data="The prepared data is gone.")
    empty = [one.anchor for one in sections_of(data) if one.is_empty]
    assert empty == ["importance", "data", "errors"]
    assert "The prepared data is gone." in Parsed(page(data)).text


def test_code_is_set_as_code() -> None:
    assert re.search("<code>python -m sweepkit final sweeps/made_up.yaml</code>", page(report_data(trials(1))))

"""One self-contained HTML file of a sweep: its sections through the template, with all scripts and figures inside.

Every text is escaped by the template; what scripts read is JSON that cannot end its script element. The page may
load nothing from anywhere, which its own security policy enforces. Try `page(findings)`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from sweepkit import __version__
from sweepkit.formatting import count
from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Block, Board, Drawn, Grid, Section, Selection
from sweepkit.report.html.charts.plotly import compact
from sweepkit.report.html.sections import cost, data, origin, parameters, trials
from sweepkit.report.importance import Importances, importance
from sweepkit.report.timeline import timeline


def page(findings: ReportData, importances: Importances | None = None) -> str:
    """Return the whole page; `importances`, if they are known already, need not be computed again."""
    import jinja2  # not at the top: reading a sweep needs none of it
    import markupsafe

    sections = sections_of(findings, importances)
    every = [block for section in sections for block in _flat(section.blocks)]
    drawn = [block for block in every if isinstance(block, Drawn)]
    boards = [block for block in every if isinstance(block, Board)]
    places = {id(block): place for place, block in enumerate(drawn)}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_asset("page.html")).render(
        title=f"Sweep {findings.name}",
        subtitle=f"{count(len(findings.trials), 'trial')} in {findings.folder}",
        version=__version__,
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sections=sections,
        figures=[block.figure for block in drawn],
        trials=_board_facts(boards[0]) if boards else {},
        place_of=lambda block: places[id(block)],
        marked=lambda text: _marked(text, markupsafe),
        json=inline_json,
        css=_asset("page.css"),
        js="".join(_asset(f"{name}.js") for name in ("drawing", "parallel", "dots", "page")),
        plotly=resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8"),
    )


def sections_of(findings: ReportData, importances: Importances | None = None) -> list[Section]:
    """Return the page's sections in their order."""
    return [
        trials.headline(findings),
        trials.leaderboard(findings),
        trials.curves(findings),
        parameters.parallel_coordinates(findings),
        parameters.importance_of_parameters(importances or importance(findings)),
        parameters.slices(findings),
        parameters.choices(findings),
        cost.costs(findings),
        cost.worked(timeline(findings.trials)),
        data.data(findings),
        data.errors(findings),
        origin.origin(findings),
    ]


def inline_json(value: Any) -> str:  # any JSON value
    """Return JSON that can stand inside a script element: no text in it can end the element or start a comment."""
    text = json.dumps(compact(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _flat(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield blocks and those inside them."""
    for block in blocks:
        yield block
        if isinstance(block, Grid):
            yield from block.figures
        elif isinstance(block, Selection):
            for _, inner in block.groups:
                yield from _flat(inner)


def _board_facts(board: Board) -> dict[str, Any]:  # a JSON object
    facts = {"trial": board.trial, "outcome": board.state, "params": board.params, "reason": board.reason}
    return {**facts, "head": board.head, "rows": board.rows, "left": sorted(board.left), "shown": board.shown}


def _marked(text: str, markupsafe: Any) -> Any:  # the module, and its text that counts as escaped
    """Escape a sentence and set what is between backticks as code."""
    parts = re.split(r"`([^`]*)`", text)
    wrapped = (markupsafe.Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))
    return markupsafe.Markup("").join(wrapped)


def _asset(name: str) -> str:
    return resources.files("sweepkit.report.html").joinpath("assets", name).read_text(encoding="utf-8")

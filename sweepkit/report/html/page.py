"""One self-contained HTML file of a sweep: its sections, rendered by the template with all scripts and figures inside.

The template escapes every text, and scripts read JSON that cannot end its script element. The page's own security
policy forbids it to load anything. Try `page(gather(load_sweep("runs/sweeps/cells")))`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from sweepkit import __version__
from sweepkit.formatting import count, moment
from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Block, Board, Drawn, Grid, Section, Selection
from sweepkit.report.html.charts.plotly import compact
from sweepkit.report.html.sections import cost, origin, parameters, trials
from sweepkit.report.html.sections import data as data_sections
from sweepkit.report.importance import Importances, importance
from sweepkit.report.timeline import timeline


def page(data: ReportData, importances: Importances | None = None) -> str:
    """Render the page; `importances` saves their computation where they are needed twice."""
    import jinja2  # not at the top: reading a sweep needs neither
    import markupsafe

    sweep, sections = data.sweep, sections_of(data, importances)
    blocks = [block for section in sections for block in _flat(section.blocks)]
    drawn = [block for block in blocks if isinstance(block, Drawn)]
    boards = [block for block in blocks if isinstance(block, Board)]
    places = {id(block): place for place, block in enumerate(drawn)}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_asset("page.html")).render(
        title=f"Sweep {sweep.name}",
        subtitle=f"{count(len(sweep.trials), 'trial')} in {sweep.folder.shown()}",
        version=__version__,
        written=moment(time.time()),
        sections=sections,
        figures=[block.figure for block in drawn],
        trials=_board_json(boards[0]) if boards else {},
        place_of=lambda block: places[id(block)],
        marked=lambda text: _marked(text, markupsafe),
        json=inline_json,
        css=_asset("page.css"),
        js="".join(_asset(f"{name}.js") for name in ("drawing", "parallel", "dots", "page")),
        plotly=resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8"),
    )


def sections_of(data: ReportData, importances: Importances | None = None) -> list[Section]:
    """Return the page's sections in order."""
    sweep = data.sweep
    return [
        trials.headline(sweep),
        trials.leaderboard(sweep),
        trials.curves(sweep),
        parameters.parallel_coordinates(sweep),
        parameters.importance_of_parameters(importances or importance(sweep)),
        parameters.slices(sweep),
        parameters.choices(sweep),
        cost.costs(sweep),
        cost.workers_over_time(timeline(sweep.trials)),
        data_sections.prepared_data(data),
        data_sections.errors(data),
        origin.origin(sweep),
    ]


def inline_json(value: Any) -> str:  # any JSON value
    """Return JSON that can stand inside a script element: no text in it can end the element or start a comment."""
    text = json.dumps(compact(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _flat(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield blocks and the blocks inside them."""
    for block in blocks:
        yield block
        if isinstance(block, Grid):
            yield from block.figures
        elif isinstance(block, Selection):
            for _, group in block.groups:
                yield from _flat(group)


def _board_json(board: Board) -> dict[str, Any]:  # a JSON object
    columns = {"trial": board.trial, "outcome": board.state, "params": board.params, "reason": board.reason}
    return {**columns, "head": board.head, "rows": board.rows, "left": sorted(board.left), "shown": board.shown}


def _marked(text: str, markupsafe: Any) -> Any:  # the module, and its type for escaped text
    """Escape a sentence and mark up the parts between backticks as code."""
    parts = re.split(r"`([^`]*)`", text)
    marked = (markupsafe.Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))
    return markupsafe.Markup("").join(marked)


def _asset(name: str) -> str:
    return resources.files("sweepkit.report.html").joinpath("assets", name).read_text(encoding="utf-8")

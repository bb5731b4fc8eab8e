"""An explanation as one HTML file that needs nothing else: no network, no library, a few hundred lines at most.

The texts are in the HTML itself; the numbers stand beside them as JSON, from which `page.js` draws. Try
`write(explain(model, text, View()), Path("out.html"))`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from sweepkit.storage.atomic import replacing
from sweepkit.storage.write_errors import writing
from sweepkit.tasks.text.explain import captions, colours
from sweepkit.tasks.text.explain.explanation import Explanation
from sweepkit.tasks.text.explain.tokens import is_right_to_left, plain


def write(found: Explanation, path: Path) -> None:
    """Write the page, whole or not at all."""
    path = path.absolute()
    with writing(str(path)), replacing(path) as temporary:
        temporary.write_bytes(html(found).encode())


def html(found: Explanation) -> str:
    """Return the page. Whatever stands in the text is shown as text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sweepkit.tasks.text.explain", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    return template.render(found=found, say=captions, numbers=_numbers(found), **_texts(found))


def _texts(found: Explanation) -> dict[str, Any]:  # what the template names
    tokens = [plain(token) for token in found.tokens]
    return {
        "tokens": tokens,
        "direction": "rtl" if is_right_to_left(tokens) else "ltr",
        "turns": [
            {"number": turn.word + 1, "token": tokens[turn.word], "change": captions.turn(found, turn)}
            | {"after": [captions.percent(float(p)) for p in found.running[turn.word + 1]]}
            for turn in found.turns
        ],
        "labels": [captions.label(found, index) for index in range(len(found.facts.label_names))],
    }


def _numbers(found: Explanation) -> dict[str, Any]:  # JSON
    """What the script draws; values in hundredths and probabilities with four places keep the file small."""
    heat = found.heat
    return {
        "tokens": [plain(token) for token in found.tokens],
        "labels": [captions.label(found, index) for index in range(len(found.facts.label_names))],
        "running": np.round(found.running.astype(float), 4).tolist(),
        "turns": [{"word": turn.word, "label": turn.label, "gain": round(turn.gain, 4)} for turn in found.turns],
        "units": list(heat.units) if heat else [],
        "values": np.round(100 * heat.values.T).astype(int).tolist() if heat else [],
        "anchors": colours.ANCHORS,
        "label_colours": colours.LABELS,
    }

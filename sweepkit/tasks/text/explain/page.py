"""An explanation as one HTML file that needs neither network nor libraries.

The texts are in the HTML itself, the numbers in it as JSON, which `page.js` draws. Try
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


def write(explanation: Explanation, path: Path) -> None:
    """Write the page, whole or not at all."""
    path = path.absolute()
    with writing(str(path)), replacing(path) as temporary:
        temporary.write_bytes(html(explanation).encode())


def html(explanation: Explanation) -> str:
    """Return the page; markup in the text is shown as text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sweepkit.tasks.text.explain", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    return template.render(
        explanation=explanation, captions=captions, numbers=_numbers(explanation), **_texts(explanation)
    )


def _texts(explanation: Explanation) -> dict[str, Any]:  # the variables of the template, of several types
    tokens = [plain(token) for token in explanation.tokens]
    return {
        "tokens": tokens,
        "direction": "rtl" if is_right_to_left(tokens) else "ltr",
        "turns": [
            {"number": turn.word + 1, "token": tokens[turn.word], "change": captions.turn(explanation, turn)}
            | {"after": [captions.percent(float(p)) for p in explanation.running[turn.word + 1]]}
            for turn in explanation.turns
        ],
        "labels": [captions.label(explanation, index) for index in range(len(explanation.manifest.label_names))],
    }


def _numbers(explanation: Explanation) -> dict[str, Any]:  # JSON
    """Return the input of the script; hundredths and probabilities of four places keep the file small."""
    heat = explanation.heat
    return {
        "tokens": [plain(token) for token in explanation.tokens],
        "labels": [captions.label(explanation, index) for index in range(len(explanation.manifest.label_names))],
        "running": np.round(explanation.running.astype(float), 4).tolist(),
        "turns": [{"word": turn.word, "label": turn.label, "gain": round(turn.gain, 4)} for turn in explanation.turns],
        "units": list(heat.units) if heat else [],
        "values": np.round(100 * heat.values.T).astype(int).tolist() if heat else [],
        "anchors": colours.ANCHORS,
        "label_colours": colours.LABELS,
    }

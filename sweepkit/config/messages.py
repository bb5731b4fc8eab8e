"""Turn pydantic's errors about a sweep file into issues in sweepkit's words, with the place in the file.

Try `issue_of(SweepConfig, error.errors()[0], document, ())`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from sweepkit.config.document import Document
from sweepkit.config.fields import IDENTIFIER, LINE, NAME
from sweepkit.config.nodes import Keys, dotted
from sweepkit.errors import Issue
from sweepkit.formatting import listed, nearest

# pydantic's kind of error -> what the value must be
_MUST_BE = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "list_type": "a list",
    "string_too_short": "text that is not empty",
}
_COMPARED = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than",
             "less_than_equal": "at most"}  # fmt: skip
_PATTERNS = {
    NAME: "1 to 100 letters, digits, '_', '-' or '.', and must not start with '.'",
    IDENTIFIER: "the name of a folder that Python can import: letters, digits and '_'",
    LINE: "one line of text without control characters",
}
_MAX_SHOWN = 200  # characters of a value in a message
_EXAMPLES = {
    ("sweep",): "; the name of the sweep, like `sweep: cells`",
    ("package",): "; the name of the folder beside this file that contains space.py",
    ("objective",): "; say what to improve, like `objective: {metric: valid_accuracy, mode: max}`",
    ("objective", "metric"): "; a metric that trials report, like valid_accuracy",
    ("objective", "mode"): "; either 'max' or 'min'",
}


def issue_of(model: type[BaseModel], detail: Any, document: Document, below: Keys) -> Issue:
    """Describe one error with its place.

    Args:
        model: the model that the values were checked against.
        detail: one of pydantic's `errors()`, a dict.
        document: the sweep file.
        below: key path of the model's values in the document.
    """
    keys = tuple(str(part) for part in detail["loc"])
    whole = (*below, *keys)
    kind, seen = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        fields = _model_at(model, keys[:-1]).model_fields
        message = f"unknown key {dotted(whole)!r}; {nearest(keys[-1], fields)}"
    elif kind == "missing":
        message = f"missing key {dotted(whole)!r}{_EXAMPLES.get(whole, '')}"
    else:
        message = f"{dotted(whole)} {_what_is_wrong(kind, detail, seen)}"
    return Issue(document.where(whole), message)


def _what_is_wrong(kind: str, detail: Any, seen: object) -> str:  # pydantic types no error details
    context = detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        allowed = [part.strip("'") for part in context["expected"].replace(" or ", ", ").split(", ")]
        hint = nearest(seen, allowed) if isinstance(seen, str) else ""
        hint = f"; {hint}" if hint.startswith("did") else ""
        return f"must be one of {listed(allowed)}, got {_short(seen)}{hint}"
    if kind == "string_pattern_mismatch":
        return f"must be {_PATTERNS.get(context['pattern'], 'like ' + context['pattern'])}, got {_short(seen)}"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters, got {_short(seen)}"
    if kind in _COMPARED:
        return f"must be {_COMPARED[kind]} {next(iter(context.values())):.12g}, got {_short(seen)}"
    if kind in _MUST_BE:
        return f"must be {_MUST_BE[kind]}, got {'nothing' if seen is None else _short(seen)}"
    return f"is wrong: {detail['msg'].lower()}, got {_short(seen)}"  # only models of sweep packages raise other kinds


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _model_at(model: type[BaseModel], keys: Sequence[str]) -> type[BaseModel]:
    for key in keys:
        inner = model.model_fields[key].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return model

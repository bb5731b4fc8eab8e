"""What pydantic finds wrong with a sweep file, in words of our own, with the place in the file.

Try `problem(SweepConfig, error.errors()[0], document, ())`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from sweepkit.config.document import Document, Keys, dotted
from sweepkit.errors import Issue
from sweepkit.formatting import listed, nearest

NAME = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$"
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
LINE = r"^[^\x00-\x1f\x7f]*$"

# pydantic's kind of error -> what we say of it
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
    NAME: "made of letters, digits, '_', '-' and '.', not start with '.', and have at most 100 of them",
    IDENTIFIER: "the name of a folder that Python can import: letters, digits and '_'",
    LINE: "one line of text without control characters",
}
_LONGEST_SEEN = 200  # of a value in a message
_EXAMPLES = {
    ("sweep",): "; it names the sweep, like `sweep: cells`",
    ("package",): "; it names the folder beside this file that holds space.py",
    ("objective",): "; say what to improve, like `objective: {metric: valid_accuracy, mode: max}`",
    ("objective", "metric"): "; it names a metric that trials report, like valid_accuracy",
    ("objective", "mode"): "; it is 'max' or 'min'",
}


def problem(model: type[BaseModel], detail: Any, document: Document, below: Keys) -> Issue:
    """Say what is wrong and where.

    Args:
        model: what the values below `below` were checked against.
        detail: one of pydantic's `errors()`, a dict.
        document: the sweep file.
        below: where in it the model's values stand.
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


def _what_is_wrong(kind: str, detail: Any, seen: object) -> str:  # as above
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
    return f"is wrong: {detail['msg'].lower()}, got {_short(seen)}"  # a kind that only a package's own model can have


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SEEN else f"{text[:_LONGEST_SEEN]}…"


def _model_at(model: type[BaseModel], keys: Sequence[str]) -> type[BaseModel]:
    for key in keys:
        inner = model.model_fields[key].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    return model

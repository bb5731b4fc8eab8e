"""Remove user, password and query from URIs, in everything that is shown, logged or stored.

Credentials are needed to open a store only; manifests, messages and run pages never contain them. Try
`hidden("postgresql://me:secret@host/db?sslkey=x")`, which is "postgresql://host/db".
"""

from __future__ import annotations

import re
from typing import Any

# A password may contain any character, even a slash or an unescaped @; a port is not a password. Repetitions are
# bounded, because unbounded ones take quadratic time on long texts.
_USER = re.compile(r"://(?:[^\s/?#]{0,4096}|[^\s/:@]{0,4096}:(?!\d+[/?#])\S{0,4096})@")
_QUERY = re.compile(r"(://[^\s?'\"]{0,4096})\?[^\s'\"]*")


def hidden(text: str) -> str:
    """Return a text in which every URI is reduced to scheme, host and path."""
    return _QUERY.sub(r"\1", _USER.sub("://", text)) if "://" in text else text


def hidden_in(value: Any) -> Any:  # JSON has no narrower type
    """Return a JSON value with `hidden` applied to every text in it."""
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, dict):
        return {key: hidden_in(inner) for key, inner in value.items()}
    return [hidden_in(inner) for inner in value] if isinstance(value, list | tuple) else value

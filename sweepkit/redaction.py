"""URIs without what may be secret in them: user, password and query. For everything that is shown, logged or kept.

Credentials are for whoever opens a store, never for manifests, messages or run pages. Try
`hidden("postgresql://me:secret@host/db?sslkey=x")`, which is "postgresql://host/db".
"""

from __future__ import annotations

import re
from typing import Any

# A password may hold any sign, even a slash or an @ that should have been escaped; a port is no password. The longest
# parts are bounded, so that no text takes quadratic time.
_USER = re.compile(r"://(?:[^\s/?#]{0,4096}|[^\s/:@]{0,4096}:(?!\d+[/?#])\S{0,4096})@")
_QUERY = re.compile(r"(://[^\s?'\"]{0,4096})\?[^\s'\"]*")


def hidden(text: str) -> str:
    """Return a text with all URIs in it cut down to scheme, host and path."""
    return _QUERY.sub(r"\1", _USER.sub("://", text)) if "://" in text else text


def hidden_in(value: Any) -> Any:  # JSON has no narrower type
    """Return JSON values with every text in them as `hidden` gives it."""
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, dict):
        return {key: hidden_in(inner) for key, inner in value.items()}
    return [hidden_in(inner) for inner in value] if isinstance(value, list | tuple) else value

"""Which fonts a picture is written in, and what becomes of signs that none of them has.

Matplotlib brings DejaVu Sans, which has Latin, Greek, Cyrillic, Arabic and Hebrew letters; other scripts are drawn if
the machine has one of the usual fonts for them. Try `families()`, and `drawable("漢字")`.
"""

from __future__ import annotations

from functools import cache

from matplotlib import font_manager

BOX = "□"
_USUAL = (
    *(
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "Noto Sans CJK KR",
        "WenQuanYi Zen Hei",
        "Microsoft YaHei",
        "Hiragino Sans",
    ),
    *("Malgun Gothic", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Thai", "Noto Sans Hebrew"),
    *("Noto Sans Arabic", "Noto Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Arial Unicode MS"),
)


@cache
def families() -> tuple[str, ...]:
    """Return the fonts to look for a sign in, in order."""
    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *(name for name in _USUAL if name in installed))


def drawable(text: str) -> str:
    """Put a box in place of every sign that no font has; what only joins or varies others is left out instead."""
    return "".join(sign if ord(sign) in _signs() else "" if _is_invisible(sign) else BOX for sign in text)


@cache
def _signs() -> frozenset[int]:
    paths = [font_manager.findfont(name) for name in families()]
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def _is_invisible(sign: str) -> bool:
    return sign in "\u200c\u200d" or "\ufe00" <= sign <= "\ufe0f"

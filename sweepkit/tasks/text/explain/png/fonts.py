"""The fonts of a picture, and the replacement of characters that no font has.

Matplotlib includes DejaVu Sans, which has Latin, Greek, Cyrillic, Arabic and Hebrew letters; other scripts are drawn if
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
    """Return the fonts in the order in which characters are looked up."""
    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *(name for name in _USUAL if name in installed))


def drawable(text: str) -> str:
    """Replace every character that no font has by a box, and leave out those that only join or vary others."""
    return "".join(sign if ord(sign) in _signs() else "" if _is_invisible(sign) else BOX for sign in text)


@cache
def _signs() -> frozenset[int]:
    paths = [font_manager.findfont(name) for name in families()]
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def _is_invisible(sign: str) -> bool:
    return sign in "\u200c\u200d" or "\ufe00" <= sign <= "\ufe0f"

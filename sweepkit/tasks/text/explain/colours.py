"""Colours of values that everyone can distinguish: blue below 0, light grey at 0, orange-brown above.

Blue and orange differ in every common kind of colour blindness. Try `background(-0.4)`.
"""

from __future__ import annotations

# From -1 to 1 in equal steps of CIELAB: lightness 97 in the middle, 45 at both ends, hues of 268 and 62 degrees.
# Equal distances from 0 are equally dark, so both sides have the same weight, also in print without colours.
ANCHORS = ("#006fb6", "#5c8fc6", "#94b0d6", "#c6d3e6", "#f6f6f6", "#e8ccba", "#d5a480", "#be7c48", "#a3560b")
DARK, LIGHT = "#000000", "#ffffff"

# One for each label; they differ in brightness too. Reference: Okabe & Ito, https://jfly.uni-koeln.de/color
LABELS = ("#b5477f", "#00795a", "#0072b2", "#d55e00", "#7a6a00", "#56b4e9", "#333333", "#e69f00")


def background(value: float) -> str:
    """Return the colour of a value, as #rrggbb; values outside of [-1, 1] have the colour of the nearer end."""
    place = (min(max(value, -1.0), 1.0) + 1) / 2 * (len(ANCHORS) - 1)
    left = min(int(place), len(ANCHORS) - 2)
    pairs = zip(_channels(ANCHORS[left]), _channels(ANCHORS[left + 1]), strict=True)
    mixed = (round(low + (high - low) * (place - left)) for low, high in pairs)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ink(colour: str) -> str:
    """Return the colour of text, black or white, that contrasts more with a background; at least 4.5 to 1."""
    return DARK if luminance(colour) > 0.179 else LIGHT


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, in [0, 1].

    Reference: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance
    """
    linear = (
        channel / 255 / 12.92 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    )
    return sum(weight * light for weight, light in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))

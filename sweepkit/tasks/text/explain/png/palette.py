"""A drawn picture as a PNG of 256 colours: a third of the size, with every colour that carries a value kept exactly.

Not for photographs. Try `indexed(picture, [(255, 255, 255)])`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_MOST = 256


def indexed(picture: bytes, exact: Iterable[tuple[int, int, int]]) -> bytes:
    """Replace the colour of each pixel by the nearest of 256: the exact ones, and the most distinct of the picture.

    Args:
        picture: in any format that Pillow reads.
        exact: at most 200 colours (red, green, blue), each in [0, 255].
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    fixed = np.array(sorted(set(exact)), np.int64)
    others = image.quantize(_MOST - len(fixed), method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette = np.concatenate([fixed, np.array(others.getpalette(), np.int64).reshape(-1, 3)])[:_MOST]
    smaller = Image.fromarray(_nearest(np.asarray(image, np.int64), palette))
    smaller.putpalette(palette.astype(np.uint8).tobytes())
    content = io.BytesIO()
    smaller.save(content, format="png", optimize=True)
    return content.getvalue()


def _nearest(pixels: NDArray[np.int64], palette: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the index of each pixel's colour; computed once for each distinct colour."""
    codes = pixels @ np.array([1 << 16, 1 << 8, 1])
    distinct, places = np.unique(codes, return_inverse=True)
    colours = np.stack([distinct >> 16, distinct >> 8 & 255, distinct & 255], axis=1)
    # |a - b|^2 less |a|^2, which is the same for every entry of the palette
    distances = (palette**2).sum(axis=1) - 2 * colours @ palette.T
    indexes: NDArray[np.uint8] = distances.argmin(axis=1).astype(np.uint8)[places].reshape(codes.shape)
    return indexes

"""Words and their indexes: 0 pads, 1 stands for unknown words, 2 ends a text; then words by frequency.

A file holds one word a line, so that a line's number minus one is the index. Try
`Vocabulary.build({"good": 3, "bad": 2}, max_size=100, min_frequency=1).encode(["good"])`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sweepkit.errors import DataError

PAD, UNKNOWN, END = 0, 1, 2
# no token is spelt like these: "<" and ">" are tokens of their own
_RESERVED = ("<pad>", "<unknown>", "<end>")


@dataclass(frozen=True)
class Vocabulary:
    """Words by index; the first three are reserved, see `PAD`, `UNKNOWN` and `END`."""

    words: tuple[str, ...]

    @classmethod
    def build(cls, counts: Mapping[str, int], *, max_size: int, min_frequency: int) -> Vocabulary:
        """Keep the most frequent words, ties in alphabetical order.

        Args:
            counts: how often each word occurs in the training texts.
            max_size: of the whole vocabulary, the three reserved words included.
            min_frequency: words that occur more rarely are left out.
        """
        frequent = [word for word, count in counts.items() if count >= min_frequency and word not in _RESERVED]
        frequent.sort(key=lambda word: (-counts[word], word))
        return cls(_RESERVED + tuple(frequent[: max(0, max_size - len(_RESERVED))]))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing, is not UTF-8 or does not start with the reserved words.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"vocabulary cannot be read: {error}", where=str(path)) from None
        words = tuple(text.removesuffix("\n").split("\n"))
        if words[: len(_RESERVED)] != _RESERVED:
            raise DataError(
                f"a vocabulary must start with the lines {', '.join(_RESERVED)}, got {words[:3]}",
                where=str(path),
            )
        return cls(words)

    def save(self, path: Path) -> None:
        """Write one word a line."""
        path.write_text("\n".join(self.words) + "\n", encoding="utf-8", newline="\n")

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Return the tokens' indexes, with `END` at the end."""
        return [self.index.get(token, UNKNOWN) for token in tokens] + [END]

    @cached_property
    def index(self) -> dict[str, int]:
        """Index by word, without the reserved ones, so that no text can spell padding."""
        return {word: i for i, word in enumerate(self.words) if i >= len(_RESERVED)}

    def __len__(self) -> int:
        return len(self.words)

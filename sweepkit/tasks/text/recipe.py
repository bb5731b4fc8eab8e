"""What preparation is told: a recipe, which decides the content, and a mapper, which decides where the work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Mapper(Protocol):
    """Where tasks run: this process, or a cluster."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], *, describe: str) -> Iterator[Result]:
        """Apply a module-level function to every item and yield the results in the order of the items."""


class InlineMapper:
    """This process, one item after the other."""

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        describe: str,  # noqa: ARG002  # nothing shows it here
    ) -> Iterator[Result]:
        """Apply the function when the result is asked for."""
        return map(function, items)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the content of prepared data besides the source.

    Attributes:
        package: the sweep package; names the folder.
        label_names: by target.
        vocab_size: most words of the vocabulary, the three reserved ones included.
        min_frequency: words that occur more rarely in train are unknown.
        lower: whether capitals are folded.
        valid_fraction: the share of train that becomes validation, in (0, 1).
        seed: of that choice, and of the vectors of words that have none.
        vector_dims: dimensions of the word vectors to align.
    """

    package: str
    label_names: tuple[str, ...]
    vocab_size: int
    min_frequency: int
    lower: bool
    valid_fraction: float
    seed: int
    vector_dims: tuple[int, ...]

"""The data of this package: where it comes from, how it is prepared, and in which batches a trial reads it.

Try `prepare_texts(recipe(settings, source), source, ...)` with `source = find_source(settings, SPACE)`.
"""

from __future__ import annotations

from sweepkit.data import BatchSettings
from sweepkit.space import Choice, Params, Space
from sweepkit.tasks.text import Recipe, Source

from . import locate
from .sources import ReviewSource
from .space import Data

LABELS = ("negative", "positive")


def find_source(settings: Data, space: Space) -> ReviewSource:
    """Locate the reviews, and the word vectors that a space may use; download what is not on this machine.

    Raises:
        DataError: a named file is missing or of an unsupported kind, or a download failed.
    """
    return locate.find_source(settings, need_vectors=needed_vectors(space))


def needed_vectors(space: Space) -> tuple[int, ...]:
    """Return the dimensions of published vectors that a space allows, smallest first."""
    dims = space.parameters.get("glove_dim")  # narrowing leaves it out where no embedding needs it
    return tuple(sorted(int(dim) for dim in dims.options)) if isinstance(dims, Choice) else ()


def recipe(settings: Data, source: Source) -> Recipe:
    """Return how the texts are prepared."""
    return Recipe(
        package="imdb",
        label_names=LABELS,
        vocab_size=settings.vocab_size,
        min_frequency=settings.min_frequency,
        lower=settings.lower,
        valid_fraction=settings.valid_fraction,
        seed=settings.seed,
        vector_dims=tuple(sorted(source.vectors)),
    )


def reading(params: Params, settings: Data) -> BatchSettings:
    """Return in which batches a trial reads the data."""
    return BatchSettings(batch_size=int(params["batch_size"]), max_len=int(params["max_len"]), keep=settings.keep)

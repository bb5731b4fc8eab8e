"""The sweep's own run in a store: reopened by its id, found by its origin, or made.

Only where the store answers; a continued sweep needs none of this (`SweepLogger.open`). Try
`find_or_create(store, store.experiment("cells"), metadata)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.tracking.errors import RefusedError
from sweepkit.tracking.run_metadata import ORIGIN_TAG, RunMetadata, source_tags
from sweepkit.tracking.uris import shown

if TYPE_CHECKING:
    from sweepkit.tracking.runs import Store


def reopen(store: Store, run_id: str, title: str) -> None:
    """Continue the run that a sweep's manifest names.

    Raises:
        InputError: the store does not have it.
        UnreachableError: the store does not answer.
    """
    try:
        store.reopen(run_id)
    except RefusedError as error:
        # not replaced by a new run: the earlier trials are children of the old one
        raise InputError(
            f"tracking store {shown(store.uri)!r} does not have the run of sweep {title!r}, {run_id}: {error}; "
            "set tracking.uri to the store that the sweep was started with, or start it anew with --new"
        ) from error


def find_or_create(store: Store, experiment_id: str, metadata: RunMetadata) -> tuple[str, bool]:
    """Return the run of a sweep whose manifest names none, and whether it was made now.

    A driver may have died between making the run and writing its id down.
    """
    run_id = store.tagged(experiment_id, ORIGIN_TAG, metadata.origin)
    if run_id:
        return run_id, False
    # the origin is set with the run, not afterwards, so that no death can come between them
    tags = {**source_tags(), **metadata.sweep_tags, ORIGIN_TAG: metadata.origin}
    return store.create_run(experiment_id, name=metadata.title, tags=tags), True


def describe(store: Store, run_id: str, metadata: RunMetadata) -> None:
    """Set tags and params of the sweep's run; a param that it has already stays as it is."""
    # MLflow refuses another value, and a continued sweep may have more trials than before
    logged = store.info(run_id).params
    new = {name: value for name, value in metadata.params.items() if name not in logged}
    store.describe(run_id, params=new, tags=metadata.sweep_tags)

"""A sweep's manifest: what its results depend on, and what is known of it only later."""

from __future__ import annotations

from sweepkit.config.schema import SweepConfig
from sweepkit.errors import DataError
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage


def versions(storage: Storage, sweep: str) -> list[str]:
    """Return the folders of a sweep that has begun, oldest first: `name`, `name-2`, …

    A manifest alone is no sweep yet: its data may have turned out to be wrong, and the next run may mend that.
    """
    names: list[str] = []
    while storage.exists(SweepPaths(candidate := f"{sweep}-{len(names) + 1}" if names else sweep).journal):
        check_manifest(storage, candidate)
        names.append(candidate)
    return names


def check_manifest(storage: Storage, sweep: str) -> None:
    """Make sure that a sweep's manifest can be used.

    Raises:
        DataError: it is missing, malformed, or says what no sweep can be.
    """
    name = SweepPaths(sweep).manifest
    try:
        found = storage.read_json(name)
        SweepConfig.model_validate(found["spec"])
        if not (isinstance(found["identity"], dict) and isinstance(found["n_trials"], int)):
            raise TypeError("identity and n_trials are of other types")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error).partition("\n")[0]
        raise DataError(
            f"the sweep's manifest cannot be used: {reason}; put it back from a backup, or start with another name",
            where=f"{storage.shown}/{name}",
        ) from None


def amend(storage: Storage, sweep: str, **facts: object) -> None:
    """Write facts that are known only later (the data's key, the tracking run) into a sweep's manifest."""
    name = SweepPaths(sweep).manifest
    storage.write_json(name, storage.read_json(name) | facts)

"""Reports on their way to the tracking store, one small file each, so that neither an outage nor a death loses one.

A file is written before a report is sent and deleted afterwards. Sending one twice changes nothing: the store
knows a metric by its key, step and timestamp.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweepkit.storage.layout import TrialPaths
from sweepkit.storage.storage import Storage
from sweepkit.tracking.connect import connect
from sweepkit.trial.trial import Report

if TYPE_CHECKING:
    from sweepkit.tracking.runs import Store

logger = logging.getLogger(__name__)


def write(storage: Storage, paths: TrialPaths, report: Report, tags: Mapping[str, str]) -> None:
    """Put a report into the trial's spool, with tags to set on its run."""
    storage.write_json(paths.spooled(report.epoch), {"report": report.to_json(), "tags": dict(tags)})


def is_behind(storage: Storage, paths: TrialPaths) -> bool:
    """Tell whether more waits than the latest report, which its worker may be sending at this moment."""
    return len(storage.names(paths.spool)) > 1


def is_empty(storage: Storage, paths: TrialPaths) -> bool:
    """Tell whether all has been sent."""
    return not storage.names(paths.spool)


def send(store: Store, run_id: str, storage: Storage, paths: TrialPaths) -> int:
    """Send what is in the spool, oldest first, and return how many reports that were.

    Raises:
        StoreError: the store failed; what it has not got is still in the spool.
    """
    n_sent = 0
    for file in storage.names(paths.spool):
        name = f"{paths.spool}/{file}"
        try:
            content = storage.read_json(name)
        except FileNotFoundError:  # the worker and the driver may both be at it
            continue
        except ValueError:
            logger.warning("%s is damaged; `python -m sweepkit sync` takes its report from the journal", name)
            continue
        report = Report.from_json(content["report"])
        store.record(
            run_id,
            metrics=report.metrics,
            step=report.epoch,
            timestamp=report.timestamp,
            tags=content["tags"],
        )
        storage.delete(name)
        n_sent += 1
    return n_sent


def clear(storage: Storage, paths: TrialPaths) -> None:
    """Delete what is left in the spool, which the store has from elsewhere."""
    for file in storage.names(paths.spool):
        storage.delete(f"{paths.spool}/{file}")


def replay(uri: str, run_id: str, storage: Storage, paths: TrialPaths) -> int:
    """Send what a trial left in its spool, and return how many reports that were.

    Raises:
        InputError: the store is a file that cannot be written.
        StoreError: the store failed; what it has not got is still in the spool.
    """
    return 0 if is_empty(storage, paths) else send(connect(uri), run_id, storage, paths)

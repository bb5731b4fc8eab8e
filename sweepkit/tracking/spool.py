"""Reports on their way to the tracking store, one small file each, so that neither an outage nor a death loses one.

A file is written before a report is sent and deleted afterwards. Sending a report twice changes nothing: the store
identifies a metric's entry by key, step and timestamp. Try `write(folder.trial(7), report, {})`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.trial.trial import Report

if TYPE_CHECKING:
    from sweepkit.tracking.runs import Store

logger = logging.getLogger(__name__)


def write(folder: TrialFolder, report: Report, tags: Mapping[str, str]) -> None:
    """Put a report into the trial's spool, with tags to set on its run."""
    folder.storage.write_json(folder.paths.spooled(report.epoch), {"report": report.to_json(), "tags": dict(tags)})


def is_behind(folder: TrialFolder) -> bool:
    """Return whether more waits than the latest report, which its worker may be sending at this moment."""
    return len(folder.storage.names(folder.paths.spool)) > 1


def is_empty(folder: TrialFolder) -> bool:
    """Return whether everything has been sent."""
    return not folder.storage.names(folder.paths.spool)


def send(store: Store, run_id: str, folder: TrialFolder) -> int:
    """Send what is in the spool, oldest first, and return how many reports that were.

    Raises:
        StoreError: a request failed; its report and all later ones are still in the spool.
    """
    n_sent = 0
    for file in folder.storage.names(folder.paths.spool):
        name = f"{folder.paths.spool}/{file}"
        try:
            content = folder.storage.read_json(name)
        except FileNotFoundError:  # the worker and the driver may send at the same time, and the other was first
            continue
        except ValueError:
            # left where it is: the journal has the report, and only `sync` reads that
            logger.warning("%s is damaged; `python -m sweepkit sync` takes its report from the journal", name)
            continue
        report = Report.from_json(content["report"])
        store.log_metrics(run_id, report.metrics, step=report.epoch, timestamp=report.timestamp, tags=content["tags"])
        folder.storage.delete(name)
        n_sent += 1
    return n_sent


def clear(folder: TrialFolder) -> None:
    """Delete what is left in the spool after its reports were uploaded from the journal."""
    for file in folder.storage.names(folder.paths.spool):
        folder.storage.delete(f"{folder.paths.spool}/{file}")

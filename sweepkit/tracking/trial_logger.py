"""What a worker logs to the tracking store: each report, without waiting for the store.

A report is written into the trial's spool. Where the store is a server, a thread, which also imports mlflow, sends it
from there to the trial's run. Where the store is a file on the driver's machine, the driver empties the spool
(`SweepLogger.collect`), so that the file has one writer and workers never import mlflow.
Try `log = TrialLogger(target, folder.trial(7)); log.log(report); log.close()`.
"""

from __future__ import annotations

import functools
import logging
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from sweepkit.storage.sweep_folder import TrialFolder
from sweepkit.tracking import spool
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import StoreError
from sweepkit.tracking.pending_runs import is_pending
from sweepkit.tracking.uris import is_file, shown
from sweepkit.trial.request import TrialRequest, TrialSettings
from sweepkit.trial.trial import Report

logger = logging.getLogger(__name__)
_connect = functools.cache(connect)  # once a process: a worker runs many trials, and importing mlflow takes seconds


@dataclass(frozen=True, slots=True)
class TrackingTarget:
    """The run that a worker logs to.

    Attributes:
        uri: the store.
        run_id: the trial's run; None, or a pending id, while the store has not made one yet.
    """

    uri: str
    run_id: str | None

    @property
    def is_reachable(self) -> bool:
        """Whether a worker can write to the run itself."""
        # a store that is a file is on the driver's machine, and SQLite locks it for every writer
        return self.run_id is not None and not is_pending(self.run_id) and not is_file(self.uri)


def open_trial_logger(trial_settings: TrialSettings, request: TrialRequest, folder: TrialFolder) -> TrialLogger | None:
    """Return the logger of a trial's reports; None when tracking is off."""
    if trial_settings.tracking_uri is None:
        return None
    target = TrackingTarget(trial_settings.tracking_uri, request.run_id)
    # the worker's host, in the place of the driver's, which a run has from its start
    return TrialLogger(target, folder, tags={"sweepkit.host": socket.gethostname()})


class TrialLogger:
    """Logs one trial's reports to its run.

    Args:
        target: the store and the run.
        folder: with the spool.
        tags: set on the run together with the first report.
    """

    def __init__(self, target: TrackingTarget, folder: TrialFolder, *, tags: Mapping[str, str] | None = None) -> None:
        self._target, self._folder = target, folder
        self._tags = dict(tags or {})
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        if target.is_reachable:
            # a daemon: a store that hangs must not keep a worker alive, and the spool keeps every report
            self._thread = threading.Thread(target=self._send_all, name="sweepkit-trial-log", daemon=True)
            self._thread.start()

    def log(self, report: Report) -> None:
        """Log a report; returns as soon as it is in the spool."""
        spool.write(self._folder, report, self._tags)
        self._tags = {}  # once is enough, and every report would be a longer request
        self._wake.set()

    def close(self, timeout_s: float = 0.0) -> bool:
        """Stop after the reports that are being sent, and return whether all have arrived.

        The driver sends the rest.

        Args:
            timeout_s: how long to wait for them. A worker does not wait: its next trial is due.
        """
        if self._thread:
            self._closing.set()
            self._wake.set()
            self._thread.join(timeout_s)
        return spool.is_empty(self._folder)

    def _send_all(self) -> None:
        assert self._target.run_id is not None, "a reachable target has a run"
        is_last = False
        while not is_last:
            self._wake.wait()
            # cleared before the spool is read: a report that arrives meanwhile wakes the thread again
            self._wake.clear()
            is_last = self._closing.is_set()
            try:
                spool.send(_connect(self._target.uri), self._target.run_id, self._folder)
            except StoreError as error:  # retried with the next report, and by the driver
                logger.info("tracking store %s: %s", shown(self._target.uri), error)
            except Exception:  # MLflow is a view; a defect there must not fail the trial that it shows
                logger.exception("tracking of %s failed", self._folder.paths.root)

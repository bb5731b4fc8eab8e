"""What a worker logs to the tracking store: each report, without waiting for the store.

A report goes into the trial's spool and, where the store is a server, from there to the trial's run by a thread
of its own, which also imports mlflow. Where the store is a file on the driver's machine, the driver empties the
spool (`SweepLogger.collect`), so that a file has one writer and workers never import mlflow.
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
_connect = functools.cache(connect)  # once a process: trials of a warm worker share it


@dataclass(frozen=True, slots=True)
class TrackingTarget:
    """What a worker is told of tracking.

    Attributes:
        uri: the store.
        run_id: the trial's run; None, or a pending id, while the store has not made one yet.
    """

    uri: str
    run_id: str | None

    @property
    def is_reachable(self) -> bool:
        """Tell whether a worker can write to the run itself.

        A store that is a file is on the driver's machine, and a single writer suits it best.
        """
        return self.run_id is not None and not is_pending(self.run_id) and not is_file(self.uri)


def open_trial_logger(trial_settings: TrialSettings, request: TrialRequest, folder: TrialFolder) -> TrialLogger | None:
    """Return where a trial's reports go; None when tracking is off."""
    if trial_settings.tracking_uri is None:
        return None
    target = TrackingTarget(trial_settings.tracking_uri, request.run_id)
    return TrialLogger(target, folder, tags={"sweepkit.host": socket.gethostname()})


class TrialLogger:
    """The way of one trial's reports to its run.

    Args:
        target: the store and the run.
        folder: where the spool is.
        tags: set on the run together with the first report.
    """

    def __init__(self, target: TrackingTarget, folder: TrialFolder, *, tags: Mapping[str, str] | None = None) -> None:
        self._target, self._folder = target, folder
        self._tags = dict(tags or {})
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        if target.is_reachable:
            # a daemon: a store that hangs must not keep a worker alive, and the spool has it all
            self._thread = threading.Thread(target=self._send_all, name="sweepkit-trial-log", daemon=True)
            self._thread.start()

    def log(self, report: Report) -> None:
        """Take a report; returns as soon as it is in the spool."""
        spool.write(self._folder, report, self._tags)
        self._tags = {}
        self._wake.set()

    def close(self, timeout_s: float = 0.0) -> bool:
        """Let what is under way go on, and tell whether all has arrived; the rest is left to the driver.

        Args:
            timeout_s: how long to wait for it. The next trial must not, so a worker does not wait at all.
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
            self._wake.clear()
            is_last = self._closing.is_set()
            try:
                spool.send(_connect(self._target.uri), self._target.run_id, self._folder)
            except StoreError as error:  # the next report is the next attempt
                logger.info("tracking store %s: %s", shown(self._target.uri), error)
            except Exception:  # a view that fails must not fail what it shows
                logger.exception("tracking of %s failed", self._folder.paths.root)

"""What the driver tells the tracking store: a run for the sweep, one below it for each trial, and how each ended.

Nothing here waits for the store but `SweepLogger.open`; all else goes through one background thread, in order. When
the store is away or slow, a trial starts with a pending run id, which stands for its run until there is one.
Try `tracker = SweepLogger.open(uri=None, experiment="cells", sweep="cells")`.
"""

from __future__ import annotations

import getpass
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweepkit.errors import InputError
from sweepkit.space import Value
from sweepkit.storage.layout import TrialPaths
from sweepkit.storage.storage import Storage
from sweepkit.tracking import run_endings, spool
from sweepkit.tracking.connect import connect
from sweepkit.tracking.errors import ORIGIN_TAG, REMEDY, TRIAL_TAG, AwayError, RefusedError, StoreError
from sweepkit.tracking.pending_runs import PendingRuns, is_pending
from sweepkit.tracking.queue import Background
from sweepkit.tracking.uris import is_file, located, shown

if TYPE_CHECKING:
    from sweepkit.tracking.runs import Store

logger = logging.getLogger(__name__)

_SOURCE_TAGS = {"mlflow.source.name": "sweepkit", "mlflow.source.type": "LOCAL"}


class SweepLogger:
    """The runs of one sweep. Made by `open`; its methods are for one thread, the driver's.

    Attributes:
        uri: the store, as a worker on this machine may open it.
        parent_run_id: the sweep's own run.
        remedy: what to do when the store has not been told all in the end; for a message.
        is_behind: whether the store may not know all of the sweep's earlier runs.
    """

    def __init__(
        self,
        store: Store,
        *,
        experiment_id: str | None,
        parent_run_id: str,
        retry_s: float = 5.0,
    ) -> None:
        self.uri, self.parent_run_id, self.remedy, self.is_behind = store.uri, parent_run_id, "", False
        self._store, self._experiment_id = store, experiment_id
        self._background = Background(
            f"tracking store {shown(store.uri)}",
            retry_s=retry_s,
            # what it has already, said again
            probe=lambda: store.record(parent_run_id, tags={"mlflow.source.name": "sweepkit"}),
        )
        self._pending = PendingRuns(store.uri, self._background)

    @property
    def experiment_id(self) -> str:
        """MLflow's id of the experiment; asks the store where it was away until now."""
        if self._experiment_id is None:
            self._experiment_id = self._store.experiment_of(self.parent_run_id)
        return self._experiment_id

    @classmethod
    def open(
        cls,
        *,
        uri: str | None,
        experiment: str,
        sweep: str,
        parent_run_id: str | None = None,
        origin: str | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> SweepLogger:
        """Open the store and the sweep's run; may be called in any thread.

        A sweep that goes on needs no store for that: one that is away is told everything later.

        Args:
            uri: the store; None means MLFLOW_TRACKING_URI or, without that, mlflow.db in the working directory.
            experiment: by name, made if need be.
            sweep: the name of the sweep's run.
            parent_run_id: the sweep's run where it has one, to go on with it.
            origin: tells this sweep from all others, so that a run is found that was made just before a death.
            tags: of the sweep's run; they may replace those that are set here.
            params: of the sweep's run; one that it has already stays as it is.

        Raises:
            InputError: the store or the experiment cannot be used, or does not have the run.
        """
        uri = located(uri)
        try:
            store = connect(uri)
            experiment_id = store.experiment(experiment)
            if parent_run_id is None:
                parent_run_id = _found_or_made(store, experiment_id, sweep, origin)
            else:
                _go_on(store, parent_run_id, sweep)
            _describe(store, parent_run_id, sweep, tags or {}, params or {})
        except StoreError as error:
            if isinstance(error, AwayError) and parent_run_id is not None and not is_file(uri):
                return cls._open_later(store, parent_run_id, sweep, tags or {}, params or {})
            what = "cannot be reached" if isinstance(error, AwayError) else "cannot be used"
            raise InputError(f"tracking store {shown(uri)!r} {what}: {error}; {REMEDY}") from error
        return cls(store, experiment_id=experiment_id, parent_run_id=parent_run_id)

    @classmethod
    def _open_later(
        cls, store: Store, parent_run_id: str, sweep: str, tags: Mapping[str, str], params: Mapping[str, str]
    ) -> SweepLogger:
        sweep_logger = cls(store, experiment_id=None, parent_run_id=parent_run_id)
        sweep_logger._tell(parent_run_id, store.reopen)
        sweep_logger._tell(parent_run_id, lambda real: _describe(store, real, sweep, tags, params))
        return sweep_logger

    def log_dataset(
        self, run_id: str, *, name: str, digest: str, source: str, profile: Mapping[str, object], context: str
    ) -> None:
        """Say that a run reads this data; `context` is what for: training, validation."""
        self._tell(
            run_id,
            lambda real: self._store.add_dataset(
                real, name=name, digest=digest, source=source, profile=profile, context=context
            ),
        )

    def start_trial(
        self,
        *,
        number: int,
        name: str,
        params: Mapping[str, Value],
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        may_exist: bool = False,
    ) -> str:
        """Return the id of a trial's run: `run_id` if it has one to go on with, otherwise of a new one.

        It is a pending id while the store is away; every method takes that too. `may_exist` is for a trial whose
        driver may have died when it had made a run and not written its id down: it is looked for first.
        """
        shown_params = {name: str(value) for name, value in params.items()}
        if run_id is not None and not is_pending(run_id):
            self._tell(run_id, self._store.reopen)
        else:
            all_tags = {**source_tags(), **(tags or {})}
            run_id = self._make_run(number, name, all_tags, may_exist=may_exist or run_id is not None)
        self._tell(run_id, lambda real: self._store.record(real, params=shown_params))
        return run_id

    def collect(self, run_id: str, storage: Storage, paths: TrialPaths, *, has_ended: bool = False) -> None:
        """Send what a trial's worker cannot send itself; call it after each report, and when the trial has ended.

        A worker does it itself where the store is a server, unless it dies or the store was away; then what has
        piled up is sent from here as soon as the store is back.
        """
        is_ours = has_ended or is_file(self.uri) or is_pending(run_id)

        def send(real: str) -> None:
            if is_ours or spool.is_behind(storage, paths):
                spool.send(self._store, real, storage, paths)

        self._tell(run_id, send)

    def end_trial(
        self,
        run_id: str,
        *,
        state: run_endings.TrialOutcome,
        reason: str,
        best_value: float | None,
        best_epoch: int | None,
        metric: str,
        at: float | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write down how a trial ended, with its best value of `metric`, if it has one, and the epoch of that.

        `at` is when, in seconds since 1970, None for now; `tags` are what else there is to say, like a traceback.
        """
        ending = run_endings.of_trial(
            state=state, reason=reason, best_value=best_value, best_epoch=best_epoch, metric=metric, tags=tags
        )
        self._end(run_id, ending, time.time() if at is None else at)

    def log_checkpoint(self, run_id: str, local_folder: Path, *, name: str = "checkpoint") -> None:
        """Copy a folder to a run's artifacts; it must stay until `flush` or `close` has returned."""
        self._tell(run_id, lambda real: self._store.upload(real, local_folder, name=name))

    def finish(
        self,
        *,
        status: run_endings.SweepEnd,
        leaderboard: Mapping[str, Sequence[object]],
        best: Mapping[str, object],
        metric: str | None = None,
        ended: Sequence[tuple[str, int]] = (),
        at: float | None = None,
    ) -> None:
        """End the sweep's run.

        Args:
            status: how the sweep ended.
            leaderboard: the columns of a table of trials, which becomes the artifact leaderboard.json.
            best: what there is to know of the best trial, empty if there is none; becomes tags of the run.
            metric: which of it is the objective, and becomes a metric.
            ended: why trials ended and how many did so, for the description.
            at: when its last trial ended, in seconds since 1970; None for now.
        """
        run_id = self.parent_run_id
        if leaderboard:
            table = {name: list(values) for name, values in leaderboard.items()}
            self._tell(run_id, lambda real: self._store.put_table(real, name="leaderboard.json", columns=table))
        ending = run_endings.of_sweep(status=status, best=best, metric=metric, ended=ended)
        self._end(run_id, ending, time.time() if at is None else at)

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until the store has been told all; False when the time is up or the store is away."""
        return self._background.flush(timeout_s)

    def close(self, timeout_s: float = 30.0) -> bool:
        """Tell the store what is left and stop; False, with a warning that says what to do, when that is impossible."""
        n_left = self._background.close(timeout_s) + self._background.n_lost
        if n_left:
            logger.warning(
                "tracking store %s has not been told everything; nothing is lost%s",
                shown(self.uri),
                self.remedy and f", and {self.remedy}",
            )
        return n_left == 0

    def _make_run(self, number: int, name: str, tags: Mapping[str, str], *, may_exist: bool) -> str:
        tags = {"mlflow.parentRunId": self.parent_run_id, TRIAL_TAG: str(number), **tags}

        def create(may_exist: bool) -> str:
            found = self._store.child(self.experiment_id, self.parent_run_id, number) if may_exist else None
            return found or self._store.create_run(self.experiment_id, name=name, tags=tags)

        return self._pending.make(number, create, may_exist=may_exist)

    def _end(self, run_id: str, ending: run_endings.Ending, at: float) -> None:
        self._tell(
            run_id,
            lambda real: self._store.record(real, metrics=ending.metrics, timestamp=at, tags=ending.tags),
        )
        self._tell(run_id, lambda real: self._store.end(real, ending.status, at=at))

    def _tell(self, run_id: str, call: Callable[[str], object]) -> None:
        """Make a call in the background, with the real id of a run that may be pending."""
        self._background.put(lambda: call(self._pending.real(run_id)))


def _found_or_made(store: Store, experiment_id: str, sweep: str, origin: str | None) -> str:
    found = store.tagged(experiment_id, ORIGIN_TAG, origin) if origin else None
    if found:
        store.reopen(found)
        return found
    own = {ORIGIN_TAG: origin} if origin else {}
    return store.create_run(experiment_id, name=sweep, tags={**source_tags(), **own})


def _go_on(store: Store, run_id: str, sweep: str) -> None:
    try:
        store.reopen(run_id)
    except RefusedError as error:
        raise InputError(
            f"tracking store {shown(store.uri)!r} does not have the run of sweep {sweep!r}, {run_id}: {error}; "
            "set tracking.uri to the store that the sweep was started with, or start it anew with --new"
        ) from error


def _describe(store: Store, run_id: str, sweep: str, tags: Mapping[str, str], params: Mapping[str, str]) -> None:
    """Set tags and params of the sweep's run; a param that it has already stays as it is."""
    known = store.params(run_id)
    new = {name: value for name, value in params.items() if name not in known}
    store.record(run_id, params=new, tags={"sweepkit.sweep": sweep, **tags})


def source_tags() -> dict[str, str]:
    """Return what MLflow shows as the source and the user of a run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return _SOURCE_TAGS
    return _SOURCE_TAGS | {"mlflow.user": user}

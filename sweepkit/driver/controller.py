"""The referee of a running sweep: hands out trials, hears their reports, stops and ends them, and keeps everyone
informed.

It has no thread and no loop: a runner (Ray Tune, or the plain loop of `inline`) calls it. Every call is short, since
Ray's single control loop waits for it. Try
`SweepController(study, spec, storage=storage, runs=None, observer=observer).next_task()`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sweepkit.driver.observer import Observer, SweepProgress
from sweepkit.driver.tracking import SweepRuns
from sweepkit.errors import StorageFault
from sweepkit.redaction import hidden
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.storage.write_errors import writing
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.study.usage import Usage, exhausted_limit, usage
from sweepkit.trial import early_stopping
from sweepkit.trial.failure import Failure, last_line
from sweepkit.trial.leaderboard import ranked
from sweepkit.trial.request import TrialRequest, trial_seed
from sweepkit.trial.trial import Report, Trial, TrialState

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class DriverContext:
    """The process that drives a sweep.

    Attributes:
        n_workers: how many trials run at once, which is what money is counted by.
        lost: says why this driver must stop; None while it may go on.
        clock: in seconds.
        now: in seconds since 1970.
    """

    n_workers: int = 1
    lost: Callable[[], str | None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


class SweepController:
    """Implements `runners.interface.Controller` over one study."""

    def __init__(
        self,
        study: SweepStudy,
        folder: SweepFolder,
        observer: Observer,
        *,
        runs: SweepRuns | None = None,
        context: DriverContext | None = None,
    ) -> None:
        """Take up a study where it stands.

        Args:
            study: the sweep's trials.
            folder: where its checkpoints are.
            observer: is called with whatever happens.
            runs: the sweep's runs in the tracking store; None when tracking is off.
            context: the driver's process.
        """
        self._study, self._folder, self._observer, self._runs = study, folder, observer, runs
        self._config, self._direction = study.config, study.config.objective.direction
        self._context = context or DriverContext()
        self._started = self._context.clock()
        trials = study.trials()
        self._before = usage(study.runs(), trials)
        self._n_epochs = self._before.epochs
        self._ended: dict[int, Trial] = {r.number: r for r in trials if r.state}
        self._waiting = study.unfinished()
        self._inherited = [trial.number for trial in self._waiting]
        self._running: dict[int, Trial] = {}
        self._kept = {
            r.number for r in ranked(list(self._ended.values()), self._direction)[: self._config.storage.keep]
        }
        self._n_ended_before = len(self._ended)
        self.over: str | None = None
        self._fault: StorageFault | None = None

    def next_trial(self) -> TrialRequest | None:
        """Hand out trials that have begun first, then new ones; None when there are no more or the sweep is over."""
        return self._guarded(self._next_task, otherwise=None)

    def _next_task(self) -> TrialRequest | None:
        self._end_what_had_ended()
        if self.is_over():
            return None
        again = self._study.resume(self._waiting.pop(0).number) if self._waiting else None
        trial = again or self._study.ask()
        if trial is None:
            return None
        run_id = self._open_run(trial, resumes=again is not None)
        self._running[trial.number] = trial
        self._observer.started(trial, self.progress())
        return TrialRequest(
            number=trial.number,
            params=dict(trial.params),
            seed=trial_seed(self._config.search.seed, trial.number),
            epochs_reported=trial.epoch,
            resumes=again is not None,
            run_id=run_id,
            attempt=len(trial.failures) + 1,
            known=tuple(report.to_json() for report in trial.reports),
        )

    def reported(self, number: int, report: Report) -> bool:
        """Write a report down; True when the trial ends with it, or can't go on for now."""
        return self._guarded(lambda: self._fault is not None or self._reported(number, report), otherwise=True)

    def _reported(self, number: int, report: Report) -> bool:
        decision = self._study.report(number, report)
        n_before = self._running[number].epoch
        trial = self._running[number] = self._study.trial(number)
        self._n_epochs += trial.epoch - n_before
        metric = self._config.objective.metric
        # where the loss is not finite, nobody validated; otherwise every other trial would report the same
        if decision and metric not in report.metrics and not early_stopping.not_finite(report, metric):
            self.over = decision.reason
        if decision:
            self._end(number, decision)
        elif trial.epoch > n_before:  # or it was trained again, and everybody has heard of it
            if self._runs:
                self._runs.collect(trial)
            self._observer.reported(trial, self.progress())
        return decision is not None

    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        """Write down how an attempt ended, and hand the trial out again unless its retries are used up.

        What comes after a trial's end changes nothing.
        """
        if number not in self._running:
            logger.warning("trial %d has ended already; its worker said: %s", number, error)
        elif self._fault is None:  # otherwise it goes on when the sweep does
            # the journal would hide them itself; this is for what is shown and logged
            self._guarded(lambda: self._failed(number, hidden(error), counts=counts), otherwise=None)

    def returned(self, number: int, why: str) -> None:
        """Take back a trial that was handed out and never begun; its turn comes again at once."""
        del self._running[number]
        self._waiting.insert(0, self._study.trial(number))
        self._remark(f"trial {number} is given to another worker: {why}")

    def halted(self, fault: StorageFault) -> None:
        """End the sweep; its trials stay unfinished, for the same command to go on with."""
        self._fault = self._fault or fault
        self.over = self.over or str(fault)

    def check(self) -> None:
        """Raise the StorageFault that ended the sweep, if one did."""
        if self._fault:
            raise self._fault

    def _guarded(self, call: Callable[[], _Result], *, otherwise: _Result) -> _Result:
        """Make a call; if the storage does not take what it writes, most of it into the journal, end the sweep."""
        try:
            with writing(self._folder.shown(self._folder.paths.journal)):
                return call()
        except StorageFault as fault:
            self.halted(fault)
            return otherwise

    def _failed(self, number: int, error: str, *, counts: bool) -> None:
        failure = Failure(self._running[number].epoch, error, counts, self._context.now())
        if self._study.record_failure(number, failure):
            self._try_again(number, failure)
        else:
            self._give_up(number, error)

    def is_over(self) -> bool:
        """Say whether a budget or the allowed failures are used up; `over` then says which."""
        budget = self._config.budget
        n_failed = self._count(TrialState.FAILED)
        if self.over is None and n_failed > budget.failures:
            self.over = f"{n_failed} trials failed, more than budget.failures: {budget.failures} allows"
        if self.over is None:
            self.over = exhausted_limit(budget, self.usage()) or self._context.lost()
        return self.over is not None

    def usage(self) -> Usage:
        """Return what the sweep has spent, earlier runs included."""
        elapsed, before = self._elapsed(), self._before
        return Usage(
            before.seconds + elapsed, before.worker_seconds + elapsed * self._context.n_workers, self._n_epochs
        )

    def progress(self) -> SweepProgress:
        """Return the counts, the leader and the time that is left."""
        seen = [*self._ended.values(), *self._running.values()]
        leaders = ranked(seen, self._direction)
        return SweepProgress(
            n_target=self._study.n_target,
            n_running=len(self._running),
            n_ended={state: self._count(state) for state in TrialState},
            best=leaders[0] if leaders else None,
            elapsed_s=self._elapsed(),
            eta_s=self._eta(),
        )

    def _try_again(self, number: int, failure: Failure) -> None:
        del self._running[number]
        trial = self._study.trial(number)
        self._waiting.append(trial)
        which = len(trial.failures)
        free = "" if failure.counts else " (which does not count)"
        again = f"attempt {which + 1} goes on after epoch {failure.epoch}"
        self._remark(f"trial {number} attempt {which}: {failure.summary}{free}; {again}")

    def _give_up(self, number: int, error: str) -> None:
        self._study.note(number, "error", error)
        folder = self._folder.trial(number)
        log = folder.shown(folder.paths.log)
        self._end(number, Decision(TrialState.FAILED, f"{last_line(error)} (log: {log})"))

    def _remark(self, text: str) -> None:
        logger.info(text)
        self._observer.remarked(text)

    def _end_what_had_ended(self) -> None:
        """Give trials of an earlier run the end to which their last report had brought them when the driver died."""
        inherited, self._inherited = self._inherited, []
        for number in inherited:
            if decision := self._study.decide_again(number):
                self._waiting = [trial for trial in self._waiting if trial.number != number]
                # resumed first, or the time since that death would count as the trial's
                self._running[number] = self._study.resume(number)
                self._end(number, decision)

    def _end(self, number: int, decision: Decision) -> None:
        self._study.finish(number, decision)
        del self._running[number]
        trial = self._ended[number] = self._study.trial(number)
        logger.info("trial %d %s: %s", number, decision.state.value, decision.reason)
        if self._runs:
            self._runs.end(trial)
        self._keep_the_best(trial)
        self._observer.ended(trial, self.progress())

    def _open_run(self, trial: Trial, *, resumes: bool) -> str | None:
        if self._runs is None:
            return None
        run_id = self._runs.start(trial, resumes=resumes)
        if run_id != trial.run_id:
            self._study.note(trial.number, "run_id", run_id)
        return run_id

    def _keep_the_best(self, newest: Trial) -> None:
        """Delete the checkpoints of ended trials that are no longer among the `storage.keep` best."""
        best = ranked(list(self._ended.values()), self._direction)[: self._config.storage.keep]
        kept = {trial.number for trial in best}
        for number in (self._kept | {newest.number}) - kept:
            self._folder.storage.delete(self._folder.paths.trial(number).checkpoints)
        self._kept = kept

    def _count(self, state: TrialState) -> int:
        return sum(trial.state is state for trial in self._ended.values())

    def _elapsed(self) -> float:
        return self._context.clock() - self._started

    def _eta(self) -> float | None:
        """Assume that trials go on ending at the pace of this run so far."""
        n_here = len(self._ended) - self._n_ended_before
        if n_here == 0:
            return None
        return self._elapsed() / n_here * (self._study.n_target - len(self._ended))

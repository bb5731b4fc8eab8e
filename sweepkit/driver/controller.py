"""The controller of a running sweep: hands out trials, takes their reports, ends them, and calls the callback.

It has no thread and no loop: a runner (Ray Tune, or the plain loop of `inline`) calls it. Every call is short, since
Ray's single control loop waits for it. What is decided of a trial comes from the study, and is in the journal before
anyone else hears of it. Try `SweepController(study, folder, callback).next_trial()`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sweepkit.driver.callback import SweepCallback, SweepProgress
from sweepkit.driver.context import DriverContext
from sweepkit.driver.retention import CheckpointRetention
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


class SweepController:
    """Implements `runners.interface.Controller` over one study."""

    def __init__(
        self,
        study: SweepStudy,
        folder: SweepFolder,
        callback: SweepCallback,
        *,
        runs: SweepRuns | None = None,
        context: DriverContext | None = None,
    ) -> None:
        """Take up a study where it stands.

        Args:
            study: the sweep's trials.
            folder: where its checkpoints are.
            callback: is called with whatever happens.
            runs: the sweep's runs in the tracking store; None when tracking is off.
            context: the driver's process.
        """
        self._study, self._folder, self._callback, self._runs = study, folder, callback, runs
        self._config, self._context = study.config, context or DriverContext()
        self._started = self._context.clock()
        trials = study.trials()
        self._before = usage(study.runs(), trials)
        self._n_epochs = self._before.epochs
        # a trial is in exactly one of these three
        self._waiting = study.unfinished()
        self._running: dict[int, Trial] = {}
        self._ended: dict[int, Trial] = {trial.number: trial for trial in trials if trial.state}
        self._inherited = [trial.number for trial in self._waiting]
        self._n_ended_before = len(self._ended)
        self._retention = CheckpointRetention(folder, study.config, self._ended.values())
        self.over: str | None = None
        self._fault: StorageFault | None = None

    def next_trial(self) -> TrialRequest | None:
        """Hand out trials that have begun first, then new ones; None when there are no more or the sweep is over."""
        return self._guarded(self._next_trial, otherwise=None)

    def reported(self, number: int, report: Report) -> bool:
        """Write a report down; True when the trial ends with it, or can't go on for now."""
        return self._guarded(lambda: self._fault is not None or self._reported(number, report), otherwise=True)

    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        """Write down how an attempt failed, and hand the trial out again unless its retries are used up.

        What comes after a trial's end changes nothing.
        """
        if number not in self._running:
            logger.warning("trial %d had ended already when its worker failed: %s", number, error)
        elif self._fault is None:  # otherwise it goes on when the sweep does
            # the journal hides credentials itself; this is for what is shown and logged
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

    def is_over(self) -> bool:
        """Tell whether a budget or the allowed failures are used up; `over` is then the reason."""
        budget = self._config.budget
        n_failed = self._count(TrialState.FAILED)
        if self.over is None and n_failed > budget.failures:
            self.over = f"{n_failed} trials failed, more than budget.failures: {budget.failures} allows"
        if self.over is None:
            self.over = exhausted_limit(budget, self.usage()) or self._context.lost()
        return self.over is not None

    def usage(self) -> Usage:
        """Return what the sweep has used, earlier runs included."""
        elapsed, before = self._elapsed(), self._before
        # a worker costs from the first trial to the last, busy or not, which is what a cluster bills
        worker_seconds = before.worker_seconds + elapsed * self._context.n_workers
        return Usage(before.seconds + elapsed, worker_seconds, self._n_epochs)

    def progress(self) -> SweepProgress:
        """Return the counts, the leader and the time that is left."""
        leaders = ranked([*self._ended.values(), *self._running.values()], self._config.objective.direction)
        return SweepProgress(
            n_target=self._study.n_target,
            n_running=len(self._running),
            n_ended={state: self._count(state) for state in TrialState},
            best=leaders[0] if leaders else None,
            elapsed_s=self._elapsed(),
            eta_s=self._eta(),
        )

    def _guarded(self, call: Callable[[], _Result], *, otherwise: _Result) -> _Result:
        """Make a call; if the storage does not take what it writes, most of it into the journal, end the sweep."""
        try:
            with writing(self._folder.shown(self._folder.paths.journal)):
                return call()
        except StorageFault as fault:
            self.halted(fault)
            return otherwise

    def _next_trial(self) -> TrialRequest | None:
        self._end_inherited()
        if self.is_over():
            return None
        resumed = self._study.resume(self._waiting.pop(0).number) if self._waiting else None
        trial = resumed or self._study.ask()
        if trial is None:
            return None
        run_id = self._open_run(trial, resumes=resumed is not None)
        self._running[trial.number] = trial
        self._callback.on_trial_start(trial, self.progress())
        seed = trial_seed(self._config.search.seed, trial.number)
        return TrialRequest.of(trial, seed=seed, resumes=resumed is not None, run_id=run_id)

    def _end_inherited(self) -> None:
        """End the trials of an earlier run whose last report had ended them when the driver died.

        That closes every gap between two lines of the journal, and it is how a trial that goes on after an extension
        meets the rung that was its last epoch.
        """
        inherited, self._inherited = self._inherited, []
        for number in inherited:
            if decision := self._study.decide_again(number):
                self._waiting = [trial for trial in self._waiting if trial.number != number]
                # resumed first, or the time since that death would count as the trial's
                self._running[number] = self._study.resume(number)
                self._end(number, decision)

    def _open_run(self, trial: Trial, *, resumes: bool) -> str | None:
        if self._runs is None:
            return None
        run_id = self._runs.start(trial, resumes=resumes)
        if run_id != trial.run_id:
            self._study.note(trial.number, "run_id", run_id)
        return run_id

    def _reported(self, number: int, report: Report) -> bool:
        decision = self._study.report(number, report)
        n_before = self._running[number].epoch
        trial = self._running[number] = self._study.trial(number)
        self._n_epochs += trial.epoch - n_before
        metric = self._config.objective.metric
        # every other trial would report the same metrics; where the loss is not finite, nothing was validated
        if decision and metric not in report.metrics and not early_stopping.not_finite(report, metric):
            self.over = decision.reason
        if decision:
            self._end(number, decision)
        elif trial.epoch > n_before:  # otherwise it was trained again, and has been passed on before
            if self._runs:
                self._runs.collect(trial)
            self._callback.on_trial_report(trial, self.progress())
        return decision is not None

    def _failed(self, number: int, error: str, *, counts: bool) -> None:
        failure = Failure(self._running[number].epoch, error, counts, self._context.now())
        if self._study.record_failure(number, failure):
            self._retry(number, failure)
        else:
            self._give_up(number, error)

    def _retry(self, number: int, failure: Failure) -> None:
        del self._running[number]
        trial = self._study.trial(number)
        # last in line: what made it fail may have passed by the time that its turn comes
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

    def _end(self, number: int, decision: Decision) -> None:
        # the journal first: whatever is lost after that is made up for from it
        self._study.finish(number, decision)
        del self._running[number]
        trial = self._ended[number] = self._study.trial(number)
        logger.info("trial %d %s: %s", number, decision.state.value, decision.reason)
        if self._runs:
            self._runs.end(trial)
        self._retention.update(self._ended.values(), trial)
        self._callback.on_trial_end(trial, self.progress())

    def _remark(self, text: str) -> None:
        logger.info(text)
        self._callback.on_message(text)

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

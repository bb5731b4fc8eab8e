"""The controller of a running sweep: hand out trials, process their reports, end them, call the callback.

It has no thread and no loop: a runner (Ray Tune, or the plain loop of `inline`) calls it. Every call is short, since
Ray's single control loop waits for it. Decisions about trials come from the study, and are written to the journal
before anything else depends on them. Try `SweepController(study, folder, callback).next_trial()`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sweepkit.driver.callback import SweepCallback, SweepProgress
from sweepkit.driver.context import DriverContext
from sweepkit.driver.limits import SweepLimits
from sweepkit.driver.retention import CheckpointRetention
from sweepkit.driver.tracking import SweepRuns
from sweepkit.errors import StorageFault
from sweepkit.redaction import hidden
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.storage.write_errors import writing
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.study.usage import Usage, usage
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
        """Start from the present state of a study; `runs` is None when tracking is off."""
        self._study, self._folder, self._callback, self._runs = study, folder, callback, runs
        self._config, self._context = study.config, context or DriverContext()
        trials = study.trials()
        # from the journal, so that a restart does not refill the budget
        self._limits = SweepLimits(self._config.budget, usage(study.runs(), trials), self._context)
        # A trial is in exactly one of these three. They are copies: parsing all trials of the journal at each report
        # would cost more the longer a sweep runs.
        self._waiting = study.unfinished()
        self._running: dict[int, Trial] = {}
        self._ended: dict[int, Trial] = {trial.number: trial for trial in trials if trial.state}
        self._inherited = [trial.number for trial in self._waiting]
        self._n_ended_before = len(self._ended)
        self._retention = CheckpointRetention(folder, study.config, self._ended.values())
        self.over: str | None = None
        self._fault: StorageFault | None = None

    def next_trial(self) -> TrialRequest | None:
        """Hand out unfinished trials first, then new ones; None when there are no more or the sweep is over."""
        return self._guarded(self._next_trial, otherwise=None)

    def reported(self, number: int, report: Report) -> bool:
        """Process a report; True when the trial ends with it, or cannot continue for now."""
        # after a storage fault nothing is written any more, so that the trial resumes from what the journal has
        return self._guarded(lambda: self._fault is not None or self._reported(number, report), otherwise=True)

    def failed(self, number: int, error: str, *, counts: bool = True) -> None:
        """Record how an attempt failed, and retry the trial unless its retries are used up.

        A failure after the trial's end changes nothing.
        """
        if number not in self._running:
            logger.warning("the worker of trial %d failed after the trial had ended: %s", number, error)
        elif self._fault is None:  # otherwise the journal takes no more, and the trial resumes with the sweep
            # the journal hides credentials itself; this is for what is shown and logged
            self._guarded(lambda: self._failed(number, hidden(error), counts=counts), otherwise=None)

    def returned(self, number: int, reason: str) -> None:
        """Take back a trial that was handed out but never begun; it is the next one to be handed out."""
        del self._running[number]
        # first in line, unlike a retry: nothing of this trial has run, so nothing of it can have failed
        self._waiting.insert(0, self._study.trial(number))
        self._message(f"trial {number} moves to another worker: {reason}")

    def halted(self, error: StorageFault) -> None:
        """End the sweep; its trials stay unfinished, and the same command resumes them."""
        # the first one is the cause: every worker and every later write meets the same full disk
        self._fault = self._fault or error
        self.over = self.over or str(error)

    def check(self) -> None:
        """Raise the StorageFault that ended the sweep, if one did."""
        if self._fault:
            raise self._fault

    def is_over(self) -> bool:
        """Return whether a budget or the allowed failures are used up; `over` is then the reason."""
        # kept once it is reached: trials that stop later must not replace the reason
        if self.over is None:
            self.over = self._limits.reached(n_failed=self._count(TrialState.FAILED))
        return self.over is not None

    def usage(self) -> Usage:
        """Return what the sweep has used, earlier runs included."""
        return self._limits.usage()

    def progress(self) -> SweepProgress:
        """Return the counts, the leader and the remaining time."""
        leaders = ranked([*self._ended.values(), *self._running.values()], self._config.objective.direction)
        return SweepProgress(
            n_target=self._study.n_target,
            n_running=len(self._running),
            n_ended={state: self._count(state) for state in TrialState},
            best=leaders[0] if leaders else None,
            elapsed_s=self._limits.elapsed_s(),
            eta_s=self._eta(),
        )

    def _guarded(self, call: Callable[[], _Result], *, otherwise: _Result) -> _Result:
        """Make a call; if the storage cannot be written, end the sweep and return `otherwise`."""
        # not raised here, inside the runner's loop: the runner stops its trials and returns, then `check` raises it
        try:
            with writing(self._folder.shown(self._folder.paths.journal)):
                return call()
        except StorageFault as error:
            self.halted(error)
            return otherwise

    def _next_trial(self) -> TrialRequest | None:
        # before the limits: these decisions are due and cost no training, even if the budget is used up
        self._end_inherited()
        if self.is_over():
            return None
        # Unfinished trials first: samplers suggest from the trials before, which they are to see as without a restart.
        resumed = self._study.resume(self._waiting.pop(0).number) if self._waiting else None
        trial = resumed or self._study.ask()
        if trial is None:
            return None
        # before the request, which carries the id: a worker logs its reports into the run itself
        run_id = self._open_run(trial, resumes=resumed is not None)
        self._running[trial.number] = trial
        self._callback.on_trial_start(trial, self.progress())
        # the same for every attempt, so that a trial that starts again gives the same numbers
        seed = trial_seed(self._config.search.seed, trial.number)
        return TrialRequest.of(trial, seed=seed, resumes=resumed is not None, run_id=run_id)

    def _end_inherited(self) -> None:
        """End the trials of an earlier run that were to end at their last report when the driver died.

        This closes every gap between two lines of the journal. It also compares a trial that an extension continues at
        the rung that was its last epoch.
        """
        # at the first call only: from then on each report is followed by its decision
        inherited, self._inherited = self._inherited, []
        for number in inherited:
            if decision := self._study.decide_again(number):
                self._waiting = [trial for trial in self._waiting if trial.number != number]
                # resumed first, or the time since the driver died would count as the trial's
                self._running[number] = self._study.resume(number)
                self._end(number, decision)

    def _open_run(self, trial: Trial, *, resumes: bool) -> str | None:
        if self._runs is None:
            return None
        # The run first, its id second: a kill between the two leaves a run whose id is lost. With `resumes` the
        # logger looks for that run before it creates another one.
        run_id = self._runs.start(trial, resumes=resumes)
        if run_id != trial.run_id:
            self._study.note(trial.number, "run_id", run_id)
        return run_id

    def _reported(self, number: int, report: Report) -> bool:
        decision = self._study.report(number, report)
        n_before = self._running[number].epoch
        trial = self._running[number] = self._study.trial(number)
        # by the journal's count: an epoch that is reported again was paid for before
        self._limits.n_epochs += trial.epoch - n_before
        metric = self._config.objective.metric
        # A missing objective ends the sweep, not only its trial: every other trial would report the same metrics. If
        # the loss is not finite, nothing was validated and the objective is missing for that reason only.
        if decision and metric not in report.metrics and not early_stopping.not_finite(report, metric):
            self.over = decision.reason
        if decision:
            self._end(number, decision)
        elif trial.epoch > n_before:  # otherwise it was reported again, and was logged and shown before
            if self._runs:
                self._runs.collect(trial)
            self._callback.on_trial_report(trial, self.progress())
        return decision is not None

    def _failed(self, number: int, error: str, *, counts: bool) -> None:
        failure = Failure(self._running[number].epoch, error, counts, self._context.now())
        # attempts are counted in the journal, so that a restart of the driver gives no trial more retries
        if self._study.record_failure(number, failure):
            self._retry(number, failure)
        else:
            self._give_up(number, error)

    def _retry(self, number: int, failure: Failure) -> None:
        del self._running[number]
        trial = self._study.trial(number)
        # last in line: what made it fail may have passed by then, and the other trials do not wait
        self._waiting.append(trial)
        attempt = len(trial.failures)
        free = "" if failure.counts else " (does not count)"
        retry = f"attempt {attempt + 1} resumes after epoch {failure.epoch}"
        self._message(f"trial {number} attempt {attempt}: {failure.summary}{free}; {retry}")

    def _give_up(self, number: int, error: str) -> None:
        # The traceback before the end, or a kill between the two would leave a failed trial without one. As it is, the
        # trial is still unfinished then, and gets one more attempt.
        self._study.note(number, "error", error)
        folder = self._folder.trial(number)
        log = folder.shown(folder.paths.log)
        self._end(number, Decision(TrialState.FAILED, f"{last_line(error)} (log: {log})"))

    def _end(self, number: int, decision: Decision) -> None:
        # The journal first. After a kill below this line, the next run logs the end to the store; checkpoints that were
        # to be deleted stay, which costs disk space only.
        self._study.finish(number, decision)
        del self._running[number]
        trial = self._ended[number] = self._study.trial(number)
        logger.info("trial %d %s: %s", number, decision.state.value, decision.reason)
        if self._runs:
            self._runs.end(trial)
        self._retention.update(self._ended.values(), trial)
        self._callback.on_trial_end(trial, self.progress())

    def _message(self, text: str) -> None:
        logger.info(text)
        self._callback.on_message(text)

    def _count(self, state: TrialState) -> int:
        return sum(trial.state is state for trial in self._ended.values())

    def _eta(self) -> float | None:
        """Return the remaining seconds, if trials continue to end at the pace of this run."""
        # of this run alone: an earlier one may have had other workers
        n_here = len(self._ended) - self._n_ended_before
        if n_here == 0:
            return None
        return self._limits.elapsed_s() / n_here * (self._study.n_target - len(self._ended))

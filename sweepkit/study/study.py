"""The sweep's Optuna study: suggest params, store every report in the journal, decide which trials are pruned.

It runs nothing: the controller requests trials, passes reports on and carries out the decisions. Everything that
matters is in one append-only journal file, so resuming a sweep means reopening it. Try
`SweepStudy.open(journal, config, space).ask()`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import optuna

from sweepkit.config.schedule import n_trials
from sweepkit.config.schema import SweepConfig
from sweepkit.errors import StorageFault
from sweepkit.redaction import hidden
from sweepkit.space import Params, Space
from sweepkit.storage.write_errors import writing
from sweepkit.study.continuation import ContinuedTrialsStorage, reopen
from sweepkit.study.journal import FAILURE, REPORT, RESUMED, RUN, STUDY, Journal, open_storage
from sweepkit.study.local_journal import repair_journal
from sweepkit.study.pruning import Decision, Pruning, pruner
from sweepkit.study.samplers import complete, draw, sampler
from sweepkit.study.usage import DriverRun
from sweepkit.trial.failure import Failure, is_exhausted
from sweepkit.trial.trial import Report, Trial, TrialState

# keys of user attributes in the journal, which keep their spelling so that old journals can be read
_FIRST_MAX_EPOCHS = "longest"  # of the study: max_epochs as the sweep began
_N_FORGIVEN = "forgiven"  # of a trial: how many of its failures happened before it was extended


class SweepStudy(Journal):
    """One sweep's trials, for the driver to run. Only one may be open at a time; the sweep's lock ensures it."""

    def __init__(
        self, study: optuna.Study, storage: ContinuedTrialsStorage, config: SweepConfig, space: Space, *, where: str
    ) -> None:
        super().__init__(storage, config)
        self._study, self._space, self._where = study, space, where
        self._pruning = Pruning(study, config, self._trials)
        self.n_target = n_trials(config, space)

    @classmethod
    def open(
        cls, journal: Path, config: SweepConfig, space: Space, *, cost: Callable[[Params], float] = lambda _: 0.0
    ) -> SweepStudy:
        """Open the journal, or start one, and complete a record or a draw that a kill has interrupted.

        Args:
            journal: the file; only appended to, except for a half-written last line.
            config: the sweep.
            space: as the YAML narrowed it.
            cost: what an epoch of some params costs, in any unit. A grid is queued the most expensive params first, so
                that no worker has a long trial left at the end.

        Raises:
            DataError: a line before the journal's last one is damaged.
            StorageFault: the journal cannot be written.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # its own lines would garble the live table
        with writing(str(journal)):
            repair_journal(journal)
            storage = open_storage(journal)
            study = optuna.create_study(
                storage=storage,
                study_name=STUDY,
                direction="maximize" if config.objective.mode == "max" else "minimize",
                sampler=sampler(config, 0),
                load_if_exists=True,
            )
            if _FIRST_MAX_EPOCHS not in study.user_attrs:
                study.set_user_attr(_FIRST_MAX_EPOCHS, config.stopping.max_epochs)
            # only now: which brackets Hyperband has is known from the study
            study.pruner = pruner(config.stopping, longest=study.user_attrs[_FIRST_MAX_EPOCHS])
            opened = cls(study, storage, config, space, where=str(journal))
            opened._complete_interrupted_draws()
            if config.search.sampler == "grid":
                opened._queue_grid(cost)
        return opened

    def ask(self) -> Trial | None:
        """Suggest the next trial, or None when the sweep has all of its trials."""
        number = len([t for t in self._trials() if t.state is not optuna.trial.TrialState.WAITING])
        if number >= self.n_target:
            return None
        # a sampler is built anew for each trial, from (seed, trial number), so that a reopened study suggests what an
        # uninterrupted one would have suggested
        self._study.sampler = sampler(self.config, number)
        draw(self._space, self._study.ask())
        return self.trial(number)

    def resume(self, number: int) -> Trial:
        """Hand an unfinished trial out again."""
        # the seconds so far, since the time until now must not count as the trial's
        self.note(number, RESUMED, json.dumps([self.trial(number).seconds, time.time()]))
        return self.trial(number)

    def extend(self) -> None:
        """Continue the trials that have run all of their epochs, where the sweep has more epochs now.

        Pruned trials, and those that patience ended, stay ended. The others are unfinished, as after an interruption,
        but have all of their retries again.
        """
        trials = self._trials()
        with writing(self._where):
            for number in self.extensible():
                forgiven = {_N_FORGIVEN: len(self.trial(number).failures)}
                # their reason was that they had run all epochs
                reopen(self._study, trials[number], without=["reason"], also=forgiven)

    def unfinished(self) -> list[Trial]:
        """Return the trials that were handed out and have not ended; after an interruption they run first."""
        return [trial for trial in self.trials() if trial.state is None]

    def report(self, number: int, report: Report) -> Decision | None:
        """Write one epoch into the journal and decide whether the trial continues (None).

        An epoch that is in the journal already stays as it is, since a worker that resumes from a checkpoint may repeat
        one. A metric that is absent or not finite fails the trial.
        """
        live, key = self._live(number), f"{REPORT}{report.epoch:04d}"
        if key in live.user_attrs:
            return None
        # Optuna warns about a second value of a step; the first one stays
        is_new = report.epoch not in self._trials()[number].intermediate_values
        if is_new and not self._pruning.flaw(number, report):
            live.report(report.metrics[self.config.objective.metric], report.epoch)
        # after the value: a kill between the two leaves an epoch that is simply reported again
        live.set_user_attr(key, json.dumps(report.to_json()))
        return self._decide(number)

    def decide_again(self, number: int) -> Decision | None:
        """Decide whether an unfinished trial continues after its last report.

        The driver may have died before it wrote the trial's end; and in an extended sweep there may be a rung at what
        was the last epoch.
        """
        reports, last_step = self.trial(number).reports, self._trials()[number].last_step
        if not reports or (last_step or 0) > reports[-1].epoch:
            return None  # the decision was to continue: the driver died while it wrote the next epoch
        return self._decide(number, again=True)

    def record_failure(self, number: int, failure: Failure) -> bool:
        """Write how an attempt at a trial failed into the journal; True when the trial is to be retried."""
        failures = [*self.trial(number).failures, failure]
        kept = replace(
            failure, error=hidden(failure.error)
        )  # before it is JSON, where the end of a URI is harder to see
        self._live(number).set_user_attr(f"{FAILURE}{len(failures):04d}", json.dumps(kept.to_json()))
        # an extended trial has its retries again, as if its sweep had been the longer one from the start
        forgiven = self._trials()[number].user_attrs.get(_N_FORGIVEN, 0)
        return not is_exhausted(failures[forgiven:], self.config.budget.retries)

    def finish(self, number: int, decision: Decision) -> None:
        """End a trial; its value is that of its best epoch, not of its last."""
        best_value = self.trial(number).best_value
        self.note(number, "reason", decision.reason)
        if decision.state is TrialState.COMPLETE:
            self._study.tell(number, values=best_value)
        else:
            states = optuna.trial.TrialState
            # Reported as COMPLETE, a pruned trial of one epoch would look to the sampler like one of ten. PRUNED, it is
            # ranked by its intermediate values.
            self._study.tell(number, state=states.PRUNED if decision.state is TrialState.PRUNED else states.FAIL)

    def note(self, number: int, key: str, value: str) -> None:
        """Write an attribute of a trial (its MLflow run, its error) into the journal, without credentials."""
        self._live(number).set_user_attr(key, hidden(value))

    def queue(self, param_sets: Iterable[Params]) -> None:
        """Add params for the next trials, in this order; the sweep gets more trials than planned if need be."""
        with writing(self._where):
            for params in param_sets:
                self._study.enqueue_trial(dict(params))
        self.n_target = max(self.n_target, len(self._trials()))

    def queued(self) -> list[Params]:
        """Return all params that were ever queued, handed out or not."""
        # Optuna's key for the params of enqueue_trial
        fixed = (trial.system_attrs.get("fixed_params") for trial in self._trials())
        return [dict(params) for params in fixed if params is not None]

    @contextlib.contextmanager
    def running(self, workers: int) -> Iterator[None]:
        """Write into the journal that the sweep runs with this many workers, and when it stops."""
        key, run = f"{RUN}{len(self.runs()):06d}", DriverRun(time.time(), workers)
        self._write_run(key, run)
        try:
            yield
        except StorageFault:  # the end could not be written either; a run without one counts up to its last report
            raise
        except BaseException:  # Ctrl-C is not an Exception
            self._write_run(key, replace(run, ended=time.time()))
            raise
        self._write_run(key, replace(run, ended=time.time()))

    def _decide(self, number: int, *, again: bool = False) -> Decision | None:
        return self._pruning.decide(self._live(number), self.trial(number).reports, again=again)

    def _live(self, number: int) -> optuna.Trial:
        # Optuna has no public way from a number to a running trial, which a reopened study needs
        return optuna.trial.Trial(self._study, self._trials()[number]._trial_id)

    def _write_run(self, key: str, run: DriverRun) -> None:
        with writing(self._where):
            self._study.set_user_attr(key, asdict(run))

    def _complete_interrupted_draws(self) -> None:
        """Draw the missing params of trials whose drawing a kill interrupted."""
        for trial in self.unfinished():
            if not trial.reports:  # no worker gets a trial, let alone reports, before all params are drawn
                self._study.sampler = sampler(self.config, trial.number)
                complete(self._space, self._live(trial.number), self._trials()[trial.number])

    def _queue_grid(self, cost: Callable[[Params], float]) -> None:
        """Queue the params of the grid that are not queued yet: all at first, and more when the sweep is extended."""
        # by content, since a kill may have interrupted the queueing anywhere
        queued = {json.dumps(params) for params in self.queued()}
        grid = itertools.islice(self._space.grid(), self.n_target)
        self.queue(sorted((params for params in grid if json.dumps(params) not in queued), key=cost, reverse=True))

"""The brain of a sweep: one Optuna study that proposes points, keeps every report in a journal and decides who
stops.

Not for running anything: whoever runs trials asks here, reports here, and does what the verdict says. The study lives
in one append-only journal file, so reopening it is all that going on takes; nothing that matters is kept in memory
only. Try `SweepStudy.open(journal, spec, space).ask()`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from sweepkit.config.schedule import n_trials, rungs
from sweepkit.config.schema import SweepConfig
from sweepkit.errors import StorageFault
from sweepkit.redaction import hidden
from sweepkit.space import Params, Space
from sweepkit.storage.write_errors import writing
from sweepkit.study.continuation import ContinuedTrialsStorage, reopen
from sweepkit.study.journal import FAULT, REPORT, RESUMED, RUN, STUDY, Journal, open_storage, ran_all
from sweepkit.study.journal_file import repair_journal
from sweepkit.study.pruning import Decision, last_rung, pruner, reported_at
from sweepkit.study.samplers import complete, draw, sampler
from sweepkit.study.usage import DriverRun
from sweepkit.trial import early_stopping
from sweepkit.trial.failure import Failure, is_exhausted
from sweepkit.trial.trial import Direction, Report, Trial, TrialState

logger = logging.getLogger(__name__)

_LONGEST = "longest"  # max_epochs as the sweep began
_FORGIVEN = "forgiven"  # how many of a trial's faults lie before its sweep was extended


class SweepStudy(Journal):
    """One sweep's trials, to go on with. Only the driver holds one, and only one at a time."""

    def __init__(
        self, study: optuna.Study, storage: ContinuedTrialsStorage, config: SweepConfig, space: Space, *, where: str
    ) -> None:
        super().__init__(storage, config)
        self._study, self._space, self._where = study, space, where
        self.n_target = n_trials(config, space)

    @classmethod
    def open(
        cls, journal: Path, config: SweepConfig, space: Space, *, cost: Callable[[Params], float] = lambda _: 0.0
    ) -> SweepStudy:
        """Open the journal, or start one; a death in the middle of a record or of an ask leaves nothing undone.

        Args:
            journal: the file; appended to, never rewritten but for a half-written last line.
            config: the sweep.
            space: as the YAML narrowed it.
            cost: what an epoch of a point costs, in any unit; the points of a grid are queued the dearest first, so
                that no worker is left with a long trial at the end.

        Raises:
            DataError: a line before the journal's last one is damaged.
            StorageFault: it cannot be written.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # its own lines would break into the live table
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
            if _LONGEST not in study.user_attrs:
                study.set_user_attr(_LONGEST, config.stopping.max_epochs)
            study.pruner = pruner(config.stopping, longest=study.user_attrs[_LONGEST])
            opened = cls(study, storage, config, space, where=str(journal))
            opened._draw_what_was_begun()
            if config.search.sampler == "grid":
                opened._queue_grid(cost)
        return opened

    def ask(self) -> Trial | None:
        """Propose the next trial, or None when the sweep has all of its trials.

        The sampler's random state is a function of (seed, trial number), so a reopened study goes on as if never
        closed.
        """
        number = len([t for t in self._trials() if t.state is not optuna.trial.TrialState.WAITING])
        if number >= self.n_target:
            return None
        self._study.sampler = sampler(self.config, number)
        trial = self._study.ask()
        draw(self._space, trial)
        return self.trial(number)

    def extend(self) -> None:
        """Let the trials that have run all of their epochs go on where the sweep has more of them now.

        What a rule or patience stopped stays ended. Those that go on are unfinished, as after an interruption, but
        have all of their retries again.
        """
        trials = self._trials()
        with writing(self._where):
            for number in self.extensible():
                forgiven = {_FORGIVEN: len(self.trial(number).failures)}
                reopen(self._study, trials[number], without=["reason"], also=forgiven)

    def resume(self, number: int) -> Trial:
        """Hand an unfinished trial out again."""
        self.note(number, RESUMED, json.dumps([self.trial(number).seconds, time.time()]))
        return self.trial(number)

    @contextlib.contextmanager
    def running(self, workers: int) -> Iterator[None]:
        """Write down that the sweep runs with so many workers, and when it stops."""
        key, run = f"{RUN}{len(self.runs()):06d}", DriverRun(time.time(), workers)
        self._write_run(key, run)
        try:
            yield
        except StorageFault:  # the end could not be written either; without one a run counts up to its last report
            raise
        except BaseException:
            self._write_run(key, replace(run, ended=time.time()))
            raise
        self._write_run(key, replace(run, ended=time.time()))

    def _write_run(self, key: str, run: DriverRun) -> None:
        with writing(self._where):
            self._study.set_user_attr(key, asdict(run))

    def _draw_what_was_begun(self) -> None:
        """Draw what is missing of a point whose drawing a death interrupted."""
        for trial in self.unfinished():
            if not trial.reports:
                self._study.sampler = sampler(self.config, trial.number)
                complete(self._space, self._live(trial.number), self._trials()[trial.number])

    def note(self, number: int, key: str, value: str) -> None:
        """Keep a fact about a trial (its tracking run, its error) in the journal, without credentials."""
        self._live(number).set_user_attr(key, hidden(value))

    def report(self, number: int, report: Report) -> Decision | None:
        """Write one epoch into the journal and decide whether the trial goes on (None).

        An epoch that the journal already has is left as it is: a worker that continues from a checkpoint may repeat
        one. A metric that is absent or not finite ends the trial as failed.
        """
        trial = self._live(number)
        key = f"{REPORT}{report.epoch:04d}"
        if key in trial.user_attrs:
            return None
        if not self._flaw(number, report) and report.epoch not in self._trials()[number].intermediate_values:
            trial.report(report.metrics[self.config.objective.metric], report.epoch)
        # after the value: a death between the two leaves an epoch that is simply reported again
        trial.set_user_attr(key, json.dumps(report.to_json()))
        return self._verdict(number, report)

    def judge(self, number: int) -> Decision | None:
        """Decide whether an unfinished trial goes on after what it reported last.

        The driver may have died before it wrote the end down; and where the sweep was extended, the rule may have a
        rung at what was the last epoch.
        """
        reports = self.trial(number).reports
        last_step = self._trials()[number].last_step
        if not reports or (last_step or 0) > reports[-1].epoch:
            return None  # or it was to go on, and the driver died while it wrote the next epoch down
        return self._verdict(number, reports[-1], again=True)

    def _flaw(self, number: int, report: Report) -> str | None:
        metric = self.config.objective.metric
        return early_stopping.not_finite(report, metric) or early_stopping.missing_objective(report, metric, number)

    def _verdict(self, number: int, report: Report, *, again: bool = False) -> Decision | None:
        rule = self.config.stopping
        if flaw := self._flaw(number, report):
            return Decision(TrialState.FAILED, flaw)
        if report.epoch >= rule.max_epochs:
            return Decision(TrialState.COMPLETE, ran_all(report.epoch))
        if self._live(number).should_prune() or (again and self._fell_before(number, report)):
            return Decision(TrialState.PRUNED, self._why_pruned(number, report))
        values = [r.metrics[self.config.objective.metric] for r in self.trial(number).reports]
        reason = early_stopping.impatient(values, self._direction, patience=rule.patience)
        return Decision(TrialState.COMPLETE, reason) if reason else None

    def record_failure(self, number: int, failure: Failure) -> bool:
        """Write down how an attempt at a trial ended; True when there is to be another one."""
        failures = [*self.trial(number).failures, failure]
        kept = replace(failure, error=hidden(failure.error))  # in JSON a URI may run into what follows it
        self._live(number).set_user_attr(f"{FAULT}{len(failures):04d}", json.dumps(kept.to_json()))
        forgiven = self._trials()[number].user_attrs.get(_FORGIVEN, 0)
        return not is_exhausted(failures[forgiven:], self.config.budget.retries)

    def finish(self, number: int, decision: Decision) -> None:
        """Tell the study how a trial ended; its value is the best epoch's, not the last's."""
        trial = self.trial(number)
        self.note(number, "reason", decision.reason)
        if decision.state is TrialState.COMPLETE:
            self._study.tell(number, values=trial.best_value)
        else:
            state = (
                optuna.trial.TrialState.PRUNED if decision.state is TrialState.PRUNED else optuna.trial.TrialState.FAIL
            )
            self._study.tell(number, state=state)

    def unfinished(self) -> list[Trial]:
        """Return the trials that were handed out and have no outcome: the first to go on with after an interruption."""
        return [trial for trial in self.trials() if trial.state is None]

    def _live(self, number: int) -> optuna.Trial:
        # Optuna has no public way back from a number to a running trial, which is what reopening a study needs
        return optuna.trial.Trial(self._study, self._trials()[number]._trial_id)

    def queue(self, param_sets: Iterable[Params]) -> None:
        """Add points to be tried next, in this order, beyond those that the sweep was to have if need be."""
        with writing(self._where):
            for params in param_sets:
                self._study.enqueue_trial(dict(params))
        self.n_target = max(self.n_target, len(self._trials()))

    def queued(self) -> list[Params]:
        """Return all points that were ever queued, tried or not."""
        # where Optuna keeps what enqueue_trial was given
        fixed = (trial.system_attrs.get("fixed_params") for trial in self._trials())
        return [dict(params) for params in fixed if params is not None]

    def _queue_grid(self, cost: Callable[[Params], float]) -> None:
        """Queue the points of the grid that are not queued yet: all at first, and more when the sweep is extended."""
        known = {json.dumps(params) for params in self.queued()}
        wanted = itertools.islice(self._space.grid(), self.n_target)
        self.queue(sorted((p for p in wanted if json.dumps(p) not in known), key=cost, reverse=True))

    def _fell_before(self, number: int, report: Report) -> bool:
        """Tell whether the rung of this epoch had stopped the trial already; Optuna's pruners compare there only once.

        Only what had been reported by then counts.
        """
        trial, value = self._trials()[number], report.metrics[self.config.objective.metric]
        if report.epoch not in rungs(self.config.stopping) or trial.system_attrs.get(last_rung(trial)) != value:
            return False
        return self._direction.is_better(self._cutoff(self._reached(trial, report.epoch, by=report.timestamp)), value)

    def _reached(self, trial: FrozenTrial, epoch: int, *, by: float = float("inf")) -> list[float]:
        """Return the values at the last rung that a trial has come to, its own among them."""
        key = last_rung(trial)
        rivals = optuna.pruners._filter_study(self._study, trial).get_trials(deepcopy=False)
        return [t.system_attrs[key] for t in rivals if key in t.system_attrs and reported_at(t, epoch) <= by]

    def _cutoff(self, reached: Sequence[float]) -> float:
        """Return the worst value that a rung lets pass."""
        place = max(len(reached) // self.config.stopping.reduction, 1) - 1
        return sorted(reached, reverse=self._direction is Direction.MAX)[place]

    def _why_pruned(self, number: int, report: Report) -> str:
        """Say what the rule compared; the rules themselves are Optuna's and only answer yes or no."""
        metric, rule = self.config.objective.metric, self.config.stopping
        value = report.metrics[metric]
        if rule.rule == "median":
            return f"epoch {report.epoch}: its best {metric} is worse than the median of the completed trials"
        if rule.rule == "hyperband":
            return f"epoch {report.epoch}: {metric} {value:.4f} is not among the best 1/{rule.reduction} of its bracket"
        reached = self._reached(self._trials()[number], report.epoch)
        return (
            f"rung at epoch {report.epoch}: {metric} {value:.4f} is not among the best 1/{rule.reduction} "
            f"of {len(reached)} trials (needed {self._cutoff(reached):.4f})"
        )

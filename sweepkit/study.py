"""The brain and the journal of a sweep: one Optuna study that proposes points, keeps every report and decides who
stops.

Not for running anything: whoever runs trials asks here, reports here, and does what the verdict says. The study lives
in one append-only journal file, so reopening it is all that going on takes; nothing that matters is kept in memory
only. Try `SweepStudy.open(journal, spec, space).ask()`.
"""

from __future__ import annotations

import itertools
import json
import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from sweepkit import stopping
from sweepkit.budget import n_trials
from sweepkit.config import Stopping, SweepSpec
from sweepkit.errors import DataError
from sweepkit.evolution import JsonCmaEsSampler
from sweepkit.faults import Fault, is_exhausted
from sweepkit.mending import mend
from sweepkit.redaction import hidden
from sweepkit.reports import Mode, Outcome, Report, TrialRecord
from sweepkit.space import Choice, Float, Param, Point, Space, Value
from sweepkit.storage_faults import writing

logger = logging.getLogger(__name__)

# the journal is the sweep's own, so the name need not tell sweeps apart; Hyperband derives brackets from it
_STUDY = "sweep"
_REPORT, _FAULT = "report:", "fault:"
_OUTCOMES = {
    TrialState.COMPLETE: Outcome.COMPLETE,
    TrialState.PRUNED: Outcome.PRUNED,
    TrialState.FAIL: Outcome.FAILED,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a trial: how, and why in a user's words."""

    outcome: Outcome
    reason: str


class Journal:
    """What a sweep's journal says: every trial, its reports and its end. Reading changes nothing and may happen while
    the sweep runs."""

    def __init__(self, study: optuna.Study, spec: SweepSpec) -> None:
        self._study = study
        self._spec = spec
        self._mode = Mode(spec.objective.mode)

    @classmethod
    def read(cls, journal: Path, spec: SweepSpec) -> Journal:
        """Open an existing journal; one with a damaged line in its middle is a DataError."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = _storage(journal)
        if not storage.get_all_studies():  # a death within its very first record
            return cls(optuna.create_study(), spec)
        return cls(optuna.load_study(storage=storage, study_name=_STUDY), spec)

    def records(self) -> list[TrialRecord]:
        """Return every trial that was handed out, by number."""
        return [self._as_record(t) for t in self._trials() if t.state is not TrialState.WAITING]

    def record(self, number: int) -> TrialRecord:
        """Return one trial."""
        return self._as_record(self._trials()[number])

    def error(self, number: int) -> str | None:
        """Return the traceback that a failed trial left, if it left one."""
        return self._trials()[number].user_attrs.get("error")

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _as_record(self, trial: FrozenTrial) -> TrialRecord:
        attrs = trial.user_attrs
        found = (Report.from_json(json.loads(text)) for key, text in attrs.items() if key.startswith(_REPORT))
        reports = tuple(sorted(found, key=lambda report: report.epoch))
        values = [r.metrics.get(self._spec.objective.metric, float("nan")) for r in reports]
        best = stopping.best_so_far(values, self._mode)
        return TrialRecord(
            number=trial.number,
            point=dict(trial.params),
            reports=reports,
            outcome=_OUTCOMES.get(trial.state),
            reason=attrs.get("reason"),
            best_value=best[0] if best else None,
            best_epoch=reports[best[1]].epoch if best else None,
            run_id=attrs.get("run_id"),
            started=trial.datetime_start.timestamp() if trial.datetime_start else None,
            seconds=_seconds(trial, reports),
            faults=tuple(
                Fault.from_json(json.loads(text)) for key, text in sorted(attrs.items()) if key.startswith(_FAULT)
            ),
        )


class SweepStudy(Journal):
    """One sweep's trials, to go on with. Only the driver holds one, and only one at a time."""

    def __init__(self, study: optuna.Study, spec: SweepSpec, space: Space) -> None:
        super().__init__(study, spec)
        self._space = space
        self.n_target = n_trials(spec, space)

    @classmethod
    def open(
        cls, journal: Path, spec: SweepSpec, space: Space, *, cost: Callable[[Point], float] = lambda _: 0.0
    ) -> SweepStudy:
        """Open the journal, or start one; a death in the middle of a record or of an ask leaves nothing undone.

        Args:
            journal: the file; appended to, never rewritten but for a half-written last line.
            spec: the sweep.
            space: as the YAML narrowed it.
            cost: what an epoch of a point costs, in any unit; the points of a grid are queued the dearest first, so
                that no worker is left with a long trial at the end.

        Raises:
            DataError: a line before the journal's last one is damaged.
            StorageFault: it cannot be written.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # its own lines would break into the live table
        with writing(str(journal)):
            mend(journal)
            study = optuna.create_study(
                storage=_storage(journal),
                study_name=_STUDY,
                direction="maximize" if spec.objective.mode == "max" else "minimize",
                pruner=_pruner(spec.stopping),
                sampler=_sampler(spec, 0),
                load_if_exists=True,
            )
            opened = cls(study, spec, space)
            opened._finish_what_was_begun()
            if spec.search.sampler == "grid":
                opened._queue_grid(cost)
        return opened

    def ask(self) -> TrialRecord | None:
        """Propose the next trial, or None when the sweep has all of its trials.

        The sampler's random state is a function of (seed, trial number), so a reopened study goes on as if never
        closed.
        """
        number = len([t for t in self._trials() if t.state is not TrialState.WAITING])
        if number >= self.n_target:
            return None
        self._study.sampler = _sampler(self._spec, number)
        trial = self._study.ask()
        self._space.draw(lambda name, param: _suggest(trial, name, param))
        return self.record(trial.number)

    def _finish_what_was_begun(self) -> None:
        """Draw what is missing of points, and end trials whose last report ended them: a death came in between."""
        for record in self.unfinished():
            verdict = self._stored_verdict(record)
            if verdict:
                self.finish(record.number, verdict)
            elif not record.reports:
                self._complete_point(record.number)

    def _complete_point(self, number: int) -> None:
        """Draw what is missing of a point; it becomes what it would have been."""
        self._study.sampler = sampler = _sampler(self._spec, number)
        trial, begun = self._live(number), self._trials()[number]
        fixed = begun.system_attrs.get("fixed_params", {})
        drawn_before = begun.params.keys() - trial.relative_params.keys() - fixed.keys()

        def choose(name: str, param: Param) -> Value:
            if name in drawn_before:  # the value stays; the sampler's random state moves on as it did then
                sampler.sample_independent(self._study, begun, name, begun.distributions[name])
            return _suggest(trial, name, param)

        self._space.draw(choose)

    def note(self, number: int, key: str, value: str) -> None:
        """Keep a fact about a trial (its tracking run, its error) in the journal, without credentials."""
        self._live(number).set_user_attr(key, hidden(value))

    def report(self, number: int, report: Report) -> Verdict | None:
        """Write one epoch into the journal and decide whether the trial goes on (None).

        An epoch that the journal already has is left as it is: a worker that continues from a checkpoint may repeat
        one. A metric that is absent or not finite ends the trial as failed.
        """
        trial = self._live(number)
        key = f"{_REPORT}{report.epoch:04d}"
        if key in trial.user_attrs:
            return None
        metric = self._spec.objective.metric
        fault = stopping.not_finite(report, metric) or stopping.missing_objective(report, metric, number)
        if not fault and report.epoch not in self._trials()[number].intermediate_values:
            trial.report(report.metrics[metric], report.epoch)
        verdict = Verdict(Outcome.FAILED, fault) if fault else self._verdict(trial, report)
        # after the value: a death between the two leaves an epoch that is simply reported again
        ending = {"ends": [verdict.outcome.value, verdict.reason]} if verdict else {}
        trial.set_user_attr(key, json.dumps(report.to_json() | ending))
        return verdict

    def _verdict(self, trial: optuna.Trial, report: Report) -> Verdict | None:
        rule = self._spec.stopping
        if report.epoch >= rule.max_epochs:
            return Verdict(Outcome.COMPLETE, f"ran all {rule.max_epochs} epochs")
        if trial.should_prune():
            return Verdict(Outcome.PRUNED, self._why_pruned(report))
        reports = [*self.record(trial.number).reports, report]
        values = [r.metrics[self._spec.objective.metric] for r in reports]
        reason = stopping.impatient(values, self._mode, patience=rule.patience)
        return Verdict(Outcome.COMPLETE, reason) if reason else None

    def _stored_verdict(self, record: TrialRecord) -> Verdict | None:
        """Return the ending that the last report of a trial brought, if it brought one."""
        text = self._trials()[record.number].user_attrs.get(f"{_REPORT}{record.epoch:04d}", "{}")
        ends = json.loads(text).get("ends")
        return Verdict(Outcome(ends[0]), ends[1]) if ends else None

    def fault(self, number: int, fault: Fault) -> bool:
        """Write down how an attempt at a trial ended; True when there is to be another one."""
        faults = [*self.record(number).faults, fault]
        kept = replace(fault, error=hidden(fault.error))  # in JSON a URI may run into what follows it
        self._live(number).set_user_attr(f"{_FAULT}{len(faults):04d}", json.dumps(kept.to_json()))
        return not is_exhausted(faults, self._spec.budget.retries)

    def finish(self, number: int, verdict: Verdict) -> None:
        """Tell the study how a trial ended; its value is the best epoch's, not the last's."""
        record = self.record(number)
        self.note(number, "reason", verdict.reason)
        if verdict.outcome is Outcome.COMPLETE:
            self._study.tell(number, values=record.best_value)
        else:
            state = TrialState.PRUNED if verdict.outcome is Outcome.PRUNED else TrialState.FAIL
            self._study.tell(number, state=state)

    def unfinished(self) -> list[TrialRecord]:
        """Return the trials that were handed out and have no outcome: the first to go on with after an interruption."""
        return [record for record in self.records() if record.outcome is None]

    def _live(self, number: int) -> optuna.Trial:
        # Optuna has no public way back from a number to a running trial, which is what reopening a study needs
        return optuna.trial.Trial(self._study, self._trials()[number]._trial_id)

    def queue(self, points: Iterable[Point]) -> None:
        """Add points to be tried next, in this order, beyond those that the sweep was to have if need be."""
        for point in points:
            self._study.enqueue_trial(dict(point))
        self.n_target = max(self.n_target, len(self._trials()))

    def queued(self) -> list[Point]:
        """Return all points that were ever queued, tried or not."""
        # where Optuna keeps what enqueue_trial was given
        fixed = (trial.system_attrs.get("fixed_params") for trial in self._trials())
        return [dict(point) for point in fixed if point is not None]

    def _queue_grid(self, cost: Callable[[Point], float]) -> None:
        """Queue the points of the grid that are not queued yet: all at first, and more when the sweep is extended."""
        known = {json.dumps(point) for point in self.queued()}
        wanted = itertools.islice(self._space.grid(), self.n_target)
        self.queue(sorted((p for p in wanted if json.dumps(p) not in known), key=cost, reverse=True))

    def _why_pruned(self, report: Report) -> str:
        """Say what the rule compared; the rules themselves are Optuna's and only answer yes or no."""
        metric, rule = self._spec.objective.metric, self._spec.stopping
        value = report.metrics[metric]
        if rule.rule == "median":
            return f"epoch {report.epoch}: its best {metric} is worse than the median of the completed trials"
        if rule.rule == "hyperband":
            return f"epoch {report.epoch}: {metric} {value:.4f} is not among the best 1/{rule.reduction} of its bracket"
        reached = sorted(_rung_values(self._trials(), report.epoch), reverse=self._mode is Mode.MAX)
        cutoff = reached[max(len(reached) // rule.reduction, 1) - 1]
        return (
            f"rung at epoch {report.epoch}: {metric} {value:.4f} is not among the best 1/{rule.reduction} "
            f"of {len(reached)} trials (needed {cutoff:.4f})"
        )


def _storage(journal: Path) -> JournalStorage:
    try:
        return JournalStorage(JournalFileBackend(str(journal)))
    except ValueError as error:  # Optuna's own, for a line that is no record and is followed by others
        raise DataError(
            f"this journal is damaged in its middle: {error}; put a copy of it in its place, "
            "or start the sweep anew with --new",
            where=str(journal),
        ) from None


def _rung_values(trials: Sequence[FrozenTrial], epoch: int) -> list[float]:
    """Return the objective at `epoch` of every trial that has reached it."""
    return [t.intermediate_values[epoch] for t in trials if epoch in t.intermediate_values]


def _seconds(trial: FrozenTrial, reports: Sequence[Report]) -> float | None:
    if trial.datetime_start is None:
        return None
    if trial.datetime_complete is not None:
        return (trial.datetime_complete - trial.datetime_start).total_seconds()
    return (datetime.fromtimestamp(reports[-1].timestamp) - trial.datetime_start).total_seconds() if reports else 0.0


def _pruner(rule: Stopping) -> BasePruner:
    if rule.rule == "asha":
        return SuccessiveHalvingPruner(min_resource=rule.grace_epochs, reduction_factor=rule.reduction)
    if rule.rule == "hyperband":
        return HyperbandPruner(
            min_resource=rule.grace_epochs, max_resource=rule.max_epochs, reduction_factor=rule.reduction
        )
    if rule.rule == "median":
        return MedianPruner(n_startup_trials=rule.warmup_trials, n_warmup_steps=rule.grace_epochs)
    return NopPruner()


def _sampler(spec: SweepSpec, number: int) -> BaseSampler:
    """Build the sampler for trial `number`; QMC alone keeps one seed, which is its scrambling of one sequence."""
    name, seed = spec.search.sampler, spec.search.seed
    per_trial = (seed * 1_000_003 + number) % 2**32
    with warnings.catch_warnings():
        # groups and QMC are marked experimental; their warning is no news to a user who chose them
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            return TPESampler(multivariate=True, group=True, seed=per_trial)
        if name == "gp":
            return GPSampler(seed=per_trial, warn_independent_sampling=False)
        if name == "cmaes":
            # most trials end early: told COMPLETE ones only, the strategy would hardly ever move
            return JsonCmaEsSampler(seed=per_trial, consider_pruned_trials=True, warn_independent_sampling=False)
        if name == "qmc":
            return QMCSampler(
                seed=seed,
                scramble=True,
                independent_sampler=RandomSampler(seed=per_trial),
                warn_asynchronous_seeding=False,
                warn_independent_sampling=False,
            )
    return RandomSampler(seed=per_trial)


def _suggest(trial: optuna.Trial, name: str, param: Param) -> Value:
    """Ask the study for one parameter, over the range that the space declares."""
    if isinstance(param, Choice):
        chosen = trial.suggest_categorical(name, param.options)
        assert chosen is not None, "None is no option of a Choice"
        return chosen
    if isinstance(param, Float):
        return trial.suggest_float(name, param.low, param.high, log=param.log)
    return trial.suggest_int(name, param.low, param.high, log=param.log, step=param.step)

"""What the final stage makes of its trained candidates: predictions, comparisons, a look at the test split, a bundle.

The order matters. The test split is looked at after everything that selects, a look is counted before it is made,
and the result is written last. Try
`FinalEvaluation(sweep, session).run(ranking, trials, again=False)`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sweepkit.bundle.manifest import Measured
from sweepkit.config.definition import SweepDefinition
from sweepkit.driver.session import SweepSession
from sweepkit.final.test_split import read_looks, write_looks
from sweepkit.formatting import metric_words
from sweepkit.results.final_result import CandidateResult, Comparison, FinalResult, HeldOutEvaluation
from sweepkit.results.statistics import compare, proportion_interval
from sweepkit.tasks import worker
from sweepkit.tasks.interface import Baseline, StoredPredictions, task_of
from sweepkit.tasks.requests import BaselineRequest, EvaluationRequest, ExportRequest
from sweepkit.trial.checkpoint_ref import CheckpointRef
from sweepkit.trial.request import best_checkpoint
from sweepkit.trial.trial import Trial

Request = TypeVar("Request")
Answer = TypeVar("Answer")

_SPLIT = "valid_"  # what metrics of the split begin with that candidates are compared on


class FinalEvaluation:
    """Evaluates the candidates of a sweep; `session` is that of its final stage."""

    def __init__(self, sweep: SweepDefinition, session: SweepSession) -> None:
        self._sweep, self._session, self._folder = sweep, session, session.folder.whole
        self._task = task_of(sweep.config.package)

    def run(self, ranking: Sequence[CandidateResult], trials: Sequence[Trial], *, again: bool) -> FinalResult:
        """Compare, measure the winner on the test split, and put its bundle into the storage.

        Args:
            ranking: the trained candidates, the winner first.
            trials: the final stage's trials.
            again: look at the test split even if there has been a look.

        Raises:
            DataError: data or a checkpoint is damaged.
        """
        by_number = {trial.number: trial for trial in trials}
        runs = [by_number[c.best_final_trial] for c in ranking if c.best_final_trial is not None]
        self._predict(runs)
        everyone = (*ranking, *(self._baseline(baseline) for baseline in self._task.baselines))
        looks = self._looked(everyone[0], runs[0], self._session.dataset.manifest.splits["test"].rows, again=again)
        objective = self._sweep.config.objective
        seeds = max(len(candidate.values) for candidate in ranking)
        compared = tuple(self._comparisons(everyone))
        result = FinalResult(objective.metric, objective.mode, seeds, everyone, compared, looks)
        self._export(result, runs[0])
        return result

    def _predict(self, runs: Sequence[Trial]) -> None:
        """Predict validation with the best run of every network, where that has not been done."""
        paths = self._folder.paths.final
        missing = [run for run in runs if not self._folder.storage.exists(paths.trial(run.number).predictions("valid"))]
        requests = [EvaluationRequest(self._checkpoint(run), "valid") for run in missing]
        self._each(worker.evaluate, requests, "predicting validation")

    def _baseline(self, baseline: Baseline) -> CandidateResult:
        """Fit a baseline that is not a network, unless it was fitted before, and return it as a candidate."""
        name = baseline.predictions(self._folder.paths)
        if not self._folder.storage.exists(name):
            request = BaselineRequest(self._session.trial_settings.data_ref, baseline.name, name)
            self._each(worker.fit_baseline, [request], f"fitting the baseline {baseline.name}")
        predictions = self._task.read_predictions(self._folder.storage, name)
        return baseline_result(baseline.name, predictions, metric=self._sweep.config.objective.metric, file=name)

    def _comparisons(self, everyone: Sequence[CandidateResult]) -> list[Comparison]:
        """Compare the winner with the runner-up and with each baseline."""
        winner, *others = everyone
        rivals = [other for other in others if not other.is_baseline][:1]
        baselines = [other for other in others if other.is_baseline]
        right = self._predictions(winner).is_right
        return [compare(right, self._predictions(other).is_right, other=other.name) for other in [*rivals, *baselines]]

    def _predictions(self, candidate: CandidateResult) -> StoredPredictions:
        assert candidate.predictions is not None, "everyone has predicted validation"
        return self._task.read_predictions(self._folder.storage, candidate.predictions)

    def _looked(
        self, winner: CandidateResult, run: Trial, n_rows: int, *, again: bool
    ) -> tuple[HeldOutEvaluation, ...]:
        """Look at the test split if nobody has, or `again`; what was begun and never finished is the same look."""
        looks = read_looks(self._folder)
        begun = [look for look in looks if look.accuracy is None and look.final_trial == run.number]
        if n_rows == 0 or (looks and not begun and not again):
            return tuple(looks)
        if not begun:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            looks.append(HeldOutEvaluation(len(looks) + 1, now, winner.name, run.number, n_rows))
            write_looks(self._folder, looks)
        request = EvaluationRequest(self._checkpoint(run), "test")
        measured = self._each(worker.evaluate, [request], "measuring the winner on the test split")[0]
        looks[-1] = replace(
            looks[-1],
            accuracy=measured.correct / measured.rows,
            interval=proportion_interval(measured.correct, measured.rows),
            loss=measured.loss,
        )
        write_looks(self._folder, looks)
        return tuple(looks)

    def _export(self, result: FinalResult, run: Trial) -> None:
        """Put the winner's best run into the storage as a bundle."""
        request = ExportRequest(
            self._checkpoint(run),
            measured=tuple(self._measured(result, run)),
            shown_sweep=self._folder.sweep,
            shown_trial=result.winner.trial if result.winner.trial is not None else run.number,
            to=self._folder.paths.winner,
        )
        self._each(worker.export, [request], "exporting the winner")

    def _measured(self, result: FinalResult, run: Trial) -> list[Measured]:
        """Return the figures of the winner's card."""
        winner, words = result.winner, metric_words(result.metric)
        mean = winner.interval
        found = [
            Measured(
                f"{words}, mean of {len(winner.values)} seeds",
                result.winner_mean,
                mean.low if mean else None,
                mean.high if mean else None,
                len(winner.values),
            ),
            Measured(f"{words} of this run", run.best_value if run.best_value is not None else result.winner_mean),
        ]
        if (look := result.look) and look.accuracy is not None and look.interval is not None:
            name = "test accuracy" + (f" (look {look.number})" if look.number > 1 else "")
            found.append(Measured(name, look.accuracy, look.interval.low, look.interval.high, look.rows))
        return found

    def _checkpoint(self, run: Trial) -> CheckpointRef:
        settings, folder = self._session.trial_settings, self._session.folder
        seed = self._session.definition.config.search.seed
        return best_checkpoint(settings.data_ref, run, sweep=folder.sweep, seed=seed, stage=folder.stage)

    def _each(self, function: Callable[[Request], Answer], requests: Sequence[Request], phase: str) -> list[Answer]:
        """Carry out requests on the workers and show the progress."""
        answers: list[Answer] = []
        if requests:
            self._session.callback.on_progress(phase, 0, len(requests))
        for answer in self._session.runner.map(function, requests, describe=phase):
            answers.append(answer)
            self._session.callback.on_progress(phase, len(answers), len(requests))
        return answers


def baseline_result(name: str, predictions: StoredPredictions, *, metric: str, file: str) -> CandidateResult:
    """Return a baseline as a candidate; without a value where it has none under the objective's name.

    Args:
        name: what to call it.
        predictions: of validation.
        metric: the objective.
        file: name of the predictions in the storage.
    """
    value = predictions.metrics.get(metric.removeprefix(_SPLIT)) if metric.startswith(_SPLIT) else None
    is_right, interval = predictions.is_right, None
    if metric == f"{_SPLIT}accuracy":
        interval = proportion_interval(int(is_right.sum()), len(is_right))
    values = () if value is None else (value,)
    return CandidateResult(name, True, None, {}, (), values, value, interval, None, file)

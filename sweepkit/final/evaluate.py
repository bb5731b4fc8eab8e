"""The evaluation of the trained candidates: predictions, comparisons, the winner on the test split, and its bundle.

The order matters. The test split is used after everything that selects, and an evaluation on it is recorded before it
begins. Each step keeps what an earlier run has stored, so a repeated `final` continues where the last one stopped. Try
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
from sweepkit.final.test_split import read_evaluations, write_evaluations
from sweepkit.formatting import metric_words
from sweepkit.results.final_result import CandidateResult, Comparison, FinalResult, HeldOutEvaluation
from sweepkit.results.statistics import compare, proportion_interval
from sweepkit.tasks import worker
from sweepkit.tasks.interface import Baseline, StoredPredictions
from sweepkit.tasks.lookup import task_of
from sweepkit.tasks.requests import BaselineRequest, EvaluationRequest, ExportRequest
from sweepkit.trial.checkpoint_ref import CheckpointRef
from sweepkit.trial.request import best_checkpoint
from sweepkit.trial.trial import Trial

Request = TypeVar("Request")
Answer = TypeVar("Answer")

_SPLIT = "valid_"  # the prefix of metrics of the split on which candidates are compared


class FinalEvaluation:
    """Evaluate the candidates of a sweep; `session` is that of its final stage."""

    def __init__(self, sweep: SweepDefinition, session: SweepSession) -> None:
        self._sweep, self._session, self._folder = sweep, session, session.folder.whole
        self._task = task_of(sweep.config.package)

    def run(self, ranking: Sequence[CandidateResult], trials: Sequence[Trial], *, again: bool) -> FinalResult:
        """Compare, measure the winner on the test split, and put its bundle into the storage.

        Args:
            ranking: the trained candidates, the winner first.
            trials: the final stage's trials.
            again: evaluate on the test split even if that was done before.

        Raises:
            DataError: data or a checkpoint is damaged.
        """
        by_number = {trial.number: trial for trial in trials}
        runs = [by_number[c.best_final_trial] for c in ranking if c.best_final_trial is not None]
        self._predict(runs)
        candidates = (*ranking, *(self._baseline(baseline) for baseline in self._task.baselines))
        n_rows = self._session.dataset.manifest.splits["test"].rows
        evaluations = self._evaluations(candidates[0], runs[0], n_rows, again=again)
        objective = self._sweep.config.objective
        # by the runs, not by the setting: some may have failed
        seeds = max(len(candidate.values) for candidate in ranking)
        comparisons = tuple(self._comparisons(candidates))
        result = FinalResult(objective.metric, objective.mode, seeds, candidates, comparisons, evaluations)
        # after the test split, whose figure is on the model card
        self._export(result, runs[0])
        return result

    def _predict(self, runs: Sequence[Trial]) -> None:
        """Predict validation with the best run of every network that has no stored predictions."""
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

    def _comparisons(self, candidates: Sequence[CandidateResult]) -> list[Comparison]:
        """Compare the winner with the runner-up and with each baseline."""
        winner, *others = candidates
        # The runner-up only: whether the first place is in doubt depends on the closest rival, and every further test
        # at 5 % would add a chance of a false difference.
        rivals = [other for other in others if not other.is_baseline][:1]
        baselines = [other for other in others if other.is_baseline]
        right = self._predictions(winner).is_right
        return [compare(right, self._predictions(other).is_right, other=other.name) for other in [*rivals, *baselines]]

    def _predictions(self, candidate: CandidateResult) -> StoredPredictions:
        assert candidate.predictions is not None, "every candidate has predicted validation"
        return self._task.read_predictions(self._folder.storage, candidate.predictions)

    def _evaluations(
        self, winner: CandidateResult, run: Trial, n_rows: int, *, again: bool
    ) -> tuple[HeldOutEvaluation, ...]:
        """Evaluate the winner on the test split, once or `again`; return all evaluations so far."""
        evaluations = read_evaluations(self._folder)
        # begun by a driver that died: the same model on the same rows, so finishing it is not another evaluation
        begun = [i for i, test in enumerate(evaluations) if test.accuracy is None and test.final_trial == run.number]
        if n_rows == 0 or (evaluations and not begun and not again):
            return tuple(evaluations)
        place = begun[-1] if begun else len(evaluations)
        if not begun:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            evaluations.append(HeldOutEvaluation(len(evaluations) + 1, now, winner.name, run.number, n_rows))
            # before it begins: otherwise a kill after the figure was seen would leave it uncounted
            write_evaluations(self._folder, evaluations)
        request = EvaluationRequest(self._checkpoint(run), "test")
        measured = self._each(worker.evaluate, [request], "measuring the winner on the test split")[0]
        evaluations[place] = replace(
            evaluations[place],
            accuracy=measured.correct / measured.rows,
            interval=proportion_interval(measured.correct, measured.rows),
            loss=measured.loss,
        )
        write_evaluations(self._folder, evaluations)
        return tuple(evaluations)

    def _export(self, result: FinalResult, run: Trial) -> None:
        """Put the winner's best run into the storage as a bundle."""
        request = ExportRequest(
            self._checkpoint(run),
            measured=tuple(self._measured(result, run)),
            # the model card names the trial of the sweep that a user knows, not the run of the final stage
            shown_sweep=self._folder.sweep,
            shown_trial=result.winner.trial if result.winner.trial is not None else run.number,
            to=self._folder.paths.winner,
        )
        self._each(worker.export, [request], "exporting the winner")

    def _measured(self, result: FinalResult, run: Trial) -> list[Measured]:
        """Return the figures of the winner's card."""
        winner, words = result.winner, metric_words(result.metric)
        mean = winner.interval
        figures = [
            Measured(
                f"{words}, mean of {len(winner.values)} seeds",
                result.winner_mean,
                mean.low if mean else None,
                mean.high if mean else None,
                len(winner.values),
            ),
            Measured(f"{words} of this run", run.best_value if run.best_value is not None else result.winner_mean),
        ]
        if (test := result.look) and test.accuracy is not None and test.interval is not None:
            # from the second on the number is part of the name: a reader has to know how often the split was used
            name = "test accuracy" + (f" (evaluation {test.number})" if test.number > 1 else "")
            figures.append(Measured(name, test.accuracy, test.interval.low, test.interval.high, test.rows))
        return figures

    def _checkpoint(self, run: Trial) -> CheckpointRef:
        settings, folder = self._session.trial_settings, self._session.folder
        seed = self._session.definition.config.search.seed
        return best_checkpoint(settings.data_ref, run, sweep=folder.sweep, seed=seed, stage=folder.stage)

    def _each(self, function: Callable[[Request], Answer], requests: Sequence[Request], phase: str) -> list[Answer]:
        """Carry out requests on the workers and show their progress."""
        answers: list[Answer] = []
        if requests:
            self._session.callback.on_progress(phase, 0, len(requests))
        for answer in self._session.runner.map(function, requests, describe=phase):
            answers.append(answer)
            self._session.callback.on_progress(phase, len(answers), len(requests))
        return answers


def baseline_result(name: str, predictions: StoredPredictions, *, metric: str, file: str) -> CandidateResult:
    """Return a baseline as a candidate; without a value if it does not have the objective.

    Args:
        name: of the baseline.
        predictions: of validation.
        metric: the objective.
        file: name of the predictions in the storage.
    """
    # by the metric's name, so that a baseline's accuracy is never shown as the value of another objective
    value = predictions.metrics.get(metric.removeprefix(_SPLIT)) if metric.startswith(_SPLIT) else None
    is_right, interval = predictions.is_right, None
    # over rows, since a baseline has one run and no spread over seeds; other metrics are not proportions
    if metric == f"{_SPLIT}accuracy":
        interval = proportion_interval(int(is_right.sum()), len(is_right))
    values = () if value is None else (value,)
    return CandidateResult(name, True, None, {}, (), values, value, interval, None, file)

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
from sweepkit.tasks.text import predictions
from sweepkit.tasks.text.evaluation import EvaluationTask, evaluate
from sweepkit.tasks.text.export_task import ExportTask, export
from sweepkit.tasks.text.linear_baseline import LinearTask, fit_linear
from sweepkit.trial.request import trial_seed
from sweepkit.trial.trial import Trial

Task = TypeVar("Task")
Answer = TypeVar("Answer")

LINEAR = "TF-IDF bigrams + logistic regression"


class FinalEvaluation:
    """Evaluates the candidates of a sweep; `session` is that of its final stage."""

    def __init__(self, sweep: SweepDefinition, session: SweepSession) -> None:
        self._sweep, self._session, self._folder = sweep, session, session.folder.whole

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
        everyone = (*ranking, self._linear())
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
        self._each(evaluate, [self._evaluation(run, "valid") for run in missing], "predicting validation")

    def _linear(self) -> CandidateResult:
        """Fit the baseline that is no network, or find what it came to."""
        name = self._folder.paths.linear_predictions
        if not self._folder.storage.exists(name):
            task = LinearTask(
                self._session.trial_settings.storage_uri,
                self._session.trial_settings.package,
                self._session.trial_settings.data_key,
                name,
            )
            self._each(fit_linear, [task], "fitting the linear baseline")
        found = predictions.read(self._folder.storage, name)
        interval = proportion_interval(int(found.is_right.sum()), len(found.targets))
        return CandidateResult(LINEAR, True, None, {}, (), (found.accuracy,), found.accuracy, interval, None, name)

    def _comparisons(self, everyone: Sequence[CandidateResult]) -> list[Comparison]:
        """Compare the winner with the runner-up and with each baseline."""
        winner, *others = everyone
        rivals = [other for other in others if not other.is_baseline][:1]
        baselines = [other for other in others if other.is_baseline]
        right = self._is_right(winner)
        return [compare(right, self._is_right(other), other=other.name) for other in [*rivals, *baselines]]

    def _is_right(self, candidate: CandidateResult) -> predictions.Right:
        assert candidate.predictions is not None, "everyone has predicted validation"
        return predictions.read(self._folder.storage, candidate.predictions).is_right

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
        found = self._each(evaluate, [self._evaluation(run, "test")], "measuring the winner on the test split")[0]
        looks[-1] = replace(
            looks[-1],
            accuracy=found.correct / found.rows,
            interval=proportion_interval(found.correct, found.rows),
            loss=found.loss,
        )
        write_looks(self._folder, looks)
        return tuple(looks)

    def _export(self, result: FinalResult, run: Trial) -> None:
        """Put the winner's best run into the storage as a bundle."""
        assert run.best_epoch is not None, "a candidate's run has a best epoch"
        task = ExportTask(
            package=self._session.trial_settings.package,
            data=self._session.trial_settings.data,
            data_key=self._session.trial_settings.data_key,
            storage_uri=self._session.trial_settings.storage_uri,
            sweep=self._folder.sweep,
            stage=self._session.folder.stage,
            trial=run.number,
            epoch=run.best_epoch,
            seed=trial_seed(self._session.definition.config.search.seed, run.number),
            params=dict(run.params),
            measured=tuple(self._measured(result, run)),
            shown_sweep=self._folder.sweep,
            shown_trial=result.winner.trial if result.winner.trial is not None else run.number,
            to=self._folder.paths.winner,
        )
        self._each(export, [task], "exporting the winner")

    def _measured(self, result: FinalResult, run: Trial) -> list[Measured]:
        """Return the figures of the winner's card."""
        winner, words = result.winner, metric_words(result.metric)
        mean = winner.interval
        found = [
            Measured(
                f"{words}, mean of {len(winner.values)} seeds",
                winner.mean,
                mean.low if mean else None,
                mean.high if mean else None,
                len(winner.values),
            ),
            Measured(f"{words} of this run", run.best_value if run.best_value is not None else winner.mean),
        ]
        if (look := result.look) and look.accuracy is not None and look.interval is not None:
            name = "test accuracy" + (f" (look {look.number})" if look.number > 1 else "")
            found.append(Measured(name, look.accuracy, look.interval.low, look.interval.high, look.rows))
        return found

    def _evaluation(self, run: Trial, split: str) -> EvaluationTask:
        assert run.best_epoch is not None, "a candidate's run has a best epoch"
        return EvaluationTask(
            package=self._session.trial_settings.package,
            data=self._session.trial_settings.data,
            data_key=self._session.trial_settings.data_key,
            storage_uri=self._session.trial_settings.storage_uri,
            sweep=self._folder.sweep,
            stage=self._session.folder.stage,
            trial=run.number,
            epoch=run.best_epoch,
            params=dict(run.params),
            split=split,
        )

    def _each(self, function: Callable[[Task], Answer], tasks: Sequence[Task], phase: str) -> list[Answer]:
        """Run tasks on the workers and say how far they are."""
        answers: list[Answer] = []
        if tasks:
            self._session.observer.progress(phase, 0, len(tasks))
        for answer in self._session.runner.map(function, tasks, describe=phase):
            answers.append(answer)
            self._session.observer.progress(phase, len(answers), len(tasks))
        return answers

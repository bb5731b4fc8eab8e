"""The result of a final stage, as stored in `result.json`; `final` computes it, reports show it.

Try `read_final(SweepFolder(Storage.at("runs"), "cells")).winner.mean`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweepkit.errors import DataError
from sweepkit.space import Value
from sweepkit.storage.sweep_folder import SweepFolder

_PARAMS_KEY = "point"  # as files spell `params`


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """A candidate, trained several times from fresh seeds.

    Attributes:
        name: "trial 12" for a trial of the sweep, or a baseline's name.
        is_baseline: whether it takes part for comparison only and cannot win.
        trial: the sweep's trial that its params come from; None for a baseline.
        params: empty for a baseline that is not a network.
        final_trials: the numbers of its runs among the trials of the final stage; empty for a baseline that is not a
            network.
        values: the objective of each run, at its best epoch, on validation; empty for a baseline without this metric.
        mean: of `values`; None if there are none.
        interval: of the mean, over seeds (Student's t), or of the accuracy of a baseline that is not a network, over
            rows (Wilson); None otherwise.
        best_final_trial: the run with the best objective; None for a baseline that is not a network.
        predictions: storage name of that run's predictions on validation; None if there are none.
    """

    name: str
    is_baseline: bool
    trial: int | None
    params: Mapping[str, Value]
    final_trials: tuple[int, ...]
    values: tuple[float, ...]
    mean: float | None
    interval: Interval | None
    best_final_trial: int | None
    predictions: str | None

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return {_PARAMS_KEY if name == "params" else name: value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CandidateResult:  # JSON
        """Rebuild what `to_json` returned."""
        fixed = {
            "params": data[_PARAMS_KEY],
            "final_trials": tuple(data["final_trials"]),
            "values": tuple(data["values"]),
            "interval": _interval(data["interval"]),
        }
        return cls(**{**{name: value for name, value in data.items() if name != _PARAMS_KEY}, **fixed})


@dataclass(frozen=True, slots=True)
class Comparison:
    """The winner compared with another candidate, on the same rows of validation.

    Attributes:
        other: the other candidate's name.
        rows: number of rows.
        only_winner: number of rows that only the winner predicted correctly.
        only_other: number of rows that only the other predicted correctly.
        p_value: of the exact two-sided McNemar test.
        difference: accuracy of the winner minus accuracy of the other.
        interval: of the difference, by bootstrap over rows.
        verdict: CLEAR or NOISE.
    """

    other: str
    rows: int
    only_winner: int
    only_other: int
    p_value: float
    difference: float
    interval: Interval
    verdict: str


@dataclass(frozen=True, slots=True)
class HeldOutEvaluation:
    """One evaluation on the test split.

    Attributes:
        number: 1 for the first.
        at: when it began, ISO time, UTC.
        candidate: the name of the candidate.
        final_trial: the candidate's run; None if that run was trained further since and is another model now.
        rows: of the split.
        accuracy: None if the evaluation was begun but not finished.
        interval: of the accuracy (Wilson).
        loss: mean log loss.
    """

    number: int
    at: str
    candidate: str
    final_trial: int | None
    rows: int
    accuracy: float | None = None
    interval: Interval | None = None
    loss: float | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HeldOutEvaluation:  # JSON
        """Rebuild what `dataclasses.asdict` returned."""
        return cls(**{**data, "interval": _interval(data["interval"])})


@dataclass(frozen=True, slots=True)
class FinalResult:
    """The result of a final stage.

    Attributes:
        metric: the objective.
        mode: "max" or "min".
        n_seeds: number of fresh seeds of each candidate.
        candidates: those of the sweep, the best mean first, then the baselines.
        comparisons: of the winner with the runner-up and with each baseline.
        looks: evaluations on the test split, in order; the last one need not be the winner's.
        registered: the winner in the model registry, as `models:/NAME/VERSION`; None when tracking is off or the store
            did not take it.
    """

    metric: str
    mode: str
    n_seeds: int
    candidates: tuple[CandidateResult, ...]
    comparisons: tuple[Comparison, ...]
    looks: tuple[HeldOutEvaluation, ...]
    registered: str | None = None

    @property
    def winner(self) -> CandidateResult:
        return self.candidates[0]

    @property
    def winner_mean(self) -> float:
        """The mean objective of the winner."""
        assert self.winner.mean is not None, "only a baseline may lack the objective"
        return self.winner.mean

    @property
    def look(self) -> HeldOutEvaluation | None:
        """The newest finished evaluation of the winner on the test split; None if there is none."""
        # by the run, not by the candidate: with more seeds another run of the same candidate may be its best
        own = [
            evaluation
            for evaluation in self.looks
            if evaluation.final_trial == self.winner.best_final_trial and evaluation.accuracy is not None
        ]
        return own[-1] if own else None

    @property
    def figures(self) -> dict[str, object]:
        """The winner's figures for the stage's run in the tracking store."""
        tested = {"test_accuracy": self.look.accuracy} if self.look else {}
        return {"candidate": self.winner.name, "mean": self.winner_mean, **tested}

    @property
    def is_in_doubt(self) -> bool:
        """Whether the winner's lead over the runner-up may be noise."""
        return any(c.verdict != CLEAR and not _is_baseline(self, c.other) for c in self.comparisons)

    def to_json(self) -> dict[str, Any]:  # a JSON object has no narrower type
        return asdict(self) | {"candidates": [candidate.to_json() for candidate in self.candidates]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FinalResult:  # JSON
        """Rebuild what `to_json` returned."""
        fixed = {
            "candidates": tuple(CandidateResult.from_json(item) for item in data["candidates"]),
            "comparisons": tuple(
                Comparison(**{**c, "interval": Interval(**c["interval"])}) for c in data["comparisons"]
            ),
            "looks": tuple(HeldOutEvaluation.from_json(item) for item in data["looks"]),
        }
        return cls(**{**data, **fixed})


# stored in result.json, and compared with when it is read: another wording would put old results in doubt
CLEAR = "the difference is larger than noise"
NOISE = "the difference may be noise"


def _is_baseline(result: FinalResult, name: str) -> bool:
    return any(candidate.is_baseline for candidate in result.candidates if candidate.name == name)


def _interval(data: Mapping[str, Any] | None) -> Interval | None:  # JSON
    return None if data is None else Interval(**data)


def read_final(folder: SweepFolder) -> FinalResult | None:
    """Return the result of a sweep's final stage; None before the stage has ended.

    Raises:
        DataError: the file is damaged.
    """
    name = folder.paths.final_result
    if not folder.storage.exists(name):
        return None
    try:
        return FinalResult.from_json(folder.storage.read_json(name))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the result of the final stage cannot be read: {error}; delete it and run `final` again",
            where=folder.shown(name),
        ) from None

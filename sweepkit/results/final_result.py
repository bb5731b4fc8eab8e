"""The result of a final stage, as `result.json` keeps it; `final` computes it, reports show it.

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
    """One setting, trained several times from fresh seeds.

    Attributes:
        name: "trial 12" for a trial of the sweep, or a baseline's name.
        is_baseline: whether it is there to be beaten only.
        trial: the sweep's trial that its parameters come from; None for a baseline.
        params: its parameters; empty for a baseline that is no network.
        final_trials: the numbers of its runs among the trials of the final stage; empty for one that is no network.
        values: the objective of each run, at its best epoch, on validation; empty for a baseline that does not have
            this metric.
        mean: of these; None where there are none.
        interval: of the mean, over seeds (Student's t); over rows (Wilson) for a single run; None where neither holds.
        best_final_trial: the run with the best objective; None for a baseline that is no network.
        predictions: name in the storage of that run's predictions on validation; None when there are none.
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
    """Winner against another, on the same rows of validation.

    Attributes:
        other: the other candidate's name.
        rows: how many rows both predicted.
        only_winner: rows that only the winner has right.
        only_other: rows that only the other has right.
        p_value: exact two-sided McNemar test.
        difference: accuracy of the winner less that of the other.
        interval: of the difference, by bootstrap over rows.
        verdict: in a user's words, whether the difference may be noise.
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
    """One look at the test split.

    Attributes:
        number: 1 for the first.
        at: ISO time, UTC.
        candidate: who was measured.
        final_trial: which of its runs; None when that run has gone on since and is another model now.
        rows: of the split.
        accuracy: None when the look was begun and never finished.
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
    """The whole final stage.

    Attributes:
        metric: the objective.
        mode: "max" or "min".
        n_seeds: fresh seeds of each candidate.
        candidates: those of the sweep, the best mean first, then the baselines.
        comparisons: of the winner with the runner-up and each baseline, where predictions allow it.
        looks: at the test split, in order; the last one need not be at the winner.
        registered: the winner in the model registry, as `models:/NAME/VERSION`; None when tracking is off or the
            store was away.
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
        """The newest finished look at the winner; None when the test split has not been looked at with it."""
        own = [
            look
            for look in self.looks
            if look.final_trial == self.winner.best_final_trial and look.accuracy is not None
        ]
        return own[-1] if own else None

    @property
    def figures(self) -> dict[str, object]:
        """What the stage's run in the tracking store shows of the winner."""
        tested = {"test_accuracy": self.look.accuracy} if self.look else {}
        return {"candidate": self.winner.name, "mean": self.winner_mean, **tested}

    @property
    def is_in_doubt(self) -> bool:
        """Whether the first place is, against the runner-up, within noise."""
        return any(c.verdict != CLEAR and not _is_baseline(self, c.other) for c in self.comparisons)

    def to_json(self) -> dict[str, Any]:  # as above
        return asdict(self) | {"candidates": [candidate.to_json() for candidate in self.candidates]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FinalResult:  # as above
        """Rebuild what `to_json` returned."""
        fixed = {
            "candidates": tuple(CandidateResult.from_json(item) for item in data["candidates"]),
            "comparisons": tuple(
                Comparison(**{**c, "interval": Interval(**c["interval"])}) for c in data["comparisons"]
            ),
            "looks": tuple(HeldOutEvaluation.from_json(item) for item in data["looks"]),
        }
        return cls(**{**data, **fixed})


CLEAR = "the difference is larger than noise"
NOISE = "the difference may be noise"


def _is_baseline(result: FinalResult, name: str) -> bool:
    return any(candidate.is_baseline for candidate in result.candidates if candidate.name == name)


def _interval(data: Mapping[str, Any] | None) -> Interval | None:  # JSON
    return None if data is None else Interval(**data)


def read_final(folder: SweepFolder) -> FinalResult | None:
    """Return the result of a sweep's final stage; None before that has ended.

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

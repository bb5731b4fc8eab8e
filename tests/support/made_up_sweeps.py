"""Made-up sweeps of any size, as values and as folders on disk. Imported by the tests of the report."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweepkit.config.schema import SweepConfig
from sweepkit.provenance import CodeInfo
from sweepkit.report.data import ReportData
from sweepkit.results.final_result import (
    CLEAR,
    NOISE,
    CandidateResult,
    Comparison,
    FinalResult,
    HeldOutEvaluation,
    Interval,
)
from sweepkit.results.sweep import Sweep
from sweepkit.space import Choice, Float, Int, Params, Space, Value
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.tasks.description import DataDescription, ErrorDescription
from sweepkit.tasks.text.description import describe_data, describe_errors
from sweepkit.tasks.text.manifest import BIN_TOKENS, N_BINS, TextManifest, TextSplitInfo, VectorInfo, VocabularyInfo
from sweepkit.tasks.text.predictions import Predictions
from sweepkit.trial.trial import Direction, Report, Trial, TrialState

RECURRENT = ("lstm", "gru", "ugrnn", "rnn")
SPACE = Space(
    {
        "cell": Choice((*RECURRENT, "none")),
        "units": Int(16, 128, step=16, when={"cell": RECURRENT}),
        "bidirectional": Choice((False, True), when={"cell": RECURRENT}),
        "pooling": Choice(("last", "mean", "max"), when={"cell": RECURRENT}),
        "dropout": Float(0.0, 0.5),
        "embedding": Choice(("scratch", "given", "given_frozen")),
        "embedding_dim": Choice((50, 100), when={"embedding": ("scratch",)}),
        "max_len": Choice((100, 200, 400)),
        "rate": Float(1e-4, 1e-1, log=True),
        "batch_size": Choice((128,)),
    }
)
START = 1_790_000_000.0
METRIC = "valid_accuracy"
MAX_EPOCHS = 9
_SPEED = {"lstm": 30.0, "gru": 32.0, "ugrnn": 18.0, "rnn": 12.0, "none": 4.0}
_GIFT = {"lstm": 0.05, "gru": 0.06, "ugrnn": 0.05, "rnn": 0.01, "none": 0.0}


def params(chance: random.Random) -> Params:
    """Draw a point of the space."""

    def choose(name: str, param: Any) -> Value:
        if isinstance(param, Choice):
            return chance.choice(param.options)
        if isinstance(param, Int):
            return chance.randrange(param.low, param.high + 1, param.step)
        if param.log:
            return math.exp(chance.uniform(math.log(param.low), math.log(param.high)))
        return chance.uniform(param.low, param.high)

    return SPACE.draw(choose)


def curve(one: Params, chance: random.Random) -> list[float]:
    """Make up an objective for every epoch."""
    good = 0.80 + _GIFT[str(one["cell"])] - 0.03 * abs(math.log10(float(one["rate"])) + 2.5)
    good += 0.0001 * float(one["max_len"]) / 2 + chance.gauss(0, 0.008)
    return [
        min(0.99, good - 0.25 * math.exp(-epoch / 1.5) + chance.gauss(0, 0.006)) for epoch in range(1, MAX_EPOCHS + 1)
    ]


def trials(n: int, *, workers: int = 4, seed: int = 0, pause_s: float = 0.0) -> list[Trial]:
    """Make up trials on a few workers, stopped at rungs as ASHA does; a pause comes in the middle of the sweep."""
    chance = random.Random(seed)
    free, found, paused = [START] * workers, [], False
    rungs: dict[int, list[float]] = {1: [], 3: []}
    for number in range(n):
        worker = free.index(min(free))
        if pause_s and not paused and number >= n // 2:
            free, paused = [max(free) + pause_s] * workers, True
        trial = _record(number, free[worker], params(chance), rungs, chance)
        free[worker] = free[worker] + (trial.seconds or 0) + chance.uniform(0, 2)
        found.append(trial)
    return found


def _record(number: int, started: float, one: Params, rungs: dict[int, list[float]], chance: random.Random) -> Trial:
    time, reports, values = started + 6, [], curve(one, chance)
    fails = chance.random() < 0.03
    state, reason = TrialState.COMPLETE, f"ran all {MAX_EPOCHS} epochs"
    for epoch, value in enumerate(values, start=1):
        seconds = _SPEED[str(one["cell"])] * float(one["max_len"]) / 200 * chance.uniform(0.9, 1.1)
        time += seconds * 1.1
        metrics = {"train_loss": 1 - value, "train_seconds": seconds, "valid_seconds": seconds * 0.1}
        metrics |= {
            METRIC: value,
            "n_weights": 20_000.0 * float(one.get("embedding_dim", 50)) + 300.0 * float(one.get("units", 0)),
        }
        reports.append(Report(epoch, metrics, time))
        if fails and epoch == 2:
            state, reason = TrialState.FAILED, "valid_loss is nan at epoch 2"
            break
        if epoch in rungs:
            rungs[epoch].append(value)
            cutoff = sorted(rungs[epoch], reverse=True)[max(len(rungs[epoch]) // 3, 1) - 1]
            if value < cutoff:
                state = TrialState.PRUNED
                reason = f"rung at epoch {epoch}: {METRIC} {value:.4f} is not among the best 1/3 (needed {cutoff:.4f})"
                break
    seen = [report.metrics[METRIC] for report in reports]
    best = max(seen)
    return Trial(number, one, tuple(reports), state, reason, best, seen.index(best) + 1, None, started, time - started)


def made_up_sweep(
    made: list[Trial],
    *,
    name: str = "made_up",
    space: Space = SPACE,
    direction: Direction = Direction.MAX,
    errors: Mapping[int, str] | None = None,
    final: FinalResult | None = None,
) -> Sweep:
    """Wrap trials, in a folder that does not exist."""
    n_trials = max(len(made), 1)
    manifest = SweepManifest(
        settings=config(n_trials, direction=direction).model_dump(mode="json"),
        space=tuple(space.describe()),
        n_trials=n_trials,
        data_key="feedc0de",
        code=CodeInfo(
            commit="0123456789abcdef0123456789abcdef01234567",
            dirty=False,
            versions={"python": "3.11.7", "optuna": "5.0.0"},
            host="made-up",
        ),
        source="sweeps/made_up.yaml",
        created="2026-09-21T14:13:20+00:00",
    )
    sweep = Sweep(SweepFolder(Storage.at("runs"), name), manifest, made, errors or {})
    vars(sweep)["final"] = final  # where `cached_property` keeps it, so that the folder is not read
    return sweep


def report_data(made: list[Trial], **changes: Any) -> ReportData:
    """Wrap trials for the page; `changes` are arguments of `made_up_sweep`, and attributes of ReportData."""
    own = {name: changes.pop(name) for name in ("data", "no_data", "judged", "no_judged") if name in changes}
    reasons = {
        "no_data": "The prepared data is gone.",
        "no_judged": "The winner's errors are known after the final stage.",
    }
    return ReportData(made_up_sweep(made, **changes), **{**reasons, **own})


def config(trials: int, name: str = "made_up", direction: Direction = Direction.MAX) -> SweepConfig:
    return SweepConfig.model_validate(
        {
            "sweep": name,
            "package": "toy",
            "objective": {"metric": METRIC, "mode": direction.value},
            "search": {"sampler": "random", "trials": trials, "seed": 1},
            "stopping": {"rule": "none", "max_epochs": MAX_EPOCHS},
        }
    )


def write_sweep(root: Path, found: list[Trial], *, name: str = "made_up") -> Path:
    """Write a sweep's folder, journal and manifest, with these trials' curves, and return it."""
    folder = root / "sweeps" / name
    folder.mkdir(parents=True)
    wanted = config(max(len(found), 1), name)
    study = SweepStudy.open(folder / "journal.log", wanted, SPACE)
    study.queue([dict(trial.params) for trial in found])
    for trial in found:
        asked = study.ask()
        assert asked is not None
        for report in trial.reports:
            study.report(asked.number, report)
        if trial.state:
            study.finish(asked.number, Decision(trial.state, trial.reason or ""))
    manifest = made_up_sweep(found).manifest.changed(settings=wanted.model_dump(mode="json"))
    content = json.dumps({**manifest.to_json(), "identity": {}})
    (folder / "manifest.json").write_text(content, encoding="utf-8")
    return folder


def final_result(*, clear: bool = False, looks: int = 1) -> FinalResult:
    """Make up what a final stage found: two leaders and two baselines, one of which is no network."""
    verdict, p_value = (CLEAR, 0.004) if clear else (NOISE, 0.61)
    one = {"cell": "gru", "units": 64}
    return FinalResult(
        metric=METRIC,
        mode="max",
        n_seeds=3,
        candidates=(
            CandidateResult(
                "trial 7", False, 7, one, (0, 1, 2), (0.891, 0.894, 0.889), 0.8913, Interval(0.885, 0.898), 1, "p7"
            ),
            CandidateResult(
                "trial 2", False, 2, one, (3, 4, 5), (0.885, 0.892, 0.89), 0.889, Interval(0.88, 0.898), 4, "p2"
            ),
            CandidateResult(
                "mean of embeddings", True, None, {}, (6,), (0.871,), 0.871, Interval(0.865, 0.878), 6, "p6"
            ),
            CandidateResult("bigrams", True, None, {}, (), (0.88,), 0.88, None, None, "linear"),
        ),
        comparisons=(
            Comparison("trial 2", 5000, 210, 198, p_value, 0.0024, Interval(-0.005, 0.01), verdict),
            Comparison("bigrams", 5000, 301, 210, 0.0001, 0.018, Interval(0.01, 0.026), CLEAR),
        ),
        looks=tuple(
            HeldOutEvaluation(n, "2026-09-21T18:00:00+00:00", "trial 7", 1, 25_000, 0.8841, Interval(0.88, 0.888), 0.31)
            for n in range(1, looks + 1)
        ),
    )


def judged() -> ErrorDescription:
    """Make up the winner's errors."""
    targets = np.repeat(np.array([0, 0, 1, 1], np.int32), [2210, 290, 255, 2245])
    labels = np.repeat([0, 1, 0, 1], [2210, 290, 255, 2245])
    mistakes = [
        _mistake(17, "negative", "positive", 0.993, "not a bad <b>film</b> at all , i was told"),
        _mistake(4, "positive", "negative", 0.981, "</script><script>alert(1)</script> boring it is not"),
    ]
    return describe_errors(Predictions(targets, np.eye(2, dtype=np.float32)[labels]), mistakes, manifest(400))


def _mistake(row: int, target: str, predicted: str, probability: float, text: str) -> dict[str, Any]:
    return {"row": row, "target": target, "predicted": predicted, "probability": probability, "text": text}


def data(rows: int = 20_000) -> DataDescription:
    """Say what made-up prepared data is like."""
    return describe_data(manifest(rows))


def manifest(rows: int = 20_000) -> TextManifest:
    """Make up the manifest of prepared data with texts of 20 to 1,400 tokens."""
    chance = random.Random(0)
    splits = {}
    for name, n in {"train": rows, "valid": rows // 4, "test": rows}.items():
        found = sorted(int(min(1400, 20 + chance.lognormvariate(5.1, 0.7))) for _ in range(n))
        histogram = [0] * N_BINS
        for length in found:
            histogram[min(length // BIN_TOKENS, N_BINS - 1)] += 1
        shares = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
        lengths = {"mean": sum(found) / n} | {key: float(found[int(share * (n - 1))]) for key, share in shares.items()}
        splits[name] = TextSplitInfo(
            rows=n, lengths=lengths, files=(), label_counts=(n // 2, n - n // 2), histogram=tuple(histogram)
        )
    return TextManifest(
        format=2,
        key="feedc0de",
        package="toy",
        label_names=("negative", "positive"),
        splits=splits,
        vocabulary=VocabularyInfo("vocabulary.txt", 1, "", 20_000, 0.9731),
        vectors=(VectorInfo("vectors-50.npy", 1, "", 50, 19_100, 0.9702),),
        duplicates={},
        settings={},
        source="made-up texts",
        source_digest="",
    )

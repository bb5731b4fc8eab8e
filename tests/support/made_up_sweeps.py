"""Made-up sweeps of any size, as values and as folders on disk. Imported by the tests of the report."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweepkit.config.schema import SweepConfig
from sweepkit.provenance import CodeInfo
from sweepkit.report.data import ReportData
from sweepkit.results.final_result import FinalResult
from sweepkit.results.sweep import Sweep
from sweepkit.space import Choice, Float, Int, Params, Space, Value
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
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
    own = {
        name: changes.pop(name) for name in ("data", "no_data", "winner_errors", "no_winner_errors") if name in changes
    }
    reasons = {
        "no_data": "The prepared data is gone.",
        "no_winner_errors": "The winner's errors are known after the final stage.",
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

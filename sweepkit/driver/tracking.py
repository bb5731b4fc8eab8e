"""What of a sweep goes into its tracking store besides its trials: its settings, its data, its winner.

The adapter `tracking` knows MLflow and no sweeps; this knows sweeps and no MLflow.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from sweepkit import provenance
from sweepkit.config.definition import SweepDefinition
from sweepkit.config.schema import SweepConfig
from sweepkit.data.dataset import PreparedData
from sweepkit.data.manifest import Manifest
from sweepkit.errors import StorageFault
from sweepkit.redaction import hidden
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.manifest import amend
from sweepkit.storage.storage import Storage
from sweepkit.tracking.pending_runs import is_pending
from sweepkit.tracking.run_endings import SweepEnd
from sweepkit.tracking.sweep_logger import SweepLogger
from sweepkit.tracking.uris import shown
from sweepkit.trial.leaderboard import ranked, reasons, table
from sweepkit.trial.trial import Direction, Trial, TrialState

# the end of a traceback says most, and a tag of MLflow holds 8,000 characters
_LONGEST_ERROR = 6000


def open_sweep_logger(
    definition: SweepDefinition, storage: Storage, data_key: str, *, parent: str | None = None
) -> SweepLogger | None:
    """Open the sweep's run in the tracking store, the same one where the sweep goes on; None when tracking is off.

    Args:
        definition: the sweep.
        storage: where its manifest is.
        data_key: the content key of its data.
        parent: the run that this one is shown under; None for a sweep of its own.

    Raises:
        InputError: the store cannot be used.
    """
    config = definition.config
    if not config.tracking.enabled:
        return None
    manifest = storage.read_json(SweepPaths(config.sweep).manifest)
    sweep_logger = SweepLogger.open(
        uri=config.tracking.uri,
        experiment=config.tracking.experiment or config.sweep,
        sweep=config.sweep,
        parent_run_id=manifest.get("parent_run_id"),
        origin=origin_of(config.sweep, storage),
        tags=_tags(definition, data_key) | ({"mlflow.parentRunId": parent} if parent else {}),
        params=_settings(definition),
    )
    sweep_logger.remedy = f"`python -m sweepkit sync {_target(definition, storage)}` tells it the rest when it is back"
    sweep_logger.is_behind = not is_synced(storage, config.sweep)
    known = {"parent_run_id": sweep_logger.parent_run_id, "tracking_uri": shown(sweep_logger.uri)}
    amend(storage, config.sweep, **known, ended=None, told=False)
    return sweep_logger


def origin_of(sweep: str, storage: Storage) -> str:
    """Return what tells a sweep, or a final stage, from all others, also those of its name in other storages."""
    manifest = storage.read_json(SweepPaths(sweep.partition("/")[0]).manifest)
    return f"{sweep} {manifest['created']} {manifest['host']}"


def close(sweep_logger: SweepLogger, storage: Storage, sweep: str) -> None:
    """Tell the store what is left, and note in the sweep's manifest that it knows all, if it does."""
    if sweep_logger.close():
        with contextlib.suppress(StorageFault):  # at worst it is told again
            amend(storage, sweep, told=True)


def note_synced(storage: Storage, paths: SweepPaths) -> None:
    """Note that the store knows all of a sweep and of its final stage."""
    for own in (paths, paths.final):
        if storage.exists(own.manifest):
            amend(storage, own.sweep, told=True)


def is_synced(storage: Storage, sweep: str) -> bool:
    """Say whether the store knows all; if not, the driver died, or the store was away when the last run ended."""
    return bool(storage.read_json(SweepPaths(sweep).manifest).get("told", True))


def finish(
    sweep_logger: SweepLogger, definition: SweepDefinition, storage: Storage, trials: list[Trial], status: SweepEnd
) -> None:
    """End the sweep's run, and note in its manifest how it ended, for a store that is told only later."""
    sweep_logger.finish(status=status, **results_of(definition, trials))
    with contextlib.suppress(StorageFault):  # which is being told already if it is why the sweep ends
        amend(storage, definition.config.sweep, ended=status)


class TrialRuns:
    """The runs of a sweep's trials, as the referee opens and ends them; `metric` is the objective."""

    def __init__(
        self, sweep_logger: SweepLogger, storage: Storage, prepared: PreparedData, definition: SweepDefinition
    ) -> None:
        self._sweep_logger, self._storage, self._prepared = sweep_logger, storage, prepared
        self._paths, self._metric = SweepPaths(definition.config.sweep), definition.config.objective.metric
        self._tags = _tags(definition, prepared.manifest.key)

    def open(self, trial: Trial, *, resumes: bool = False) -> str:
        """Return the id of a trial's run: a new one, or the one it has, to go on with where it `resumes`."""
        run_id = self._sweep_logger.start_trial(
            number=trial.number,
            name=run_name(trial),
            params=trial.params,
            tags=self._tags,
            run_id=trial.run_id,
            may_exist=resumes,
        )
        if trial.run_id is None:
            log_data(self._sweep_logger, run_id, self._prepared, split="train", context="training")
        return run_id

    def collect(self, trial: Trial, *, has_ended: bool = False) -> None:
        """Pass on what the trial's worker could not send itself."""
        if trial.run_id:
            paths = self._paths.trial(trial.number)
            self._sweep_logger.collect(trial.run_id, self._storage, paths, has_ended=has_ended)

    def log_again(self, trials: Sequence[Trial]) -> None:
        """Tell of trials that ended in earlier runs, where the store may not know all of them."""
        for trial in trials if self._sweep_logger.is_behind else ():
            if trial.state and trial.run_id and is_pending(trial.run_id):
                self.open(trial)
            self.end(trial)

    def end(self, trial: Trial) -> None:
        """Write down how a trial ended."""
        if trial.run_id is None or trial.state is None:
            return
        self.collect(trial, has_ended=True)
        self._sweep_logger.end_trial(
            trial.run_id,
            state=trial.state.value,
            reason=trial.reason or "",
            best_value=trial.best_value,
            best_epoch=trial.best_epoch,
            metric=self._metric,
            at=trial.ended,
            tags=fault_tags(trial, log=f"{self._storage.shown}/{self._paths.trial(trial.number).log}"),
        )


def fault_tags(trial: Trial, *, log: str) -> dict[str, str]:
    """Return what a run says of its trial's faults: how many, and of a failed trial the last one and the log."""
    tags = {"sweepkit.faults": str(len(trial.failures))} if trial.failures else {}
    if trial.state is not TrialState.FAILED:
        return tags
    tags["sweepkit.log"] = log
    if trial.failures:
        error = trial.failures[-1].error[-_LONGEST_ERROR:]
        tags["sweepkit.error"] = error
        tags["mlflow.note.content"] = f"Failed: {trial.reason}\n\n```\n{error.rstrip()}\n```\n"
    return tags


def run_name(trial: Trial) -> str:
    """Name a trial by its number and the first words and whole numbers of its point: `0007 gru 64`."""
    words = [str(v) for v in trial.params.values() if isinstance(v, str | int) and not isinstance(v, bool)]
    return " ".join([f"{trial.number:04d}", *words[:2]])


def describe_data(sweep_logger: SweepLogger, prepared: PreparedData) -> None:
    """Record which data the sweep trains and validates on."""
    for split, context in (("train", "training"), ("valid", "validation")):
        log_data(sweep_logger, sweep_logger.parent_run_id, prepared, split=split, context=context)


def log_data(sweep_logger: SweepLogger, run_id: str, prepared: PreparedData, *, split: str, context: str) -> None:
    """Record one split as an input of a run."""
    facts = dataset_facts(prepared.manifest, str(prepared.folder), split=split, context=context)
    sweep_logger.log_dataset(run_id, **facts)


def dataset_facts(manifest: Manifest, source: str, *, split: str, context: str) -> dict[str, Any]:
    """Return what describes one split as an input of a run: the arguments of `SweepLogger.log_dataset`."""
    facts = manifest.splits[split]
    return {
        "name": f"{manifest.package}-{split}",
        "digest": manifest.key,
        "source": source,
        "profile": {"rows": facts.rows, "label_counts": list(facts.label_counts), "lengths": dict(facts.lengths)},
        "context": context,
    }


def keep_checkpoints(sweep_logger: SweepLogger, storage: Storage, paths: SweepPaths, leaders: Sequence[Trial]) -> None:
    """Copy the best checkpoint of each kept trial to its run's artifacts, where the storage is a folder."""
    for trial in leaders:
        if trial.run_id and trial.best_epoch and storage.local is not None:
            folder = storage.path(paths.trial(trial.number).checkpoint(trial.best_epoch))
            sweep_logger.log_checkpoint(trial.run_id, folder)


def results_of(definition: SweepDefinition, trials: list[Trial]) -> dict[str, Any]:  # SweepLogger.finish's arguments
    """Return what a finished sweep's run shows; see `results`."""
    return results(definition.config, trials)


def results(config: SweepConfig, trials: list[Trial]) -> dict[str, Any]:  # as above
    """Return the leaderboard by column, the winner, why trials ended, and when the last one did."""
    objective = config.objective
    rows = table(trials, metric=objective.metric, direction=Direction(objective.mode))
    return {
        "leaderboard": {name: [row.get(name) for row in rows] for name in rows[0]} if rows else {},
        "best": _winner(config, trials),
        "metric": objective.metric,
        "ended": reasons(trials),
        "at": max((trial.ended for trial in trials if trial.ended is not None), default=None),
    }


def _target(definition: SweepDefinition, storage: Storage) -> str:
    """Name a sweep, or the one that a final stage belongs to, as a command takes it."""
    sweep = definition.config.sweep.partition("/")[0]
    return shlex.quote(str(storage.path(SweepPaths(sweep).root) if storage.local else definition.source))


def _winner(config: SweepConfig, trials: list[Trial]) -> Mapping[str, object]:
    metric = config.objective.metric
    leaders = ranked(trials, Direction(config.objective.mode))
    if not leaders:
        return {}
    best = leaders[0]
    return {"trial": best.number, metric: best.best_value, "epoch": best.best_epoch, **best.params}


def _tags(definition: SweepDefinition, data_key: str) -> dict[str, str]:
    code = provenance.code_state(definition.package.folder)
    facts = {
        "data_key": data_key,
        "host": provenance.host(),
        "commit": code.commit or "unknown",
        "dirty": "unknown" if code.dirty is None else str(code.dirty).lower(),
    }
    versions = {f"version.{name}": version for name, version in provenance.versions().items()}
    commit = {"mlflow.source.git.commit": code.commit} if code.commit else {}
    return {f"sweepkit.{name}": value for name, value in (facts | versions).items()} | commit


def _settings(definition: SweepDefinition) -> dict[str, str]:
    """Return the YAML's settings as `search.sampler` and so on, without the space, which trials have values of."""
    config = definition.config.model_dump(mode="json", exclude={"space", "data", "storage", "tracking"})
    flat = {
        f"{section}.{key}": hidden(str(value))
        for section, values in config.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
    return flat | {f"data.{key}": hidden(str(value)) for key, value in definition.data.model_dump(mode="json").items()}

"""The keys of a sweep file: frozen models with a documented default for all but three keys.

`parse(read_yaml(path))` turns a document into a `SweepConfig` and reports every issue with its place and the nearest
valid name. The `space:` and `data:` sections belong to the sweep package; definition.py checks them. All other code
reads attributes instead of looking up keys.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from sweepkit.config import messages
from sweepkit.config.document import Document
from sweepkit.config.fields import Count, Gpu, Name, PackageName, Place, RuleName, SamplerName, Seed, Strict, Title
from sweepkit.config.nodes import Keys
from sweepkit.errors import Issue
from sweepkit.trial.trial import Direction

Model = TypeVar("Model", bound=BaseModel)


class DataSettings(Strict):
    """The data settings of every sweep package; a package's `Data` adds its own keys.

    Attributes:
        source: where the data comes from: a file, a folder or a word that the package defines; None leaves the
            choice to the package.
        seed: of the random choice of train rows that become the validation split.
        valid_fraction: the fraction of train that becomes the validation split.
    """

    source: Place | None = None
    seed: Seed = 0
    valid_fraction: float = Field(default=0.2, gt=0, lt=1)


class Objective(Strict):
    """The objective: `metric`, which trials report every epoch, and whether it is maximised or minimised."""

    metric: Title
    mode: Literal["max", "min"]

    @property
    def direction(self) -> Direction:
        return Direction(self.mode)


class Search(Strict):
    """How the params of trials are sampled.

    Attributes:
        sampler: `tpe` models the params of good trials, `random` and `qmc` ignore earlier trials, `grid` tries every
            point of the grid, `gp` fits a Gaussian process (needs torch), `cmaes` evolves a normal distribution.
        trials: total number of trials of the sweep, over all of its runs.
        seed: of the sampler; the seeds of the trials are derived from it.
    """

    sampler: SamplerName = "tpe"
    trials: Count = 20
    seed: Seed = 0


class Stopping(Strict):
    """When a trial is pruned, or stopped early, before its last epoch.

    Attributes:
        rule: the pruner. `asha` keeps the best `1 / reduction` of the trials at each rung, `hyperband` does the same
            in brackets whose first rung is later, `median` prunes a trial that is worse than the median of the
            other trials at the same epoch.
        max_epochs: a trial's last epoch.
        grace_epochs: no trial is pruned before this epoch, which is the first rung.
        reduction: the ratio of the epochs of one rung and the rung before.
        patience: early stopping after this many epochs without a better objective; None turns it off.
        warmup_trials: `median` prunes no trial until this many trials have ended.
    """

    rule: RuleName = "asha"
    max_epochs: Count = 10
    grace_epochs: Count = 1
    reduction: int = Field(default=3, ge=2)
    patience: int | None = Field(default=None, ge=1)
    warmup_trials: int = Field(default=5, ge=0)

    @field_validator("grace_epochs")
    @classmethod
    def _within_max_epochs(cls, value: int, info: ValidationInfo) -> int:
        last = info.data.get("max_epochs", value)  # absent if max_epochs itself is wrong
        if value > last:
            raise ValueError(f"must be at most max_epochs, which is {last}, got {value}")
        return value


class Budget(Strict):
    """The limits of the sweep.

    At a limit no new trial starts, and running trials stop at their next report; they continue when the sweep is run
    again with a larger budget. The usage of earlier runs of the sweep counts. A final stage has the same limits for
    itself.

    Attributes:
        hours: wall time in which the sweep runs; None for no limit.
        epochs: of all trials together; None for no limit.
        money: in the currency of the price; None for no limit.
        price_per_worker_hour: cost of one worker (the resources of one trial, see `resources`) for an hour, busy or
            not. Required with `money`, and only allowed with `money`.
        failures: this many trials may fail; one more ends the sweep.
        retries: how often a trial continues from its checkpoint after its worker died or hung or the package raised;
            after that, the trial has failed. A lost node does not count, and a NaN loss is never retried. With
            --inline there are no retries.
        timeout_minutes: a worker without a report for this long counts as hung and is killed. The first epoch
            includes imports, reading the data and building the model. None for no timeout.
    """

    hours: float | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, ge=1)
    money: float | None = Field(default=None, gt=0)
    price_per_worker_hour: float | None = Field(default=None, gt=0, validate_default=True)
    failures: int = Field(default=5, ge=0)
    retries: int = Field(default=1, ge=0)
    timeout_minutes: float | None = Field(default=None, gt=0)

    @field_validator("price_per_worker_hour")
    @classmethod
    def _with_money(cls, value: float | None, info: ValidationInfo) -> float | None:
        if "money" not in info.data:  # money itself is wrong
            return value
        money = info.data["money"]
        if money is not None and value is None:
            raise ValueError(f"is needed with money: {money:g}; say what a worker costs an hour, in the same currency")
        if value is not None and money is None:
            raise ValueError(f"limits nothing without money; say how much may be spent, or leave {value:g} out")
        return value


class Resources(Strict):
    """The resources of one trial.

    Attributes:
        cpu: threads.
        gpu: a fraction of one GPU, or a whole number of GPUs; `auto` is 1 if the cluster has GPUs, else 0.
        workers: how many trials run at once; None for as many as fit on the cluster.
        worker_memory_gb: a worker that uses more memory between two trials is replaced. None for the memory of its
            node divided by the number of workers that fit on the node.
    """

    cpu: int = Field(default=1, ge=1)
    gpu: Gpu = "auto"
    workers: int | None = Field(default=None, ge=1)
    worker_memory_gb: float | None = Field(default=None, gt=0)

    @field_validator("gpu")
    @classmethod
    def _whole_above_one(cls, value: float | Literal["auto"]) -> float | Literal["auto"]:
        if value != "auto" and value > 1 and value != int(value):
            raise ValueError(f"must be a fraction below 1 or a whole number of gpus, got {value!r}")
        return value


class StorageSettings(Strict):
    """Where the sweep is stored: a folder (relative to the working directory) or the URI of a bucket.

    `keep` is the number of leading trials whose best checkpoint is kept when the sweep ends.
    """

    uri: Place = "runs"
    keep: int = Field(default=5, ge=1)


class Tracking(Strict):
    """Where MLflow runs are written.

    Attributes:
        uri: None for MLFLOW_TRACKING_URI, or mlflow.db in the working directory if that is not set.
        experiment: None for the sweep's name.
        enabled: false turns MLflow off.
    """

    uri: Place | None = None
    experiment: Title | None = None
    enabled: bool = True


class Final(Strict):
    """The final stage: the leading trials trained again from fresh seeds, the winner evaluated on the test split.

    Attributes:
        top: how many of the leading trials are trained again.
        seeds: how many times each of these trials is trained.
    """

    top: int = Field(default=3, ge=1)
    seeds: int = Field(default=3, ge=1)


class SweepConfig(Strict):
    """A whole sweep file. `data` and `space` are unchecked here; `SweepDefinition` holds the checked ones.

    Attributes:
        sweep: the name of the sweep, of its folder and of its MLflow experiment.
        package: the folder beside the file that defines the space, reads the data and builds the models.
        final: the final stage at the end of `run`; without this section only the command `final` runs one.
        deterministic: results are reproducible to the bit on the same machine, at some cost in speed.
        nn: how recurrent layers are computed: `auto` selects the fastest implementation for the device, `stock`
            is Keras' own. Both agree within rounding, so a sweep may be resumed with the other.
    """

    sweep: Name
    package: PackageName
    objective: Objective
    data: dict[str, Any] = Field(default_factory=dict)  # keys of the package's own
    space: dict[str, Any] = Field(default_factory=dict)  # checked against the package's space
    search: Search = Search()
    stopping: Stopping = Stopping()
    budget: Budget = Budget()
    resources: Resources = Resources()
    storage: StorageSettings = StorageSettings()
    tracking: Tracking = Tracking()
    final: Final | None = None
    deterministic: bool = False
    nn: Literal["auto", "stock"] = "auto"


def parse(document: Document) -> tuple[SweepConfig | None, list[Issue]]:
    """Check a document; the config is None if anything but `space:` and `data:` is wrong."""
    config, issues = check(SweepConfig, document.values, document)
    return config, [*document.issues, *issues]


def check(
    model: type[Model], values: object, document: Document, *, below: Keys = ()
) -> tuple[Model | None, list[Issue]]:
    """Build a model from the values of a document at the key path `below`; None, with all issues, if they are wrong."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        return None, [
            messages.issue_of(model, detail, document, below)
            for detail in error.errors(include_url=False, include_context=True)
        ]

"""What a sweep file may say: frozen models with a documented default for all but three keys.

`parse(read_yaml(path))` turns a document into a `SweepConfig` and reports everything that is wrong, each with
its place and the nearest valid name. The `space:` and `data:` sections belong to the sweep package and are
checked in problem.py. Later code reads attributes and never looks up a key.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from sweepkit.config import messages
from sweepkit.config.document import Document, Keys
from sweepkit.errors import Issue
from sweepkit.space import is_number
from sweepkit.trial.trial import Direction

Model = TypeVar("Model", bound=BaseModel)


def _checked_gpu(value: object) -> object:
    if value == "auto" or (is_number(value) and value >= 0):  # type: ignore[operator]  # a number
        return value
    raise ValueError(f"must be 'auto' or a number of at least 0, got {value!r}")


Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]  # far beyond any sweep, and short of where estimates take long
Name = Annotated[str, Field(pattern=messages.NAME)]
PackageName = Annotated[str, Field(pattern=messages.IDENTIFIER)]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=messages.LINE)]
Place = Annotated[str, Field(min_length=1, max_length=1000, pattern=messages.LINE)]
Gpu = Annotated[float | Literal["auto"], BeforeValidator(_checked_gpu)]
SamplerName = Literal["tpe", "random", "grid", "qmc", "gp", "cmaes"]
RuleName = Literal["asha", "hyperband", "median", "none"]


class Strict(BaseModel):
    """Frozen; no unknown keys; a bool is not a number and a number is not text."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class DataSettings(Strict):
    """What every sweep package's data takes; a package's `Data` adds its own keys.

    Attributes:
        source: where the data comes from: a file, a folder or a word that the package knows; None leaves it
            to the package.
        seed: decides which rows are carved from train for validation.
        valid_fraction: the fraction of train that is carved.
    """

    source: Place | None = None
    seed: Seed = 0
    valid_fraction: float = Field(default=0.2, gt=0, lt=1)


class Objective(Strict):
    """What the sweep is after: `metric`, one that trials report every epoch, and whether more is better."""

    metric: Title
    mode: Literal["max", "min"]

    @property
    def direction(self) -> Direction:
        return Direction(self.mode)


class Search(Strict):
    """How points are chosen.

    Attributes:
        sampler: `tpe` models what did well, `random` and `qmc` do not look back, `grid` tries every point,
            `gp` fits a Gaussian process (needs torch), `cmaes` evolves a normal distribution.
        trials: how many trials the sweep is to have in the end.
        seed: of the sampler, and of every trial's own seed.
    """

    sampler: SamplerName = "tpe"
    trials: Count = 20
    seed: Seed = 0


class Stopping(Strict):
    """When a trial is stopped before its last epoch.

    Attributes:
        rule: `asha` keeps the best `1 / reduction` at each rung, `hyperband` does so in brackets that start
            later, `median` stops what is worse than the median of others at the same epoch.
        max_epochs: a trial's last epoch.
        grace_epochs: no rule stops a trial before this epoch; the first rung.
        reduction: a rung is `reduction` times as late as the one before.
        patience: stop after this many epochs without a better objective; None never does.
        warmup_trials: `median` stops nothing until this many trials have finished.
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
        last = info.data.get("max_epochs", value)  # absent when it is wrong itself
        if value > last:
            raise ValueError(f"must be at most max_epochs, which is {last}, got {value}")
        return value


class Budget(Strict):
    """What the sweep may spend.

    When something is used up nothing new starts, and what runs stops at its next report, to go on when the sweep is
    run again with more. What earlier runs of the sweep have spent counts. A final stage has the same limits for itself.

    Attributes:
        hours: wall time in which the sweep runs; None has no end.
        epochs: of all trials together; None has no end.
        money: in the currency of the price; None has no end.
        price_per_worker_hour: what it costs to hold one worker (what one trial takes, see `resources`) for an hour,
            busy or not. Comes together with `money`.
        failures: this many trials may fail; one more ends the sweep.
        retries: how often a trial goes on from its checkpoint after its worker died or hung or the package raised; then
            it has failed. A lost node does not count, and a loss that is NaN is not tried again. Nothing is with
            --inline.
        timeout_minutes: a worker that has not reported an epoch for so long is taken for hung and killed. The first
            epoch includes imports, reading the data and building the model. None never kills one.
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
        if "money" not in info.data:  # it is wrong itself
            return value
        money = info.data["money"]
        if money is not None and value is None:
            raise ValueError(f"is needed with money: {money:g}; say what a worker costs an hour, in the same currency")
        if value is not None and money is None:
            raise ValueError(f"limits nothing without money; say how much may be spent, or leave {value:g} out")
        return value


class Resources(Strict):
    """What a trial takes.

    Attributes:
        cpu: threads.
        gpu: a fraction of one, or a whole number; `auto` is 1 where the cluster has gpus, else 0.
        workers: how many trials run at once; None runs as many as fit on the cluster.
        worker_memory_gb: a worker that holds more between two trials makes room for a fresh one. None is its share of
            its node's memory: that, by the number of workers that fit on the node.
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
    """Where the sweep lives: a folder (relative to where the command runs) or a bucket's URI.

    `keep` is how many trials' best checkpoints stay when the sweep ends.
    """

    uri: Place = "runs"
    keep: int = Field(default=5, ge=1)


class Tracking(Strict):
    """Where MLflow runs are written.

    Attributes:
        uri: None takes MLFLOW_TRACKING_URI, else mlflow.db where the command runs.
        experiment: None takes the sweep's name.
        enabled: false writes nothing to MLflow.
    """

    uri: Place | None = None
    experiment: Title | None = None
    enabled: bool = True


class Final(Strict):
    """The last stage: the leaders again, from fresh seeds, and the winner on the test split.

    Attributes:
        top: how many of the leading trials are trained again.
        seeds: how many times each of them.
    """

    top: int = Field(default=3, ge=1)
    seeds: int = Field(default=3, ge=1)


class SweepConfig(Strict):
    """A whole sweep file. `data` and `space` are as written; see problem.py for what they become.

    Attributes:
        sweep: its name: the name of its folder and of its MLflow experiment.
        package: the folder beside the file that says what varies, how data is read and how a model is built.
        final: what `run` ends with; without this section the command `final` does it when it is called.
        deterministic: equal numbers to the bit on the same machine, at some cost in speed.
        nn: how trials compute recurrent layers: `auto` takes the fastest way for the device, `stock` leaves it
            to Keras. Results agree within rounding, so a sweep may go on with the other.
    """

    sweep: Name
    package: PackageName
    objective: Objective
    data: dict[str, Any] = Field(default_factory=dict)  # whatever the package takes
    space: dict[str, Any] = Field(default_factory=dict)  # as above
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
    """Check a document; the spec is None if anything but `space:` and `data:` is wrong."""
    config, issues = check(SweepConfig, document.values, document)
    return config, [*document.issues, *issues]


def check(
    model: type[Model], values: object, document: Document, *, below: Keys = ()
) -> tuple[Model | None, list[Issue]]:
    """Build a model from values that a document holds at the key path `below`, or say all that is wrong."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        return None, [
            messages.problem(model, detail, document, below)
            for detail in error.errors(include_url=False, include_context=True)
        ]

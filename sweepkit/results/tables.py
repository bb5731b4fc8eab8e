"""A sweep's trials and epochs as Arrow tables: a row for each trial, and one for each trial and epoch.

Params are columns `param.<name>` of the parameter's own type; null means that the trial does not use it. Try
`Sweep.trials_dataframe()`, which is made from `trials_table`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sweepkit.space import Choice, Float, Int, Param, Value
from sweepkit.trial.trial import Trial

PARAM_PREFIX = "param."
_TIME = pa.timestamp("us", tz="UTC")


def trials_table(trials: Sequence[Trial], parameters: Mapping[str, Param]) -> pa.Table:
    """Return a row for each trial, by number; `parameters` are those of the space."""
    columns: dict[str, pa.Array] = {
        "number": pa.array([trial.number for trial in trials], pa.int32()),
        "outcome": pa.array([trial.state.value if trial.state else "unfinished" for trial in trials], pa.string()),
        "reason": pa.array([trial.reason for trial in trials], pa.string()),
        "best_value": pa.array([trial.best_value for trial in trials], pa.float64()),
        "best_epoch": pa.array([trial.best_epoch for trial in trials], pa.int32()),
        "epochs": pa.array([trial.epoch for trial in trials], pa.int32()),
        "seconds": pa.array([trial.seconds for trial in trials], pa.float64()),
        "started": _times([trial.started for trial in trials]),
        "run_id": pa.array([trial.run_id for trial in trials], pa.string()),
    }
    for name, param in parameters.items():
        columns[f"{PARAM_PREFIX}{name}"] = _column(param, [trial.params.get(name) for trial in trials])
    return pa.table(columns)


def epochs_table(trials: Sequence[Trial]) -> pa.Table:
    """Return a row for each trial and epoch, every metric a column; null was not reported, NaN was."""
    # null and NaN are kept apart by from_pandas=False below: a NaN loss is a result
    rows = [(trial.number, report) for trial in trials for report in trial.reports]
    metrics = sorted({name for _, report in rows for name in report.metrics})
    columns: dict[str, pa.Array] = {
        "number": pa.array([number for number, _ in rows], pa.int32()),
        "epoch": pa.array([report.epoch for _, report in rows], pa.int32()),
        "ended": _times([report.timestamp for _, report in rows]),
    }
    for name in metrics:
        columns[name] = pa.array([report.metrics.get(name) for _, report in rows], pa.float64(), from_pandas=False)
    return pa.table(columns)


def as_parquet(table: pa.Table) -> bytes:
    """Return the content of a Parquet file."""
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def _times(seconds: Sequence[float | None]) -> pa.Array:
    return pa.array([None if time is None else round(time * 1e6) for time in seconds], pa.int64()).cast(_TIME)


def _column(param: Param, values: Sequence[Value | None]) -> pa.Array:
    """Build a column of the type that the parameter declares; options of several types become text."""
    kind = _kind(param)
    if kind == pa.string():
        return pa.array([None if value is None else str(value) for value in values], kind)
    return pa.array(values, kind)


def _kind(param: Param) -> Any:  # an Arrow type: pyarrow is not typed
    if isinstance(param, Float):
        return pa.float64()
    if isinstance(param, Int):
        return pa.int64()
    assert isinstance(param, Choice), "there are three kinds of parameters"
    kinds = {type(option) for option in param.options}
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds <= {int, float} else pa.string()

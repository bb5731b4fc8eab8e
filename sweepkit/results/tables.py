"""A sweep as Arrow tables: one row for each trial, and one for each trial and epoch. Try `trials(findings).schema`.

Parameters are columns named `param.<name>` of their own type; null is a parameter that the trial does not use.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sweepkit.report.data import ReportData
from sweepkit.space import Choice, Float, Int, Param, Value

_TIME = pa.timestamp("us", tz="UTC")


def trials(findings: ReportData) -> pa.Table:
    """Return a row for each trial, by number."""
    trials = findings.trials
    columns: dict[str, pa.Array] = {
        "number": pa.array([r.number for r in trials], pa.int32()),
        "outcome": pa.array([r.state.value if r.state else "unfinished" for r in trials], pa.string()),
        "reason": pa.array([r.reason for r in trials], pa.string()),
        "best_value": pa.array([r.best_value for r in trials], pa.float64()),
        "best_epoch": pa.array([r.best_epoch for r in trials], pa.int32()),
        "epochs": pa.array([r.epoch for r in trials], pa.int32()),
        "seconds": pa.array([r.seconds for r in trials], pa.float64()),
        "started": _times([r.started for r in trials]),
        "run_id": pa.array([r.run_id for r in trials], pa.string()),
    }
    for name, param in findings.params.items():
        columns[f"param.{name}"] = _column(param, [trial.params.get(name) for trial in trials])
    return _table(findings, columns)


def epochs(findings: ReportData) -> pa.Table:
    """Return a row for each trial and epoch, every metric a column; null was not reported, NaN was."""
    rows = [(trial.number, report) for trial in findings.trials for report in trial.reports]
    metrics = sorted({name for _, report in rows for name in report.metrics})
    columns: dict[str, pa.Array] = {
        "number": pa.array([number for number, _ in rows], pa.int32()),
        "epoch": pa.array([report.epoch for _, report in rows], pa.int32()),
        "ended": _times([report.timestamp for _, report in rows]),
    }
    for name in metrics:
        columns[name] = pa.array([report.metrics.get(name) for _, report in rows], pa.float64(), from_pandas=False)
    return _table(findings, columns)


def as_parquet(table: pa.Table) -> bytes:
    """Return the content of a Parquet file."""
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def _table(findings: ReportData, columns: dict[str, pa.Array]) -> pa.Table:
    facts = {"sweep": findings.name, "metric": findings.metric, "mode": findings.direction.value}
    return pa.table(columns).replace_schema_metadata(facts)


def _times(seconds: Sequence[float | None]) -> pa.Array:
    return pa.array([None if one is None else round(one * 1e6) for one in seconds], pa.int64()).cast(_TIME)


def _column(param: Param, values: Sequence[Value | None]) -> pa.Array:
    """Build a column of the type that the parameter declares; options of several types become text."""
    kind = _kind(param)
    if kind == pa.string():
        return pa.array([None if one is None else str(one) for one in values], kind)
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

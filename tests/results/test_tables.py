"""Arrow tables of a sweep, read back from Parquet."""

from __future__ import annotations

import datetime
import io
import math

import pyarrow as pa
import pyarrow.parquet as pq

from sweepkit.results import tables
from sweepkit.space import Choice, Float, Int, Space
from sweepkit.trial.trial import Report, Trial
from tests.support.made_up_sweeps import SPACE, START, trials


def stored(table: pa.Table) -> pa.Table:
    return pq.read_table(io.BytesIO(tables.as_parquet(table)))


def test_parameters_have_the_type_that_they_declare() -> None:
    table = stored(tables.trials_table(trials(30), SPACE.parameters))
    kinds = {name: str(table.schema.field(f"param.{name}").type) for name in ("cell", "units", "bidirectional", "rate")}
    assert kinds == {"cell": "string", "units": "int64", "bidirectional": "bool", "rate": "double"}
    assert str(table.schema.field("param.max_len").type) == "int64"


def test_a_parameter_that_is_not_used_is_null() -> None:
    found = trials(30)
    units = stored(tables.trials_table(found, SPACE.parameters))["param.units"].to_pylist()
    assert units == [trial.params.get("units") for trial in found]
    assert None in units


def test_options_of_several_types_become_text() -> None:
    space = Space({"mixed": Choice((1, "two", False)), "steps": Choice((0.5, 1)), "n": Int(1, 3), "x": Float(0.0, 1.0)})
    made = [Trial(0, {"mixed": False, "steps": 1, "n": 2, "x": 1}), Trial(1, {"mixed": 1})]
    table = stored(tables.trials_table(made, space.parameters))
    assert table["param.mixed"].to_pylist() == ["False", "1"]
    assert table["param.steps"].to_pylist() == [1.0, None]
    assert table["param.x"].to_pylist() == [1.0, None]


def test_a_row_says_how_and_when_a_trial_ended() -> None:
    found = trials(30)
    row = stored(tables.trials_table(found, SPACE.parameters)).slice(0, 1).to_pylist()[0]
    assert row["started"] == datetime.datetime.fromtimestamp(START, datetime.UTC)
    assert row["outcome"] == found[0].state.value
    assert (row["best_value"], row["best_epoch"], row["epochs"]) == (
        found[0].best_value,
        found[0].best_epoch,
        found[0].epoch,
    )


def test_an_unfinished_trial_says_so() -> None:
    row = stored(tables.trials_table([Trial(0, {})], SPACE.parameters)).to_pylist()[0]
    assert row["outcome"] == "unfinished"
    assert row["started"] is None


def test_epochs_keep_nan_and_leave_null_what_was_not_reported() -> None:
    made = [Trial(3, {}, (Report(1, {"loss": math.nan}, 1.5), Report(2, {"loss": 0.5, "extra": 1.0}, 2.5)))]
    table = stored(tables.epochs_table(made))
    assert table["number"].to_pylist() == [3, 3]
    assert table["extra"].to_pylist() == [None, 1.0]
    assert math.isnan(table["loss"].to_pylist()[0])
    assert table["ended"].to_pylist()[0] == datetime.datetime.fromtimestamp(1.5, datetime.UTC)


def test_a_sweep_without_trials_has_empty_tables_with_the_same_columns() -> None:
    table = stored(tables.trials_table([], SPACE.parameters))
    assert table.num_rows == 0
    assert table.column_names == tables.trials_table(trials(3), SPACE.parameters).column_names
    assert stored(tables.epochs_table([])).num_rows == 0

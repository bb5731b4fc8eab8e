"""How values are written for a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweepkit.formatting import (
    count,
    duration,
    interval,
    moment,
    near,
    number,
    params_line,
    params_list,
    size,
    value,
)
from sweepkit.results.final_result import Interval


@pytest.mark.parametrize(
    ("n_bytes", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (3_521_000, "3.52 MB"),
        (999_400, "999 kB"),
        (999_600, "1 MB"),
        (12_340_000_000, "12.3 GB"),
        (5_600_000_000_000, "5.6 TB"),
    ],
)
def test_sizes_have_three_significant_digits(n_bytes: int, expected: str) -> None:
    assert size(n_bytes) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3600, "1 h 00 min"),
        (90_061, "25 h 01 min"),
        (359_999, "99 h 59 min"),
        (360_000, "4 d 04 h"),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("metric", "expected"),
    [(None, ""), (0, "0.0000"), (0.88416, "0.8842"), (0.000123456, "0.0001235"), (123456.0, "1.235e+05")],
)
def test_metrics_have_four_decimals_or_four_significant_digits(metric: float | None, expected: str) -> None:
    assert number(metric) == expected


def test_an_interval_has_both_ends() -> None:
    assert interval(Interval(0.88, 0.898)) == "0.8800 to 0.8980"
    assert interval(None) == ""


@pytest.mark.parametrize(
    ("param", "expected"), [(True, "true"), ("", "''"), (0.000123456, "0.0001235"), (64, "64"), ("gru", "gru")]
)
def test_parameters_are_written_as_in_yaml(param: object, expected: str) -> None:
    assert value(param) == expected


def test_parameters_fit_on_a_line() -> None:
    params = {"rate": 0.000123456, "units": 64, "wide": False}
    assert params_line(params) == "rate=0.000123 units=64 wide=False"
    assert params_list(params) == "rate=0.0001235, units=64, wide=false"


def test_counts_have_a_plural_and_separators() -> None:
    assert [count(n, "trial") for n in (0, 1, 1000)] == ["0 trials", "1 trial", "1,000 trials"]


def test_moments_are_in_utc() -> None:
    assert moment(1_790_000_000.0) == "2026-09-21 14:13 UTC"


def test_paths_below_the_working_directory_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"ui --backend-store-uri sqlite:///{tmp_path}/mlflow.db"
    assert near(uri) == "ui --backend-store-uri sqlite:///mlflow.db"
    assert near("/elsewhere/runs") == "/elsewhere/runs"

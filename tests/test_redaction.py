"""Credentials in URIs are removed wherever a URI is shown, logged or stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweepkit.errors import InputError, Issue, SweepFailed
from sweepkit.redaction import hidden, hidden_in
from sweepkit.study.pruning import Decision
from sweepkit.trial.failure import Failure
from sweepkit.trial.trial import TrialState
from tests.support.studies import asked, config, opened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://key:pa55@bucket/runs", "s3://bucket/runs"),
        ("s3://key:pa/55@bucket/runs?region=eu&token=pa55", "s3://bucket/runs"),
        ("postgresql+psycopg://me:pa55@host:5432/db?password=pa55", "postgresql+psycopg://host:5432/db"),
        ("http://me:pa@55@host:5000", "http://host:5000"),
        ("http://me:pa?55@host:5000", "http://host:5000"),
        ("http://pa55@host", "http://host"),
        ("http://host:5000/api?token=pa55", "http://host:5000/api"),
        ("'http://me:pa55@host' is down, 'http://me:pa55@b?a=pa55'; wait", "'http://host' is down, 'http://b'; wait"),
        ("--set tracking.uri=[http://me:pa55@host]: is wrong", "--set tracking.uri=[http://host]: is wrong"),
        ("mysql://me:pa'55@host/db", "mysql://host/db"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("http://host:5000/users/me@home", "http://host:5000/users/me@home"),
        ("models:/cells@champion", "models:/cells@champion"),
        ("file://, s3:// or gs://, got 'x'; did you mean 'y'?", "file://, s3:// or gs://, got 'x'; did you mean 'y'?"),
    ],
)  # fmt: skip
def test_uris_lose_user_password_and_query(text: str, expected: str) -> None:
    assert hidden(text) == expected


def test_uris_in_json_lose_credentials() -> None:
    value = {"a": ["http://me:pa55@host", 1, None], "b": {"c": ("s3://k:pa55@b",)}}
    assert hidden_in(value) == {"a": ["http://host", 1, None], "b": {"c": ["s3://b"]}}


def test_errors_never_contain_credentials() -> None:
    assert "pa55" not in str(InputError("http://me:pa55@host is down", where="--set tracking.uri=http://me:pa55@host"))
    error = InputError([Issue("http://me:pa55@host", "gs://k:pa55@bucket")])
    assert "pa55" not in f"{error} {error.issues} {error.args}"
    assert "pa55" not in str(SweepFailed("postgresql://me:pa55@host/db refuses"))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["://" + "a:" * 200_000, "x://" * 20_000], ids=["one", "many"])
def test_long_texts_without_credentials_stay_as_they_are(text: str) -> None:
    assert hidden(text) == text  # with an unbounded repetition in the patterns, this would take hours


def test_a_journal_never_contains_credentials(tmp_path: Path) -> None:
    study = opened(tmp_path, config())
    number = asked(study).number
    study.note(number, "error", "Traceback: http://me:pa55@host is down")
    study.finish(number, Decision(TrialState.FAILED, "http://me:pa55@host is down"))
    assert study.error(number) == "Traceback: http://host is down"
    assert study.trial(number).reason == "http://host is down"
    assert "pa55" not in (tmp_path / "journal.log").read_text()


def test_the_failures_of_a_trial_contain_no_credentials_and_stay_readable(tmp_path: Path) -> None:
    study = opened(tmp_path, config())
    number = asked(study).number
    for error in ['"http://me:pa55@host/a?key=pa55" is down', 'no http://host/a\n?"b" in it']:
        study.record_failure(number, Failure(0, error, counts=True, timestamp=0.0))
    assert [failure.error for failure in study.trial(number).failures] == [
        '"http://host/a" is down',
        'no http://host/a\n?"b" in it',
    ]
    assert "pa55" not in (tmp_path / "journal.log").read_text()

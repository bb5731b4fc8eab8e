"""The summary of a failure, and when a trial is not retried any more."""

from __future__ import annotations

import json

import pytest

from sweepkit.trial.failure import Failure, is_exhausted, last_line


def failure(*, counts: bool = True) -> Failure:
    return Failure(2, "Traceback …\n  File …\nOSError: no space left", counts, 7.5)


@pytest.mark.parametrize(
    ("n_counting", "n_free", "retries", "expected"),
    [(0, 0, 0, False), (1, 0, 0, True), (1, 0, 1, False), (2, 0, 1, True), (3, 0, 1, True), (0, 9, 0, False),
     (1, 9, 1, False), (2, 9, 1, True)],
)  # fmt: skip
def test_a_trial_is_exhausted_with_one_failure_more_than_retries_and_lost_nodes_do_not_count(
    n_counting: int, n_free: int, retries: int, expected: bool
) -> None:
    failures = [failure() for _ in range(n_counting)] + [failure(counts=False) for _ in range(n_free)]
    assert is_exhausted(failures, retries) is expected


def test_a_failure_survives_json() -> None:
    assert Failure.from_json(json.loads(json.dumps(failure().to_json()))) == failure()


@pytest.mark.parametrize(
    ("error", "expected"),
    [("Traceback …\nOSError: x\n", "OSError: x"), ("one line", "one line"), ("", "the worker died"),
     (" \n", "the worker died")],
)  # fmt: skip
def test_the_last_line_of_an_error_is_its_summary(error: str, expected: str) -> None:
    assert last_line(error) == expected
    assert Failure(0, error, counts=True, timestamp=0.0).summary == expected


def test_what_tensorflow_appends_to_an_error_is_not_its_summary() -> None:
    error = (
        "Traceback (most recent call last):\n  File …\n"
        "tensorflow.python.framework.errors_impl.UnknownError: Graph execution error:\n\nDetected at node …\n"
        "RuntimeError: the toy cannot be trained\n\n\n\t [[{{node functional_1/PyFunc}}]] [Op:__inference_9]\n"
    )
    assert last_line(error) == "RuntimeError: the toy cannot be trained"

"""A sweep that is killed at any instant goes on to the same end: the same table, to the bit, and nothing twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.killing import Ended, kill, warm_up, whole

pytestmark = [pytest.mark.tf, pytest.mark.mlflow, pytest.mark.slow]
N_INLINE, N_RAY = 16, 4
_STARTING = 0.15  # of an undisturbed sweep, as instants count: until its journal has a line


@dataclass(frozen=True)
class Case:
    """Instants at which a sweep is killed, between 0 and 1 of what an undisturbed one does."""

    name: str
    instants: tuple[float, ...]


def cases(kind: str, n: int, *, seed: int) -> list[Case]:
    """Draw instants, one in each n-th of the sweep; every fourth case is killed once more, later."""
    rng = random.Random(seed)
    first = [(i + rng.random()) / n for i in range(n)]
    return [
        Case(f"{kind} {i}", (at, *((at + (1 - at) * rng.random(),) if i % 4 == 1 else ())))
        for i, at in enumerate(first)
    ]


def place(instant: float, undisturbed: Ended) -> dict[str, Any]:
    """Say of an instant after which line of the journal it comes, and how many seconds after that: half an epoch's."""
    if instant < _STARTING:
        return {"lines": 0, "after_s": instant / _STARTING * undisturbed.start_s}
    lines = (instant - _STARTING) / (1 - _STARTING) * undisturbed.n_lines
    return {"lines": int(lines), "after_s": 0.1 * (lines % 1)}


@pytest.fixture(scope="session")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The sweep, undisturbed, in one process."""
    warm_up(tmp_path_factory.mktemp("warm"))
    return whole(tmp_path_factory.mktemp("inline"))


@pytest.fixture(scope="session")
def on_ray(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The sweep, undisturbed, on a local cluster."""
    return whole(tmp_path_factory.mktemp("on-ray"), on_ray=True)


def assert_survives(
    case: Case, folder: Path, undisturbed: Ended, note: Callable[..., None], *, on_ray: bool = False
) -> None:
    instants = [place(instant, undisturbed) for instant in case.instants]
    phases: list[str] = []
    survived = "no"
    try:
        phases += [kill(folder, on_ray=on_ray, **instant) for instant in instants]
        again = whole(folder, on_ray=on_ray)
        assert again.leaderboard == undisturbed.leaderboard
        assert again.epochs == undisturbed.epochs
        assert again.runs == undisturbed.runs
        survived = "yes"
    finally:
        when = (f"line {instant['lines']} and {instant['after_s']:.2f} s" for instant in instants)
        note(case.name, ", ".join(when), ", ".join(phases), survived)


def test_a_sweep_killed_three_times_ends_as_if_nothing_had_been(
    tmp_path: Path, inline: Ended, note_case: Callable[..., None]
) -> None:
    rng = random.Random(1)
    case = Case("quick", tuple(0.2 + (i + rng.random()) / 4 for i in range(3)))
    assert_survives(case, tmp_path, inline, note_case)


@pytest.mark.faults
@pytest.mark.parametrize("case", cases("inline", N_INLINE, seed=2), ids=lambda case: case.name)
def test_a_sweep_killed_at_any_instant_ends_as_if_nothing_had_been(
    case: Case, tmp_path: Path, inline: Ended, note_case: Callable[..., None]
) -> None:
    assert_survives(case, tmp_path, inline, note_case)


@pytest.mark.faults
@pytest.mark.ray
@pytest.mark.parametrize("case", cases("ray", N_RAY, seed=3), ids=lambda case: case.name)
def test_a_sweep_on_ray_killed_at_any_instant_ends_as_if_nothing_had_been(
    case: Case, tmp_path: Path, on_ray: Ended, note_case: Callable[..., None]
) -> None:
    assert_survives(case, tmp_path, on_ray, note_case, on_ray=True)


@pytest.mark.faults
@pytest.mark.ray
def test_ray_and_one_process_give_the_same_table(inline: Ended, on_ray: Ended) -> None:
    assert on_ray.leaderboard == inline.leaderboard
    assert on_ray.epochs == inline.epochs

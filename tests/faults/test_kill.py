"""A sweep that is killed at any instant goes on to the same end: the same table, to the bit, and nothing twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.killing import Ended, kill, warm_up, whole

pytestmark = [pytest.mark.tf, pytest.mark.mlflow, pytest.mark.slow]
N_INLINE, N_RAY = 16, 4
INLINE, RAY = ("--inline",), ()


@dataclass(frozen=True)
class Case:
    """Instants at which a sweep is killed, as fractions of the time that it takes undisturbed."""

    name: str
    instants: tuple[float, ...]


def cases(kind: str, n: int, *, seed: int) -> list[Case]:
    """Draw instants, one in each n-th of the sweep's time; every fourth case is killed a second time."""
    rng = random.Random(seed)
    return [Case(f"{kind} {i}", ((i + rng.random()) / n, *((rng.random(),) if i % 4 == 3 else ()))) for i in range(n)]


@pytest.fixture(scope="session")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The sweep, undisturbed, in one process."""
    warm_up(tmp_path_factory.mktemp("warm"))
    return whole(tmp_path_factory.mktemp("inline"), *INLINE)


@pytest.fixture(scope="session")
def on_ray(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The sweep, undisturbed, on a local cluster."""
    return whole(tmp_path_factory.mktemp("on-ray"), *RAY)


def survives(
    case: Case, folder: Path, undisturbed: Ended, arguments: tuple[str, ...], note: Callable[..., None]
) -> None:
    instants = [instant * undisturbed.seconds for instant in case.instants]
    places: list[str] = []
    survived = "no"
    try:
        places += [kill(folder, *arguments, after_s=instant) for instant in instants]
        again = whole(folder, *arguments)
        assert again.leaderboard == undisturbed.leaderboard
        assert again.epochs == undisturbed.epochs
        assert again.runs == undisturbed.runs
        survived = "yes"
    finally:
        note(case.name, " + ".join(f"{instant:.1f} s" for instant in instants), " + ".join(places), survived)


def test_a_sweep_killed_three_times_ends_as_if_nothing_had_been(
    tmp_path: Path, inline: Ended, note_case: Callable[..., None]
) -> None:
    rng = random.Random(1)
    survives(Case("quick", tuple(rng.uniform(0.2, 0.5) for _ in range(3))), tmp_path, inline, INLINE, note_case)


@pytest.mark.faults
@pytest.mark.parametrize("case", cases("inline", N_INLINE, seed=2), ids=lambda case: case.name)
def test_a_sweep_killed_at_any_instant_ends_as_if_nothing_had_been(
    case: Case, tmp_path: Path, inline: Ended, note_case: Callable[..., None]
) -> None:
    survives(case, tmp_path, inline, INLINE, note_case)


@pytest.mark.faults
@pytest.mark.ray
@pytest.mark.parametrize("case", cases("ray", N_RAY, seed=3), ids=lambda case: case.name)
def test_a_sweep_on_ray_killed_at_any_instant_ends_as_if_nothing_had_been(
    case: Case, tmp_path: Path, on_ray: Ended, note_case: Callable[..., None]
) -> None:
    survives(case, tmp_path, on_ray, RAY, note_case)


@pytest.mark.faults
@pytest.mark.ray
def test_ray_and_one_process_give_the_same_table(inline: Ended, on_ray: Ended) -> None:
    assert on_ray.leaderboard == inline.leaderboard
    assert on_ray.epochs == inline.epochs

"""How much memory a worker may hold."""

from __future__ import annotations

import pytest

from sweepkit.trial.request import TrialResources

pytestmark = pytest.mark.ray


@pytest.mark.parametrize(
    ("node", "resources", "expected"),
    [
        ({"CPU": 8.0, "memory": 16e9}, TrialResources(cpu=1, gpu=0, n_workers=8), 2.0),
        ({"CPU": 8.0, "memory": 16e9}, TrialResources(cpu=3, gpu=0, n_workers=8), 8.0),
        ({"CPU": 8.0, "memory": 16e9}, TrialResources(cpu=1, gpu=0, n_workers=2), 8.0),
        ({"CPU": 8.0, "GPU": 2.0, "memory": 16e9}, TrialResources(cpu=1, gpu=0.5, n_workers=8), 4.0),
        ({"CPU": 8.0, "GPU": 2.0, "memory": 16e9}, TrialResources(cpu=1, gpu=2, n_workers=8), 16.0),
        ({}, TrialResources(cpu=1, gpu=0, n_workers=8), float("inf")),
    ],
)
def test_a_worker_may_hold_its_share_of_its_nodes_memory(
    node: dict[str, float], resources: TrialResources, expected: float
) -> None:
    from sweepkit.runners.ray_tune.actor import memory_share_gb

    assert memory_share_gb(node, resources) == expected

"""What each trial gets on clusters of different sizes."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import psutil
import pytest

import sweepkit
from sweepkit.config.schema import Resources
from sweepkit.errors import InputError
from sweepkit.trial.request import TrialResources

pytestmark = pytest.mark.ray


@pytest.mark.parametrize(
    ("n_cpus", "n_gpus", "resources", "expected"),
    [
        (2, 0, Resources(), TrialResources(cpu=1, gpu=0, n_workers=2)),
        (8, 2, Resources(cpu=2), TrialResources(cpu=2, gpu=1, n_workers=2)),
        (8, 2, Resources(gpu=0), TrialResources(cpu=1, gpu=0, n_workers=8)),
        (8, 2, Resources(gpu=0.25), TrialResources(cpu=1, gpu=0.25, n_workers=8)),
        (4, 2, Resources(gpu=0.25), TrialResources(cpu=1, gpu=0.25, n_workers=4)),
        (8, 4, Resources(gpu=2), TrialResources(cpu=1, gpu=2, n_workers=2)),
        (8, 0, Resources(cpu=3), TrialResources(cpu=3, gpu=0, n_workers=2)),
        (8, 0, Resources(workers=3), TrialResources(cpu=1, gpu=0, n_workers=3)),
        (2, 0, Resources(workers=3), TrialResources(cpu=1, gpu=0, n_workers=2)),
    ],
)
def test_a_trials_share_and_how_many_fit(
    n_cpus: float, n_gpus: float, resources: Resources, expected: TrialResources
) -> None:
    from sweepkit.runners.ray_tune.cluster import resources_of

    assert resources_of(n_cpus, n_gpus, resources) == expected


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("127.0.0.1:1", "no Ray cluster answers at '127.0.0.1:1': .*refused.*; start one with `ray start --head`"),
        ("here", "a cluster's address must be HOST:PORT or auto, got 'here'"),
    ],
)
def test_an_address_without_a_cluster_is_refused_at_once(address: str, seen: str) -> None:
    from sweepkit.runners.ray_tune.cluster import connect

    with pytest.raises(InputError, match=seen), connect(address, modules=[], resources=Resources()):
        pass


@pytest.mark.parametrize(
    ("resources", "seen"),
    [(Resources(cpu=4), "needs 4 CPUs and 0 GPUs"), (Resources(gpu=1), "needs 1 CPUs and 1 GPUs")],
)
def test_a_cluster_too_small_for_one_trial_is_refused(resources: Resources, seen: str) -> None:
    from sweepkit.runners.ray_tune.cluster import resources_of

    with pytest.raises(InputError, match=seen) as caught:
        resources_of(2, 0, resources)
    assert "the cluster has 2 CPUs and 0 GPUs; lower resources.cpu or resources.gpu" in str(caught.value)


@pytest.mark.slow
def test_a_cluster_of_this_machine_listens_on_loopback_only_and_starts_no_idle_worker() -> None:
    from sweepkit.runners.ray_tune.cluster import connect

    with connect(None, modules=[Path(sweepkit.__file__).parent], resources=Resources()) as runner:
        assert list(runner.map(lambda text: len(text), ["a", "bc"], describe="count")) == [1, 2]
        driver = psutil.Process()
        processes = driver.children(recursive=True)
        workers = [process for process in processes if process.name().startswith("ray::IDLE")]
        listening = {
            ipaddress.ip_address(connection.laddr.ip)
            for process in (driver, *processes)
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
    # one for each task, and on a busy machine one more; those started ahead of any task would be one a core
    assert 1 <= len(workers) < 2 + (psutil.cpu_count() or 1)
    assert listening
    assert all((getattr(ip, "ipv4_mapped", None) or ip).is_loopback for ip in listening)

"""What Ray raises for dead workers, explained, with exceptions constructed as Ray constructs them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ray.core.generated.common_pb2 import ActorDiedErrorContext, NodeDeathInfo
from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError

from sweepkit.runners.ray_tune.deaths import as_actor_death, death_of

pytestmark = pytest.mark.ray


def died(message: str, **fields: object) -> ActorDiedError:
    context = ActorDiedErrorContext(
        error_message=message, actor_id=b"a" * 16, class_name="WarmTrial", pid=123, node_ip_address="10.0.0.3", **fields
    )
    return ActorDiedError(context)


@pytest.mark.parametrize(
    ("make", "last", "counts"),
    [
        (lambda: died("its worker process has died. Worker exit type: SYSTEM_ERROR"),
         "its worker was killed or exited (pid 123, ip 10.0.0.3)", True),
        (lambda: died("The actor died because its node has died. Node Id: 12ab"),
         "its node was lost (pid 123, ip 10.0.0.3)", False),
        (lambda: died("going away", node_death_info=NodeDeathInfo(reason=NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED)),
         "its node was lost (pid 123, ip 10.0.0.3)", False),
        (lambda: ActorUnavailableError("rpc error", b"a" * 16), "its node cannot be reached", False),
        (lambda: OutOfMemoryError("low on memory"), "its worker was killed because its node ran out of memory", True),
        (lambda: None, "its worker was killed or exited", True),
    ],
)  # fmt: skip
def test_a_death_is_explained_and_only_a_lost_node_does_not_count(
    make: Callable[[], Exception | None], last: str, counts: bool
) -> None:
    error = make()
    death = death_of(as_actor_death(error) if error else None)
    assert death.text.splitlines()[-1] == last
    assert death.counts is counts


def test_rays_message_is_kept() -> None:
    assert "Worker exit type: SYSTEM_ERROR" in death_of(died("Worker exit type: SYSTEM_ERROR")).text


def test_errors_of_other_libraries_stay_as_they_are() -> None:
    error = ValueError("a bug of ours")
    assert as_actor_death(error) is error

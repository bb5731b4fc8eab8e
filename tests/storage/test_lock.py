"""One driver at a time: over real folders, real processes and a bucket in memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pyarrow import fs

from sweepkit.errors import InputError
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.lock import DriverLock, read_owner
from sweepkit.storage.owner import STALE_S, LockOwner
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PATHS = SweepPaths("cells")
NOW = 1_800_000_000.0


def lock(*, now: float = NOW) -> DriverLock:
    return DriverLock("run", where="cells.yaml", clock=lambda: now, sleep=lambda seconds: None)


def put(storage: Storage, owner: LockOwner) -> None:
    storage.write_json(PATHS.lock, owner.to_json())


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.at(str(tmp_path))


@pytest.fixture
def elsewhere() -> LockOwner:
    """A driver on another machine."""
    here = LockOwner.here("run", NOW)
    return replace(here, token="other", user="ada", host="box", place="another boot", pid=4711)


def dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_lock_exists_only_inside_the_block(storage: Storage) -> None:
    with lock() as held:
        assert read_owner(SweepFolder(storage, "cells")) is None
        held.take(SweepFolder(storage, "cells"))
        owner = read_owner(SweepFolder(storage, "cells"))
        assert owner is not None
        assert (owner.pid, owner.command, owner.since) == (os.getpid(), "run", NOW)
    assert storage.names(PATHS.root) == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError, SystemExit])
def test_whatever_ends_the_block_releases_the_lock(storage: Storage, kind: type[BaseException]) -> None:
    def work() -> None:
        with lock() as held:
            held.take(SweepFolder(storage, "cells"))
            raise kind

    with pytest.raises(kind):
        work()
    assert not storage.exists(PATHS.lock)


def test_a_second_driver_is_refused_with_who_where_since_when_and_what_to_do(
    storage: Storage, elsewhere: LockOwner
) -> None:
    put(storage, elsewhere)
    with pytest.raises(InputError) as refused, lock(now=NOW + 4) as held:
        held.take(SweepFolder(storage, "cells"))
    assert str(refused.value) == (
        "cells.yaml: sweep 'cells' is already running: `python -m sweepkit run` of ada on host box, process 4711, "
        "since 2027-01-15 08:00:00 UTC (last seen 4 s ago); wait for its end or stop it with Ctrl-C or `kill "
        "4711` on box, or add --new to run another beside it; only if that process is certainly gone, delete "
        f"{storage.shown}/sweeps/cells/running.json"
    )
    assert read_owner(SweepFolder(storage, "cells")) == elsewhere


def test_new_does_not_help_against_a_final_stage(storage: Storage, elsewhere: LockOwner) -> None:
    put(storage, replace(elsewhere, command="final"))
    with pytest.raises(InputError, match="`python -m sweepkit final` of ada") as refused, lock() as held:
        held.take(SweepFolder(storage, "cells"))
    assert "--new" not in str(refused.value)


@pytest.mark.parametrize(
    ("age", "is_alive"), [(0.0, True), (STALE_S - 1, True), (STALE_S, False), (STALE_S + 1, False), (-3600.0, True)]
)
def test_a_driver_elsewhere_is_alive_while_its_heartbeats_are_recent(
    elsewhere: LockOwner, age: float, is_alive: bool
) -> None:
    assert elsewhere.is_alive(now=NOW + age) is is_alive


def test_a_stale_lock_of_another_machine_is_taken_over(storage: Storage, elsewhere: LockOwner) -> None:
    put(storage, elsewhere)
    with lock(now=NOW + STALE_S) as held:
        held.take(SweepFolder(storage, "cells"))
        assert json.loads(storage.read(PATHS.lock))["pid"] == os.getpid()
    assert not storage.exists(PATHS.lock)


def test_a_dead_process_of_this_machine_is_taken_over_at_once(storage: Storage) -> None:
    put(storage, replace(LockOwner.here("run", NOW), token="other", pid=dead_pid()))
    with lock() as held:
        held.take(SweepFolder(storage, "cells"))
        owner = read_owner(SweepFolder(storage, "cells"))
        assert owner is not None
        assert owner.pid == os.getpid()
        assert held.lost() is None
    assert not storage.exists(PATHS.lock)


def test_a_living_process_of_this_machine_counts_however_old_its_heartbeat(storage: Storage) -> None:
    """It may have been suspended, or its machine may be short of memory."""
    put(storage, replace(LockOwner.here("run", NOW), token="other"))
    with pytest.raises(InputError, match="is already running"), lock(now=NOW + 10 * STALE_S) as held:
        held.take(SweepFolder(storage, "cells"))


def test_a_process_with_the_reused_pid_of_a_dead_one_is_another() -> None:
    other = replace(LockOwner.here("run", NOW), process_started=psutil.Process().create_time() - 60)
    assert other.is_alive(now=NOW + STALE_S) is False


def test_a_killed_process_whose_parent_has_not_waited_is_dead(storage: Storage) -> None:
    waiting = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    owner = replace(
        LockOwner.here("run", NOW), pid=waiting.pid, process_started=psutil.Process(waiting.pid).create_time()
    )
    assert owner.is_alive(now=NOW)
    waiting.send_signal(signal.SIGKILL)
    wait_until(lambda: psutil.Process(waiting.pid).status() == psutil.STATUS_ZOMBIE, "its end")
    assert not owner.is_alive(now=NOW)
    waiting.communicate()


def test_a_heartbeat_updates_when_the_owner_was_last_seen(storage: Storage) -> None:
    times = [NOW]
    with DriverLock("run", where="", clock=lambda: times[0]) as held:
        held.take(SweepFolder(storage, "cells"))
        times[0] = NOW + 15
        held.heartbeat()
        owner = read_owner(SweepFolder(storage, "cells"))
        assert owner is not None
        assert (owner.since, owner.seen) == (NOW, NOW + 15)
        assert held.lost() is None


def test_a_driver_that_was_taken_for_dead_notices_and_leaves_the_others_lock_alone(
    storage: Storage, elsewhere: LockOwner
) -> None:
    with lock() as held:
        held.take(SweepFolder(storage, "cells"))
        put(storage, elsewhere)
        held.heartbeat()
        assert (held.lost() or "").startswith("another driver has taken over: `python -m sweepkit run` of ada on host")
    assert read_owner(SweepFolder(storage, "cells")) == elsewhere


def test_the_thread_refreshes_the_lock(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweepkit.storage.lock.HEARTBEAT_S", 0.001)
    ticks = iter(range(10**9))

    def seen() -> float:
        owner = read_owner(SweepFolder(storage, "cells"))
        assert owner is not None
        return owner.seen

    with DriverLock("run", where="", clock=lambda: NOW + next(ticks)) as held:
        held.take(SweepFolder(storage, "cells"))
        wait_until(lambda: seen() >= NOW + 3, "three refreshes")
        assert held.lost() is None


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def press_enter(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.slow
def test_of_many_that_start_at_once_one_gets_the_lock(tmp_path: Path, storage: Storage) -> None:
    put(storage, replace(LockOwner.here("run", NOW), token="other", pid=dead_pid()))
    program = (
        "import sys, time\n"
        "from sweepkit.errors import InputError\n"
        "from sweepkit.storage.lock import DriverLock\n"
        "from sweepkit.storage.storage import Storage\n"
        "from sweepkit.storage.sweep_folder import SweepFolder\n"
        "with DriverLock('run', where='') as lock:\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    try:\n"
        "        lock.take(SweepFolder(Storage.at(sys.argv[1]), 'cells'))\n"
        "        print('got it', flush=True)\n"
        "    except InputError:\n"
        "        print('refused', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    racing = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for _ in range(4)
    ]
    assert [line_of(process) for process in racing] == ["ready\n"] * 4
    for process in racing:
        press_enter(process)
    lines = [line_of(process) for process in racing]
    for process in racing:
        process.communicate("\n")
    assert sorted(lines) == ["got it\n", "refused\n", "refused\n", "refused\n"]
    assert not storage.exists(PATHS.lock)


def test_a_bucket_has_locks_too(elsewhere: LockOwner) -> None:
    storage = Storage(fs._MockFileSystem(), "bucket")
    with lock() as held:
        held.take(SweepFolder(storage, "cells"))
        put(storage, elsewhere)
    with pytest.raises(InputError, match="is already running"), lock() as held:
        held.take(SweepFolder(storage, "cells"))
    with lock(now=NOW + STALE_S) as held:
        held.take(SweepFolder(storage, "cells"))
    assert not storage.exists(PATHS.lock)


def test_in_a_bucket_the_last_writer_has_the_lock(elsewhere: LockOwner) -> None:
    """Both saw no lock; the first writer reads the other's after a while."""
    storage = Storage(fs._MockFileSystem(), "bucket")
    first = DriverLock("run", where="", clock=lambda: NOW, sleep=lambda seconds: put(storage, elsewhere))
    with pytest.raises(InputError, match="of ada on host box"), first:
        first.take(SweepFolder(storage, "cells"))


def test_a_file_that_is_not_a_lock_is_named(storage: Storage) -> None:
    storage.write(PATHS.lock, b"{}")
    with pytest.raises(InputError, match=r"sweeps/cells/running\.json: this file must name the driver of the sweep"):
        read_owner(SweepFolder(storage, "cells"))

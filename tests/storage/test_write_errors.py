"""A storage that is full or read-only: the messages, what is left behind, and how a sweep is resumed afterwards."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweepkit.config.schema import SweepConfig
from sweepkit.driver.controller import SweepController
from sweepkit.errors import InputError, StorageFault
from sweepkit.space import Float, Space
from sweepkit.storage.lock import DriverLock
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.storage.write_errors import before_start, writing
from sweepkit.study.study import SweepStudy
from sweepkit.trial.trial import Report, TrialState
from tests.support.disks import SmallDisk, small_disk
from tests.support.waiting import wait_until

SPACE = Space({"rate": Float(0.1, 1.0)})
CONFIG = SweepConfig.model_validate(
    {
        "sweep": "toy",
        "package": "toy",
        "objective": {"metric": "score", "mode": "max"},
        "search": {"sampler": "random", "trials": 15},
        "stopping": {"rule": "none", "max_epochs": 2},
    }
)


class Silent:
    """A callback that ignores every event."""

    def on_progress(self, *_: object) -> None: ...

    on_trial_start = on_trial_report = on_trial_end = on_message = on_progress


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.mark.parametrize(
    ("code", "words", "remedy"),
    [
        (errno.ENOSPC, "no space left on device", "free some space there"),
        (errno.EDQUOT, "disk quota exceeded", "free some space there"),
        (errno.EFBIG, "file too large", "free some space there"),
        (errno.EROFS, "read-only file system", "make it writable again"),
        (errno.EACCES, "permission denied", "make it writable again"),
    ],
)
def test_a_fault_names_the_path_the_reason_and_what_to_do(code: int, words: str, remedy: str) -> None:
    with pytest.raises(StorageFault) as caught, writing("/data/runs/journal.log"):
        raise OSError(code, os.strerror(code), "/data/runs/journal.log")
    assert str(caught.value) == (
        f"/data/runs/journal.log cannot be written: {words}; {remedy}, and the same command resumes from the last "
        "finished epochs"
    )
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "error",
    [
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')"),
        RuntimeError("Unable to flush file (error message = 'No space left on device')"),
        OSError(errno.ENOSPC, "no room", "/data/runs/elsewhere"),
    ],
)
def test_errors_of_libraries_that_have_the_code_in_their_text_are_recognised(error: Exception) -> None:
    def write() -> None:
        try:
            raise error
        finally:
            raise RuntimeError("did not possess lock")

    with pytest.raises(StorageFault, match="no space left on device"), writing("/data/runs/journal.log"):
        write()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("the toy cannot be built"),
        FileNotFoundError(errno.ENOENT, "no such file"),
        PermissionError(errno.EACCES, "permission denied", "/somebody/elses/corpus.txt"),
    ],
)
def test_other_errors_propagate_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, writing("/data/runs/journal.log"):
        raise error
    assert caught.value is error


def test_before_the_start_it_is_an_input_error() -> None:
    with pytest.raises(InputError, match="a/b cannot be written"), before_start(), writing("a/b"):
        raise OSError(errno.ENOSPC, "")


def test_a_full_disk_is_refused_before_anything_starts(disk: SmallDisk) -> None:
    disk.fill()
    with pytest.raises(InputError) as caught:
        Storage.at(str(disk.folder)).check_writable()
    assert str(caught.value) == (
        f"storage must be writable, '{disk.folder}' is not: no space left on device; "
        "name another folder with storage.uri or free some space there"
    )


def test_what_does_not_fit_leaves_what_was_there_and_nothing_half_written(disk: SmallDisk) -> None:
    storage = Storage.at(str(disk.folder))
    storage.write("a/old", b"old")
    disk.fill()
    with pytest.raises(StorageFault, match=f"{disk.folder}/a/old cannot be written: no space left"):
        storage.write("a/old", bytes(9000))
    new = storage.new_folder("a/new", last="state")
    with pytest.raises(StorageFault, match=f"{disk.folder}/a/new cannot be written: no space left"), new as folder:
        (folder / "state").write_bytes(bytes(9000))
    assert storage.read("a/old") == b"old"
    assert [path.name for path in (disk.folder / "a").iterdir()] == ["old"]


def test_a_disk_that_became_read_only_is_named(disk: SmallDisk) -> None:
    storage = Storage.at(str(disk.folder))
    storage.write("old", b"old")
    disk.remount("ro")
    for call in (lambda: storage.write("new", b""), lambda: storage.delete("old")):
        with pytest.raises(StorageFault, match="cannot be written: read-only file system; make it writable again"):
            call()


def run(storage: Storage) -> tuple[SweepController, SweepStudy]:
    """Run trials two at a time until there are no more."""
    journal = storage.path("sweeps/toy/journal.log")
    journal.parent.mkdir(parents=True, exist_ok=True)
    study = SweepStudy.open(journal, CONFIG, SPACE)
    controller = SweepController(study, SweepFolder(storage, CONFIG.sweep), Silent())
    while requests := [request for request in (controller.next_trial(), controller.next_trial()) if request]:
        for epoch in (1, 2):
            for request in requests:
                if epoch > request.epochs_reported:
                    controller.reported(
                        request.number, Report(epoch, {"score": float(request.params["rate"]) * epoch}, 0.0)
                    )
    return controller, study


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_journal_that_cannot_be_written_ends_the_sweep_without_failing_trials(
    disk: SmallDisk, tmp_path: Path, how: str
) -> None:
    whole, expected = run(Storage.at(str(tmp_path / "whole")))
    whole.check()
    storage = Storage.at(str(disk.folder))
    if how == "full":
        disk.fill(but=4096)
        controller, study = run(storage)
    else:
        controller, study = run_until_read_only(disk, storage)
    assert controller.next_trial() is None
    assert controller.reported(0, Report(9, {"score": 1.0}, 0.0)), "a trial that comes back is stopped"
    with pytest.raises(StorageFault, match=r"sweeps/toy/journal\.log cannot be written: "):
        controller.check()
    assert not [trial for trial in study.trials() if trial.state is TrialState.FAILED]
    assert len(study.trials()) < 15
    disk.clear() if how == "full" else disk.remount("rw")
    again, study = run(storage)
    again.check()
    assert [(r.params, r.reports, r.state) for r in study.trials()] == [
        (r.params, r.reports, r.state) for r in expected.trials()
    ]


def run_until_read_only(disk: SmallDisk, storage: Storage) -> tuple[SweepController, SweepStudy]:
    journal = storage.path("sweeps/toy/journal.log")
    journal.parent.mkdir(parents=True, exist_ok=True)
    study = SweepStudy.open(journal, CONFIG, SPACE)
    controller = SweepController(study, SweepFolder(storage, CONFIG.sweep), Silent())
    request = controller.next_trial()
    assert request is not None
    disk.remount("ro")
    controller.reported(request.number, Report(1, {"score": 0.5}, 0.0))
    return controller, study


def test_a_trial_that_meets_a_full_disk_does_not_fail(tmp_path: Path) -> None:
    study = SweepStudy.open(tmp_path / "journal.log", CONFIG, SPACE)
    controller = SweepController(study, SweepFolder(Storage.at(str(tmp_path)), CONFIG.sweep), Silent())
    first, second = controller.next_trial(), controller.next_trial()
    assert first
    assert second
    controller.halted(StorageFault("checkpoints/epoch-0002 cannot be written"))
    assert controller.is_over()
    controller.failed(second.number, "its worker died")
    assert [trial.number for trial in study.unfinished()] == [0, 1]
    with pytest.raises(StorageFault, match="epoch-0002 cannot be written"):
        controller.check()


def test_a_run_that_a_full_disk_ends_raises_and_counts_up_to_its_last_report(disk: SmallDisk) -> None:
    study = SweepStudy.open(disk.folder / "journal.log", CONFIG, SPACE)

    def run() -> None:
        with study.running(1):
            disk.remount("ro")
            raise StorageFault("checkpoints/epoch-0002 cannot be written")

    with pytest.raises(StorageFault, match="checkpoints/epoch-0002"):
        run()
    assert study.runs()[0].ended is None
    for call in (run, lambda: study.queue([{"rate": 0.5}])):
        with pytest.raises(StorageFault, match=r"journal\.log cannot be written: read-only"):
            call()


def test_a_lock_that_cannot_be_refreshed_or_deleted_is_only_logged(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweepkit.storage.lock.HEARTBEAT_S", 0.01)
    with DriverLock("run", where="toy.yaml") as lock:
        lock.take(SweepFolder(Storage.at(str(disk.folder)), "toy"))
        disk.remount("ro")
        wait_until(lambda: caplog.messages, "a warning")
        assert lock.lost() is None
    assert "the lock of the sweep could not be refreshed" in caplog.messages[0]
    assert "the lock of the sweep could not be deleted" in caplog.messages[-1]
    with pytest.raises(StorageFault, match=r"other/running\.json cannot be written: read-only"):
        DriverLock("run", where="toy.yaml").take(SweepFolder(Storage.at(str(disk.folder)), "other"))

"""A journal that was cut at any byte of its end: nothing before the cut is lost, and the sweep resumes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from sweepkit.config.schema import SweepConfig
from sweepkit.errors import DataError
from sweepkit.space import Choice, Float, Int, Space
from sweepkit.study.journal import Journal
from sweepkit.study.local_journal import repair_journal, torn_file
from sweepkit.study.pruning import Decision
from sweepkit.study.study import SweepStudy
from sweepkit.trial.trial import Report, Trial

SPACE = Space({"cell": Choice(("gru", "none")), "units": Int(8, 64, when={"cell": ("gru",)}), "rate": Float(0.1, 1.0)})
CONFIG = SweepConfig.model_validate(
    {
        "sweep": "toy",
        "package": "toy",
        "objective": {"metric": "score", "mode": "max"},
        "search": {"sampler": "tpe", "trials": 3, "seed": 1},
        "stopping": {"rule": "none", "max_epochs": 2},
    }
)


def run_to_the_end(journal: Path) -> None:
    """Do what a driver does, with trials whose score is a function of their params and epoch."""
    study = SweepStudy.open(journal, CONFIG, SPACE)
    waiting = study.unfinished()
    while (trial := waiting.pop(0) if waiting else study.ask()) is not None:
        epoch = trial.epoch
        decision: Decision | None = study.decide_again(trial.number)  # its last report may have ended it
        while decision is None:
            epoch += 1
            decision = study.report(trial.number, Report(epoch, {"score": float(trial.params["rate"]) * epoch}, 0.0))
        study.finish(trial.number, decision)


def contents(journal: Path) -> list[tuple[object, ...]]:
    return [fields(trial) for trial in Journal.read(journal, CONFIG).trials()]


def fields(trial: Trial) -> tuple[object, ...]:
    return trial.number, dict(trial.params), trial.reports, trial.state, trial.reason, trial.best_value


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    journal = tmp_path_factory.mktemp("whole") / "journal.log"
    run_to_the_end(journal)
    return journal


@pytest.mark.slow
def test_a_sweep_resumes_from_every_record_to_the_same_end(whole: Path, tmp_path: Path) -> None:
    """Each time with the first half of the record after it, as a kill in the middle of writing it leaves."""
    lines, expected = whole.read_bytes().splitlines(keepends=True), contents(whole)
    journal = tmp_path / "journal.log"
    for n_kept, torn in enumerate(lines):
        journal.write_bytes(b"".join([*lines[:n_kept], torn[: len(torn) // 2]]))
        run_to_the_end(journal)
        assert contents(journal) == expected, f"after {n_kept} of {len(lines)} records"


@pytest.mark.slow
def test_a_journal_cut_at_any_byte_of_its_last_two_records_keeps_all_whole_ones(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    ends = [index + 1 for index, byte in enumerate(content) if byte == ord("\n")]
    journal = tmp_path / "journal.log"
    for cut in range(ends[-3], len(content)):
        journal.write_bytes(content[:cut])
        before = contents(journal)
        repair_journal(journal)
        # the record is whole when only its line break is missing
        assert journal.read_bytes() == content[: max(end for end in ends if end <= cut + 1)], cut
        assert contents(journal)[: len(before) - 1] == before[:-1], cut


def test_nothing_is_lost_but_the_bytes_of_the_last_record_which_are_kept_beside(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = whole.read_bytes()
    lines = content.splitlines(keepends=True)
    journal = tmp_path / "journal.log"
    journal.write_bytes(content[:-9])
    repair_journal(journal)
    assert journal.read_bytes() == b"".join(lines[:-1])
    assert torn_file(journal).read_bytes() == lines[-1][:-9] + b"\n"
    assert caplog.messages == [
        f"the last line of the journal was half-written; its {len(lines[-1]) - 9} bytes were moved to "
        f"{journal}.torn, everything before it is kept"
    ]


def test_a_last_record_that_lacks_only_its_line_break_is_kept(whole: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    journal.write_bytes(whole.read_bytes()[:-1])
    repair_journal(journal)
    assert journal.read_bytes() == whole.read_bytes()
    assert not torn_file(journal).exists()


@pytest.mark.parametrize("rest", [b"\0" * 4096, b"\0" * 40 + b"\n", b"\xff\xfe", b"17"])
def test_what_a_file_system_left_after_a_power_cut_is_cut_off(whole: Path, tmp_path: Path, rest: bytes) -> None:
    journal = tmp_path / "journal.log"
    journal.write_bytes(whole.read_bytes() + rest)
    repair_journal(journal)
    assert journal.read_bytes() == whole.read_bytes()


def test_a_whole_journal_stays_as_it_is_and_a_missing_one_is_not_made(whole: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    repair_journal(journal)
    journal.write_bytes(b"")
    repair_journal(journal)
    assert journal.read_bytes() == b""
    journal.write_bytes(whole.read_bytes())
    repair_journal(journal)
    assert journal.read_bytes() == whole.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["journal.log"]


def test_reading_changes_nothing(whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = tmp_path / "journal.log"
    torn = whole.read_bytes()[:-9]
    journal.write_bytes(torn)
    with caplog.at_level(logging.WARNING):
        Journal.read(journal, CONFIG).trials()
    assert journal.read_bytes() == torn
    assert [path.name for path in tmp_path.iterdir()] == ["journal.log"]
    assert caplog.messages == []


def test_the_lock_of_a_killed_writer_is_removed(whole: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    journal.write_bytes(whole.read_bytes())
    lock = tmp_path / "journal.log.lock"
    lock.symlink_to(journal)
    repair_journal(journal)
    assert lock.is_symlink(), "it may be held"
    os.utime(lock, (0, 0), follow_symlinks=False)
    repair_journal(journal)
    assert not lock.is_symlink()


def test_damage_in_the_middle_is_named_with_what_to_do(whole: Path, tmp_path: Path) -> None:
    lines = whole.read_bytes().splitlines(keepends=True)
    journal = tmp_path / "journal.log"
    journal.write_bytes(b"".join([*lines[:4], b"{half", *lines[4:]]))
    for call in (lambda: Journal.read(journal, CONFIG), lambda: SweepStudy.open(journal, CONFIG, SPACE)):
        with pytest.raises(DataError, match=r"journal.log: this journal is damaged in its middle: .*with --new"):
            call()

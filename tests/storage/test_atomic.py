"""Files and folders that appear whole or not at all, also where the file system has no links."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sweepkit.storage.atomic import creating, replacing, unfinished_folder


@pytest.fixture(params=["links", "no links"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    return tmp_path / "store.db"


def write_half(missing: Path, to: Path) -> None:
    """Write something, then fail."""
    to.write_text("half")
    to.write_text(missing.read_text())


def test_a_file_is_replaced_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_fails_halfway_leaves_the_old_one_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(target) as temporary:
        write_half(tmp_path / "missing", temporary)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_created_file_appears_when_it_is_complete(target: Path) -> None:
    with creating(target, prefix=".store.db-") as temporary:
        assert temporary.name.startswith(".store.db-")
        temporary.write_text("complete")
        assert not target.exists()
    assert target.read_text() == "complete"
    assert list(target.parent.iterdir()) == [target]


def test_of_two_processes_that_create_a_file_the_first_wins(tmp_path: Path) -> None:
    target = tmp_path / "store.db"
    with creating(target) as temporary:
        temporary.write_text("second")
        target.write_text("first")
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_fails_halfway_leaves_nothing_not_even_its_parents(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), unfinished_folder(tmp_path / "new/parent/folder") as temporary:
        write_half(tmp_path / "missing", temporary / "file")
    assert list(tmp_path.iterdir()) == []

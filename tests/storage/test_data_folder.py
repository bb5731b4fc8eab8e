"""The folder of prepared data: complete once it has a manifest, and on this machine when it is opened."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from sweepkit.storage.data_folder import DataFolder
from sweepkit.storage.storage import Storage


def test_data_exists_once_it_has_a_manifest(tmp_path: Path) -> None:
    folder = DataFolder(Storage.at(str(tmp_path)), "toy", "ab12")
    folder.storage.write(f"{folder.paths.root}/vocabulary.txt", b"good\n")
    assert not folder.exists()
    folder.storage.write(folder.paths.manifest, b"{}")
    assert folder.exists()


def test_messages_name_the_folder_or_a_file_in_it(tmp_path: Path) -> None:
    folder = DataFolder(Storage.at(str(tmp_path)), "toy", "ab12")
    assert folder.shown() == f"{tmp_path}/data/toy-ab12"
    assert folder.shown(folder.paths.manifest) == f"{tmp_path}/data/toy-ab12/manifest.json"


def test_data_in_a_folder_is_opened_where_it_is(tmp_path: Path) -> None:
    assert DataFolder(Storage.at(str(tmp_path)), "toy", "ab12").local_folder() == tmp_path / "data/toy-ab12"


def test_data_in_a_bucket_is_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    bucket = Storage(pafs.SubTreeFileSystem(str(tmp_path / "bucket"), pafs.LocalFileSystem()), "", uri="s3://made-up")
    folder = DataFolder(bucket, "toy", "ab12")
    bucket.write(folder.paths.manifest, b"{}")
    copy = folder.local_folder()
    assert copy.is_relative_to(tmp_path / "temporary/sweepkit-data")
    assert (copy / "manifest.json").read_bytes() == b"{}"
    bucket.write(folder.paths.manifest, b"changed")
    assert (folder.local_folder() / "manifest.json").read_bytes() == b"{}"

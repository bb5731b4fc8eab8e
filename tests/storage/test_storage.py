"""Storages: what folders and buckets have in common, and how each differs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from sweepkit.errors import InputError
from sweepkit.storage.storage import Storage
from tests.support.s3_server import bucket


@pytest.fixture
def remote(tmp_path: Path) -> Storage:
    """A storage that is not a folder to its callers, though its bytes are in one."""
    return Storage(pafs.SubTreeFileSystem(str(tmp_path / "far"), pafs.LocalFileSystem()), "runs")


def everything_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def fill(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


class StorageConformance:
    """What every storage does; subclasses provide the storage."""

    @pytest.fixture
    def storage(self) -> Storage:
        raise NotImplementedError

    def test_reads_back_what_was_written(self, storage: Storage) -> None:
        storage.write("a/b/c.bin", b"\x00one")
        assert storage.exists("a/b/c.bin")
        assert storage.read("a/b/c.bin") == b"\x00one"

    def test_a_second_write_takes_the_place_of_the_first(self, storage: Storage) -> None:
        storage.write("a/c.bin", b"a longer first one")
        storage.write("a/c.bin", b"two")
        assert storage.read("a/c.bin") == b"two"
        assert storage.names("a") == ["c.bin"]

    def test_compressed_files_are_not_unpacked(self, storage: Storage) -> None:
        storage.write("a.gz", b"not gzip at all")
        assert storage.read("a.gz") == b"not gzip at all"

    def test_a_missing_file_is_a_file_not_found_error(self, storage: Storage) -> None:
        assert not storage.exists("nothing")
        with pytest.raises(FileNotFoundError):
            storage.read("nothing")

    def test_json_keeps_nan_and_infinity(self, storage: Storage) -> None:
        storage.write_json("a.json", {"loss": math.nan, "worst": math.inf, "epoch": 3})
        read = storage.read_json("a.json")
        assert math.isnan(read.pop("loss"))
        assert read == {"worst": math.inf, "epoch": 3}

    def test_names_are_the_direct_children_in_order(self, storage: Storage) -> None:
        for name in ("t/2/deep.txt", "t/10/deep.txt", "t/a.txt", "u.txt"):
            storage.write(name, b"")
        assert storage.names("t") == ["10", "2", "a.txt"]
        assert storage.names("no/such/folder") == []

    def test_deletes_files_and_whole_folders_and_ignores_missing_ones(self, storage: Storage) -> None:
        storage.write("t/1/deep/a.txt", b"")
        storage.write("t/b.txt", b"")
        for name in ("t/1", "t/b.txt", "t/absent", "absent/t"):
            storage.delete(name)
        assert storage.names("t") == []

    def test_a_name_cannot_leave_the_root(self, storage: Storage) -> None:
        for name in ("../outside", "a/../../outside", "/etc/outside"):
            with pytest.raises(ValueError, match="must stay below its root"):
                storage.write(name, b"")

    def test_a_folder_that_was_put_can_be_got(self, storage: Storage, tmp_path: Path) -> None:
        source = fill(tmp_path / "source", data="d", manifest="m")
        fill(source / "deep", more="x")
        storage.put_folder(source, "data/1", last="manifest")
        assert storage.names("data/1") == ["data", "deep", "manifest"]
        storage.get_folder("data/1", tmp_path / "copy")
        assert everything_below(tmp_path / "copy") == ["data", "deep/more", "manifest"]
        assert (tmp_path / "copy/deep/more").read_text() == "x"

    def test_putting_a_folder_leaves_a_complete_one_alone(self, storage: Storage, tmp_path: Path) -> None:
        storage.put_folder(fill(tmp_path / "one", manifest="1"), "data", last="manifest")
        storage.put_folder(fill(tmp_path / "two", manifest="2"), "data", last="manifest")
        assert storage.read("data/manifest") == b"1"

    def test_putting_a_folder_replaces_an_incomplete_one(self, storage: Storage, tmp_path: Path) -> None:
        storage.write("data/half", b"made")
        storage.put_folder(fill(tmp_path / "two", manifest="2"), "data", last="manifest")
        assert storage.names("data") == ["manifest"]

    def test_a_new_folder_takes_the_place_of_the_old_one(self, storage: Storage) -> None:
        for text in ("first", "second"):
            with storage.new_folder("t/epoch", last="state") as folder:
                fill(folder, state=text, **{text: ""})
        assert storage.names("t") == ["epoch"]
        assert storage.names("t/epoch") == ["second", "state"]
        assert storage.read("t/epoch/state") == b"second"

    def test_a_new_folder_that_fails_half_way_changes_nothing(self, storage: Storage) -> None:
        storage.write("t/epoch/state", b"first")
        with pytest.raises(IsADirectoryError), storage.new_folder("t/epoch", last="state") as folder:
            fill(folder, state="second").write_text("a folder is no file")
        assert storage.read("t/epoch/state") == b"first"
        assert storage.names("t") == ["epoch"]

    def test_a_new_folder_without_its_last_file_is_refused(self, storage: Storage) -> None:
        with pytest.raises(ValueError, match="must hold 'state'"), storage.new_folder("t", last="state"):
            pass
        assert not storage.exists("t")

    def test_a_missing_folder_cannot_be_got(self, storage: Storage, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            storage.get_folder("nothing", tmp_path / "copy")

    def test_a_writable_storage_is_left_empty_by_the_check(self, storage: Storage) -> None:
        storage.check_writable()
        assert storage.names("") == []

    def test_json_on_disk_is_json(self, storage: Storage) -> None:
        storage.write_json("a.json", {"b": [1, None]})
        assert json.loads(storage.read("a.json")) == {"b": [1, None]}

    def test_a_file_is_created_once(self, storage: Storage) -> None:
        assert storage.create("a/lock", b"one") is True
        assert storage.create("a/lock", b"two") is False
        assert storage.read("a/lock") == b"one"
        assert storage.names("a") == ["lock"]

    def test_a_file_that_was_taken_is_gone(self, storage: Storage) -> None:
        storage.write("a/lock", b"one")
        assert storage.take("a/lock") == b"one"
        assert storage.take("a/lock") is None
        assert storage.names("a") == []

    def test_a_folders_size_is_that_of_all_files_in_it(self, storage: Storage) -> None:
        storage.write("a/b/c/one", b"123")
        storage.write("a/two", b"45678")
        storage.write("other", b"9")
        assert (storage.size("a"), storage.size("a/b"), storage.size("nothing")) == (8, 3, 0)


class TestFolder(StorageConformance):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return Storage.at(str(tmp_path / "runs"))


class TestBucket(StorageConformance):
    """S3 through pyarrow, from a server on this machine."""

    @pytest.fixture
    def storage(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
            monkeypatch.setenv(name, "true")
        with bucket("shared") as uri:
            yield Storage.at(uri.replace("shared", "shared/runs", 1))


class TestOtherFileSystem(StorageConformance):
    """One of pyarrow that is neither a folder nor a bucket: in memory."""

    @pytest.fixture
    def storage(self) -> Storage:
        return Storage(pafs._MockFileSystem(), "bucket/runs")


def test_the_last_file_is_uploaded_after_all_others(remote: Storage, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", a_manifest="m", data="d", z="z")
    remote.put_folder(source, "data", last="a_manifest")
    written = [(tmp_path / "far/runs/data" / name).stat().st_ctime_ns for name in ("data", "z", "a_manifest")]
    assert written == sorted(written)


def test_a_folder_is_its_own_local_folder(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "runs"))
    storage.write("data/a", b"")
    assert storage.local_folder("data", tmp_path / "cache") == tmp_path / "runs/data"
    assert not (tmp_path / "cache").exists()


def test_another_storage_is_copied_to_the_cache_once(remote: Storage, tmp_path: Path) -> None:
    remote.write("data/x/a", b"first")
    copy = remote.local_folder("data/x", tmp_path / "cache")
    remote.write("data/x/a", b"second")
    assert remote.local_folder("data/x", tmp_path / "cache") == copy
    assert (copy / "a").read_bytes() == b"first"
    assert everything_below(tmp_path / "cache") == [(copy / "a").relative_to(tmp_path / "cache").as_posix()]


def test_two_storages_do_not_share_a_cached_copy(tmp_path: Path) -> None:
    copies = []
    for name in ("one", "two"):
        filesystem = pafs.SubTreeFileSystem(str(tmp_path / name), pafs.LocalFileSystem())
        storage = Storage(filesystem, "runs", uri=f"s3://{name}/runs")
        storage.write("data/a", name.encode())
        copies.append((storage.local_folder("data", tmp_path / "cache") / "a").read_text())
    assert copies == ["one", "two"]


def test_a_copy_that_fails_leaves_nothing_in_the_cache(remote: Storage, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        remote.local_folder("nothing", tmp_path / "cache")
    assert everything_below(tmp_path / "cache") == []
    with pytest.raises(FileNotFoundError):
        remote.local_folder("nothing", tmp_path / "cache")


def test_files_that_a_killed_writer_left_are_not_listed_and_can_be_deleted(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path))
    storage.write("t/good", b"")
    with storage.new_folder("t/new", last="state") as folder:
        fill(folder, state="")
        assert storage.names("t") == ["good"]
        storage.delete_unfinished("t")
        assert not folder.exists()
        fill(folder, state="")
    storage.delete_unfinished("t")
    assert storage.names("t") == ["good", "new"]


def test_a_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = Storage.at("runs")
    assert storage.local == tmp_path / "runs"
    assert storage.uri == str(tmp_path / "runs")
    assert storage.path("a/b") == tmp_path / "runs/a/b"


@pytest.mark.parametrize("tail", ["my runs", "50%20of#it", "Läufe?"])
def test_a_storages_uri_opens_it_again(tmp_path: Path, tail: str) -> None:
    storage = Storage.at(str(tmp_path / tail))
    storage.write("a", b"1")
    assert Storage.at(storage.uri).read("a") == b"1"
    assert Storage.at((tmp_path / tail).as_uri()).read("a") == b"1"


def test_opening_and_reading_make_no_folder(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path / "runs"))
    assert storage.names("sweeps") == []
    assert not storage.exists("sweeps")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        Storage.at(str(tmp_path / "file/runs")).check_writable()
    assert str(caught.value) == (
        f"storage must be writable, '{tmp_path}/file/runs' is not: not a directory; "
        "name another folder with storage.uri or change its permissions"
    )


def test_an_unknown_scheme_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(InputError) as caught:
        Storage.at("ftp://me:pa55@host/runs?token=pa55")
    assert str(caught.value) == (
        "storage must be a folder or a URI that starts with file://, s3:// or gs://, got 'ftp://host/runs'"
    )


@pytest.mark.parametrize("uri", ["s3://key:pa55@bucket/runs", "gs://key:pa55@bucket/runs"])
def test_credentials_in_a_uri_are_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(InputError, match="must not hold credentials") as caught:
        Storage.at(uri)
    assert "pa55" not in str(caught.value)
    assert "AWS_ACCESS_KEY_ID" in str(caught.value)


def test_a_bucket_with_an_unknown_option_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"storage 's3://bucket/runs' cannot be opened: .*'nonsense'"):
        Storage.at("s3://bucket/runs?region=us-east-1&nonsense=1")


def test_a_bucket_keeps_the_options_that_workers_need() -> None:
    uri = "s3://bucket/runs?scheme=http&endpoint_override=127.0.0.1:9&region=us-east-1"
    storage = Storage.at(uri)
    assert storage.local is None
    assert storage.uri == uri
    with pytest.raises(ValueError, match="'s3://bucket/runs' is not a folder"):
        storage.path("a")


def test_a_file_uri_must_be_absolute() -> None:
    with pytest.raises(InputError, match=r"like file:///data/runs, got 'file://runs/x'"):
        Storage.at("file://runs/x")


def test_without_links_a_file_is_still_created_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("sweepkit.storage.atomic.os.link", refuse)
    storage = Storage.at(str(tmp_path))
    assert [storage.create("a/lock", b"one"), storage.create("a/lock", b"two")] == [True, False]
    assert everything_below(tmp_path) == ["a/lock"]
    assert storage.read("a/lock") == b"one"

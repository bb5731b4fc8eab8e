"""Preparing: what is written, found again, left behind and refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.fs as pafs
import pytest

from sweepkit.data.manifest import MANIFEST
from sweepkit.data.rows import Rows
from sweepkit.errors import DataError, InputError
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.prepare import content_key
from sweepkit.tasks.text.rounded_vectors import write_rounded
from sweepkit.tasks.text.word_vectors import find_vectors
from tests.support.made_up_texts import RECIPE, InterruptedMapper, MadeUp, files_below, prepare

pytestmark = pytest.mark.tf
ROOT = Path(__file__).parents[3]


def texts_of(prepared: PreparedTexts, split: str) -> list[tuple[int, ...]]:
    from sweepkit.data.tfrecords import read_shards

    rows: Rows = read_shards(prepared.shards(split))
    return [tuple(rows.tokens[a:b].tolist()) for a, b in zip(rows.offsets, rows.offsets[1:], strict=False)]


def test_splits_labels_lengths_and_duplicates_are_what_the_source_has(tmp_path: Path) -> None:
    manifest = prepare(Storage.at(str(tmp_path))).manifest
    splits = manifest.splits
    assert [splits[name].rows for name in ("train", "valid", "test")] == [135, 45, 60]
    assert sum(splits["train"].label_counts) == 135
    assert (
        abs(
            splits["valid"].label_counts[0] - 0.25 * (splits["train"].label_counts[0] + splits["valid"].label_counts[0])
        )
        <= 1
    )
    assert splits["train"].lengths["max"] == 13
    assert manifest.duplicates["train"] > 0
    assert manifest.package == "toy"
    assert manifest.settings["seed"] == 3
    assert manifest.source == "made-up texts"


def test_no_text_is_in_train_and_validation(tmp_path: Path) -> None:
    # words of their own tell texts apart
    prepared = prepare(Storage.at(str(tmp_path)), vocab_size=1_000, min_frequency=1)
    train, valid = texts_of(prepared, "train"), texts_of(prepared, "valid")
    assert len(set(train)) < len(train), "the source repeats texts"
    unknown = [text for text in valid if 1 not in text]
    assert not set(unknown) & set(train)


def test_the_vocabulary_comes_from_train_alone(tmp_path: Path) -> None:
    prepared = prepare(Storage.at(str(tmp_path)), vocab_size=10_000, min_frequency=1)
    assert {index for text in texts_of(prepared, "train") for index in text} == set(range(2, prepared.vocab_size))
    assert 1 in {index for text in texts_of(prepared, "test") for index in text}


def test_every_text_ends_with_the_end_token(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        assert all(text[-1] == 2 and 2 not in text[:-1] for text in texts_of(prepare(Storage.at(str(tmp_path))), split))


def test_vectors_are_aligned_with_the_vocabulary(tmp_path: Path) -> None:
    write_rounded(tmp_path / "v.parquet", ["film", "plot"], {2: np.array([[1, 2], [3, 4]], np.float32)})
    source = MadeUp(vectors=find_vectors([tmp_path / "v.parquet"], dims=[2]))
    prepared = prepare(Storage.at(str(tmp_path / "runs")), source, vector_dims=(2,))
    assert prepared.vectors(2)[prepared.vocabulary().index["plot"]].tolist() == [3.0, 4.0]
    vectors = prepared.manifest.vectors[0]
    assert (vectors.dim, vectors.words_found) == (2, 2)
    assert 0 < vectors.token_share < 1


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that can import what this test can."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment, timeout=120
    )


class Backwards:
    """A mapper whose tasks finish in another order, in threads."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], *, describe: str) -> Iterator[Any]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(3) as pool:
            futures = [pool.submit(function, item) for item in reversed(items)]
            yield from [future.result() for future in reversed(futures)]


def test_the_files_do_not_depend_on_where_the_work_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare(Storage.at(str(tmp_path / "a")))
    monkeypatch.setattr("sweepkit.tasks.text.build._CHUNK_TEXTS", 17)
    second = prepare(Storage.at(str(tmp_path / "b")), mapper=Backwards())
    assert first.manifest == second.manifest


def test_the_key_follows_content_and_settings() -> None:
    source = MadeUp()
    key = content_key(RECIPE, source)
    assert key == content_key(RECIPE, MadeUp())
    from dataclasses import replace

    changes = [{"seed": 4}, {"vocab_size": 13}, {"min_frequency": 3}, {"lower": False}, {"valid_fraction": 0.2}]
    others = {content_key(replace(RECIPE, **change), source) for change in changes}
    others.add(content_key(RECIPE, MadeUp(seed=1)))
    assert len(others | {key}) == len(changes) + 2


class NoMapper:
    def map(self, function: Any, items: Any, *, describe: str) -> Any:
        raise AssertionError("nothing is to be made again")


def test_the_second_preparation_finds_the_first(tmp_path: Path) -> None:
    first = prepare(Storage.at(str(tmp_path)))
    before = files_below(tmp_path)
    second = prepare(Storage.at(str(tmp_path)), mapper=NoMapper())
    assert second == first
    assert files_below(tmp_path) == before


def test_finding_imports_nothing_heavy(tmp_path: Path) -> None:
    prepare(Storage.at(str(tmp_path)))
    program = (
        "import sys\n"
        "from tests.support.made_up_texts import Storage, prepare\n"
        f"prepare(Storage.at({str(tmp_path)!r}), mapper=0)\n"
        "print([name for name in ('tensorflow', 'keras', 'nltk', 'ray', 'mlflow') if name in sys.modules])"
    )
    found = run_python(program)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[]"


def test_a_damaged_shard_is_named_when_it_is_found_again(tmp_path: Path) -> None:
    shard = prepare(Storage.at(str(tmp_path))).shards("train")[0]
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(
        DataError, match="this file is damaged, it differs from its checksum; delete the folder"
    ) as caught:
        prepare(Storage.at(str(tmp_path)))
    assert str(caught.value).startswith(f"{shard}: ")


@pytest.mark.parametrize("at_call", [1, 2])
def test_an_interruption_leaves_nothing_and_the_next_call_succeeds(
    tmp_path: Path, at_call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweepkit.tasks.text.build._SHARD_ROWS", 50)
    storage = Storage.at(str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        prepare(storage, mapper=InterruptedMapper(at_call))
    assert files_below(tmp_path) == []
    prepare(storage).verify()


def test_what_a_killed_preparation_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    killed = run_python(
        "import os, signal\n"
        "from tests.support.made_up_texts import Storage, prepare\n"
        "class Killed:\n"
        "    def map(self, function, items, *, describe):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"prepare(Storage.at({str(tmp_path)!r}), mapper=Killed())\n"
    )
    assert killed.returncode != 0
    assert len(files_below(tmp_path)) == 1, "the note of who was at work"
    assert Storage.at(str(tmp_path)).names("data") == []
    living = tmp_path / "data" / ".other-machine"
    living.mkdir()
    (living / "being-made.json").write_text(json.dumps({"host": "elsewhere", "pid": os.getpid()}))
    prepared = prepare(Storage.at(str(tmp_path)))
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted([living.name, prepared.folder.name])
    assert not (prepared.folder / "being-made.json").exists()


def test_a_storage_that_is_no_folder_gets_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    bucket = Storage(pafs.SubTreeFileSystem(str(tmp_path / "bucket"), pafs.LocalFileSystem()), "")
    prepared = prepare(bucket)
    prepared.verify()
    assert prepared.manifest == prepare(Storage.at(str(tmp_path / "folder"))).manifest
    assert bucket.exists(f"data/toy-{prepared.manifest.key}/{MANIFEST}")
    assert prepare(bucket, mapper=NoMapper()) == prepared


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="storage must be writable") as caught:
        prepare(Storage.at(str(tmp_path / "file")))
    assert str(tmp_path / "file") in str(caught.value)


def test_a_vocabulary_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none occurs 5000 times in train: lower min_frequency"):
        prepare(Storage.at(str(tmp_path)), min_frequency=5_000)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (MadeUp(replaced={4: "  "}), "made-up texts: every text must have words, row 5 has none"),
        (MadeUp(replaced={4: "<br /><p>"}), "made-up texts: every text must have words, row 5 has only markup"),
        (
            MadeUp(n_rows=2),
            "train and validation must both have rows, valid_fraction 0.25 of 2 rows leaves one of them empty",
        ),
        (MadeUp(n_rows=0), "there must be rows to train on"),
    ],
)
def test_a_source_with_something_wrong_leaves_nothing(tmp_path: Path, source: MadeUp, message: str) -> None:
    with pytest.raises(DataError) as caught:
        prepare(Storage.at(str(tmp_path)), source, min_frequency=1, valid_fraction=0.25)
    assert message in str(caught.value)
    assert files_below(tmp_path) == []


def test_progress_reaches_the_end_of_every_phase(tmp_path: Path) -> None:
    from sweepkit.runners.inline import InlineMapper
    from sweepkit.tasks.text.prepare import prepare_texts

    seen: dict[str, list[tuple[int, int]]] = {}
    prepare_texts(
        RECIPE,
        MadeUp(),
        storage=Storage.at(str(tmp_path)),
        mapper=InlineMapper(),
        progress=lambda phase, done, total: seen.setdefault(phase, []).append((done, total)),
    )
    assert list(seen) == ["splitting texts into words", "writing records"]
    for steps in seen.values():
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1]

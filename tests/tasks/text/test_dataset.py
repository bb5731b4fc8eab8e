"""The manifest, and what verifying finds. The shards here hold no records: nobody decodes them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from sweepkit.data.manifest import FORMAT, MANIFEST, ShardInfo
from sweepkit.errors import DataError
from sweepkit.storage.digests import file_info
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.manifest import TextManifest, TextSplitInfo, VectorInfo, VocabularyInfo
from sweepkit.tasks.text.vocabulary import Vocabulary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete folder with one shard for train and vectors of 2."""
    folder = tmp_path / "imdb-0123"
    folder.mkdir()
    shard, words, vectors = folder / "train-0.tfrecord", folder / "vocabulary.txt", folder / "vectors-2.npy"
    shard.write_bytes(b"not looked into")
    Vocabulary.build({"good": 1}, max_size=9, min_frequency=1).save(words)
    np.save(vectors, np.ones((4, 2), np.float32))
    empty = TextSplitInfo(rows=0, label_counts=(0, 0), lengths={}, histogram=(0,), files=())
    train = TextSplitInfo(
        rows=3,
        label_counts=(1, 2),
        lengths={"mean": 2.0, "max": 3.0},
        histogram=(3,),
        files=(ShardInfo(**asdict(file_info(shard)), rows=3, tokens=6),),
    )
    manifest = TextManifest(
        format=FORMAT,
        key="0123",
        package="imdb",
        label_names=("negative", "positive"),
        splits={"train": train, "valid": empty, "test": empty},
        vocabulary=VocabularyInfo(**asdict(file_info(words)), size=4, token_share=0.5),
        vectors=(VectorInfo(**asdict(file_info(vectors)), dim=2, words_found=1, token_share=0.5),),
        duplicates={"train": 0},
        settings={"seed": 0},
        source="somewhere",
        source_digest="abc",
    )
    (folder / MANIFEST).write_text(json.dumps(manifest.to_json()))
    return folder


def test_a_folder_opens_with_all_that_its_manifest_says(folder: Path) -> None:
    prepared = PreparedTexts.open(folder)
    prepared.verify()
    assert prepared.vocab_size == 4
    assert prepared.vocabulary().words[3] == "good"
    assert prepared.vectors(2).shape == (4, 2)
    assert prepared.shards("train") == [folder / "train-0.tfrecord"]
    assert prepared.shards("test") == []
    assert prepared.manifest == TextManifest.from_json(json.loads(json.dumps(prepared.manifest.to_json())))


def test_vectors_that_were_not_prepared_are_named(folder: Path) -> None:
    with pytest.raises(DataError, match="vectors of 50 values were not prepared, these were: 2"):
        PreparedTexts.open(folder).vectors(50)


@pytest.mark.parametrize("name", ["train-0.tfrecord", "vocabulary.txt", "vectors-2.npy"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [("flip", "differs from its checksum"), ("cut", "bytes where the manifest has"), ("delete", "is missing")],
)
def test_verifying_names_the_damaged_file_and_what_to_do(folder: Path, name: str, damage: str, message: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-1])
    else:
        path.unlink()
    with pytest.raises(DataError, match=message) as caught:
        PreparedTexts.open(folder).verify()
    assert str(caught.value).startswith(f"{path}: ")
    assert f"delete the folder {str(folder)!r} and run the command again" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "its manifest is missing"),
        (b"{", "the manifest can't be read"),
        (b"[]", f"prepared data must have format {FORMAT}, this has None"),
        (b'{"format": 0}', f"prepared data must have format {FORMAT}, this has 0"),
        (json.dumps({"format": FORMAT}).encode(), "the manifest is malformed: 'label_names'"),
    ],
)
def test_a_folder_without_a_good_manifest_is_refused(folder: Path, content: bytes | None, message: str) -> None:
    if content is None:
        (folder / MANIFEST).unlink()
    else:
        (folder / MANIFEST).write_bytes(content)
    with pytest.raises(DataError) as caught:
        PreparedTexts.open(folder)
    assert message in str(caught.value)
    assert str(folder / MANIFEST) in str(caught.value)


def test_vectors_of_another_shape_are_refused(folder: Path) -> None:
    np.save(folder / "vectors-2.npy", np.ones((4, 3), np.float32))
    with pytest.raises(DataError, match=r"must be float32 of shape \(4, 2\)"):
        PreparedTexts.open(folder).vectors(2)

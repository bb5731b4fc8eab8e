"""Texts from Parquet and CSV files, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweepkit.errors import DataError
from sweepkit.tasks.text.source import LabelledTexts, check_texts
from sweepkit.tasks.text.tables import has_texts, read_table

ROWS = {"text": ["Good, very.", 'Bad\nand "long"', "Fine"], "label": [1, 0, 1], "split": ["train", "train", "test"]}


def parquet(folder: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    return folder / "rows.parquet"


def csv(folder: Path, content: str | bytes) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def facts(found: LabelledTexts) -> tuple[list[str], list[int], list[bool]]:
    return found.texts, found.labels.tolist(), found.is_test.tolist()


def test_parquet_and_csv_give_the_same_texts(tmp_path: Path) -> None:
    other = 'id,label,text,split\n7,1,"Good, very.",train\n8,0,"Bad\nand ""long""",train\n9,1,Fine,test\n'
    expected = (ROWS["text"], [1, 0, 1], [False, False, True])
    assert facts(read_table(parquet(tmp_path, **ROWS, id=[7, 8, 9]))) == expected
    assert facts(read_table(csv(tmp_path, other))) == expected


def test_without_a_split_everything_is_for_training(tmp_path: Path) -> None:
    assert facts(read_table(csv(tmp_path, "text,label\nGood,1\nNA,0\n"))) == (["Good", "NA"], [1, 0], [False, False])


@pytest.mark.parametrize(
    "labels",
    [pa.array([1, 0], pa.int64()), [1.0, 0.0], [True, False], ["1", "0"], pa.array(["1", "0"]).dictionary_encode()],
)
def test_labels_may_be_of_any_type(tmp_path: Path, labels: Any) -> None:
    assert read_table(parquet(tmp_path, text=["a", "b"], label=labels)).labels.tolist() == [1, 0]


def test_rows_are_named_from_one(tmp_path: Path) -> None:
    places = read_table(parquet(tmp_path, **ROWS)).places
    assert [places[0], places[2], len(places)] == ["row 1", "row 3", 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("texts,label\nGood,1\n", "must have a column 'text': did you mean 'texts'?"),
        ("text,lable\nGood,1\n", "must have a column 'label': did you mean 'lable'?"),
        ("text,label\nGood,1\nBad,2\n", "labels must be 0 or 1, row 2 has '2'"),
        ("text,label\nGood,positive\n", "labels must be 0 or 1, row 1 has 'positive'"),
        ("text,label\nGood,\n", "labels must be 0 or 1, row 1 has ''"),
        ("text,label,split\nGood,1,dev\n", "splits must be 'train', 'test', row 1 has 'dev'"),
        ("text,label\nGood,1\nBad\n", "must be a CSV file in UTF-8, it can't be read"),
        (b"text,label\nG\xffod,1\n", "must be a CSV file in UTF-8, it can't be read"),
        ("", "must be a CSV file in UTF-8, it can't be read"),
    ],
)
def test_a_bad_csv_is_refused_with_what_to_do(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = csv(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_all_missing_columns_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(csv(tmp_path, "texts,lable\nGood,1\n"))
    assert len(caught.value.issues) == 2


def test_many_bad_labels_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(parquet(tmp_path, text=["a"] * 9, label=[3] * 9))
    assert len(caught.value.issues) == 6
    assert "… and 4 more of this kind" in str(caught.value)


def test_a_bad_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with pytest.raises(DataError, match="there is no such file"):
        read_table(path)
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="must be a Parquet file"):
        read_table(path)
    parquet(tmp_path, text=[1, 2], label=[0, 1])
    assert read_table(path).texts == ["1", "2"]
    parquet(tmp_path, text=[[1], [2]], label=[0, 1])
    with pytest.raises(DataError, match="column 'text' must hold text"):
        read_table(path)


def test_a_table_is_recognised_by_its_columns(tmp_path: Path) -> None:
    assert has_texts(parquet(tmp_path, **ROWS))
    assert not has_texts(csv(tmp_path, "word,count\na,1\n"))
    assert not has_texts(tmp_path / "missing.parquet")


def refusal(texts: list[str | None], labels: list[int], *, is_test: list[bool] | None = None) -> str:
    """Return why nothing can be learnt from these texts, empty if something can."""
    import numpy as np

    places = [f"row {i + 1}" for i in range(len(texts))]
    test = np.array(is_test or [False] * len(texts), np.bool_)
    try:
        check_texts(LabelledTexts(texts, np.array(labels, np.int8), test, places), where="rows.csv", n_labels=2)
    except DataError as error:
        return str(error)
    return ""


def test_texts_that_nothing_can_be_learnt_from_are_refused_and_good_ones_pass() -> None:
    assert refusal(["a", "b"], [0, 1]) == ""
    assert "rows.csv: every text must have words, row 2 has none" in refusal(["a", " \n", "b"], [0, 1, 1])
    assert "labels must be 0 or 1, row 1 has 2" in refusal(["a", "b"], [2, 1])
    assert "there must be rows to train on, the source has none" in refusal(["a", "b"], [0, 1], is_test=[True, True])
    assert "there must be training rows of every label, none has label 1" in refusal(
        ["a", "b"], [0, 1], is_test=[False, True]
    )

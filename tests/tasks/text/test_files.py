"""Files of texts: read whatever is in them, write them again with columns added and nothing else changed."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweepkit.errors import DataError, InputError
from sweepkit.tasks.text.files import check_paths, read_texts

ADDED = {"label": ["good", None], "probability": [0.75, None], "note": [None, "no words in it"]}


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class TestLines:
    def test_every_line_is_a_text(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.txt", "\ufeffone\r\n\ntwo\u2028still two\x0cand here\nlast")
        assert read_texts(path, "text").texts == ["one", "", "two\u2028still two\x0cand here", "last"]

    def test_columns_are_added_with_tabs(self, tmp_path: Path) -> None:
        read_texts(written(tmp_path / "a.txt", "a b\n\n"), "text").write(tmp_path / "b.txt", ADDED)
        assert (tmp_path / "b.txt").read_text() == "a b\tgood\t0.750000\t\n\t\t\tno words in it\n"

    def test_another_encoding_is_said_with_its_line(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="UTF-8, line 2 has the byte 0xe9: save it as UTF-8"):
            read_texts(written(tmp_path / "a.txt", b"one\ncaf\xe9\n"), "text")

    def test_an_empty_file_has_no_texts(self, tmp_path: Path) -> None:
        assert read_texts(written(tmp_path / "a.txt", ""), "text").texts == []


class TestCsv:
    CONTENT = 'id,text,label\n007,"one, ""two""\nand three",1\n1e3,,0\n'

    def test_rows_and_other_columns_stay_as_they_are(self, tmp_path: Path) -> None:
        source = read_texts(written(tmp_path / "a.csv", self.CONTENT), "text")
        assert source.texts == ['one, "two"\nand three', ""]
        assert source.columns == ("id", "text", "label")
        source.write(tmp_path / "b.csv", {f"p_{name}": values for name, values in ADDED.items()})
        assert (tmp_path / "b.csv").read_text() == (
            "id,text,label,p_label,p_probability,p_note\n"
            '007,"one, ""two""\nand three",1,good,0.750000,\n'
            "1e3,,0,,,no words in it\n"
        )

    def test_what_is_written_reads_back_whatever_the_texts_hold(self, tmp_path: Path) -> None:
        texts = ["a\rb", "a\r\nb", '"', ",", "x" * 300_000, "\x00", " lead", "é😀", "", "a\x0bb\x1c\u2028c"]
        with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text", "n"], *([text, i] for i, text in enumerate(texts))])
        source = read_texts(tmp_path / "a.csv", "text")
        assert source.texts == texts
        source.write(tmp_path / "b.csv", {"note": [None] * len(texts)})
        assert read_texts(tmp_path / "b.csv", "text").texts == texts
        assert read_texts(tmp_path / "b.csv", "n").texts == [str(i) for i in range(len(texts))]

    def test_blank_lines_are_rows_only_where_there_is_one_column(self, tmp_path: Path) -> None:
        assert read_texts(written(tmp_path / "a.csv", "text\none\n\ntwo\n"), "text").texts == ["one", "", "two"]
        assert read_texts(written(tmp_path / "a.csv", "text,n\none,1\n\ntwo,2\n\n"), "text").texts == ["one", "two"]

    def test_a_byte_order_mark_is_no_part_of_a_name(self, tmp_path: Path) -> None:
        assert read_texts(written(tmp_path / "a.csv", "\ufefftext\none\n"), "text").texts == ["one"]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("texts,n\na,1\n", "must have a column 'text': did you mean 'texts'.*name another one with --column"),
            ("text,text\na,b\n", "the table must have one column 'text', it has several"),
            ("text,n\na\n", "2 values of the head, the one that ends in line 2 has 1"),
            ('text\n"a\n', "must be a CSV file, line 2: unexpected end of data"),
            ("", "must have a head"),
            (b"text\n\xff\n", "line 2 has the byte 0xff"),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, content: str | bytes, expected: str) -> None:
        with pytest.raises(DataError, match=expected):
            read_texts(written(tmp_path / "a.csv", content), "text")


class TestParquet:
    def test_types_and_order_of_other_columns_stay(self, tmp_path: Path) -> None:
        table = pa.table({"n": pa.array([7, None], pa.int8()), "text": pa.array(["a", None]), "x": [[1], []]})
        table = table.replace_schema_metadata({"who": "me"})
        pq.write_table(table, tmp_path / "a.parquet")
        source = read_texts(tmp_path / "a.parquet", "text")
        assert source.texts == ["a", ""]
        source.write(tmp_path / "b.parquet", ADDED)
        wider = pq.read_table(tmp_path / "b.parquet")
        assert wider.column_names == ["n", "text", "x", "label", "probability", "note"]
        assert wider.select(table.column_names).equals(table)
        assert wider.schema.metadata[b"who"] == b"me"
        assert wider.select(["label", "probability", "note"]).to_pydict() == ADDED

    def test_columns_have_their_types_even_where_nothing_is_in_them(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"text": pa.array(["a"]).dictionary_encode()}), tmp_path / "a.parquet")
        empty = {"label": [None], "note": [None]}
        read_texts(tmp_path / "a.parquet", "text").write(tmp_path / "b.parquet", empty)
        schema = pq.read_schema(tmp_path / "b.parquet")
        assert schema.field("label").type == schema.field("note").type == pa.string()

    def test_what_is_wrong_is_said(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"text": [[1]]}), tmp_path / "a.parquet")
        with pytest.raises(DataError, match="a Parquet file with texts in column 'text'"):
            read_texts(tmp_path / "a.parquet", "text")
        with pytest.raises(DataError, match="must have a column 'words'"):
            read_texts(tmp_path / "a.parquet", "words")
        with pytest.raises(DataError, match="must be a Parquet file"):
            read_texts(written(tmp_path / "b.parquet", "text\n"), "text")


@pytest.mark.parametrize(
    ("source", "to", "expected"),
    [
        ("none.csv", None, "there is no such file"),
        (".", None, "this is a folder, not a file"),
        ("a.tsv", None, r"end in '\.txt', '\.csv', '\.parquet', this ends in '\.tsv'"),
        ("a.csv", "b.parquet", r"of the same kind as 'a\.csv': end its name in '\.csv'"),
        ("a.csv", "a.csv", "must be another one than the file that is read"),
        ("a.csv", "link.csv", "must be another one than the file that is read"),
        ("a.csv", "none/b.csv", "the folder of the file to write must exist"),
        ("a.csv", "folder.csv", "the file to write is a folder"),
    ],
)
def test_places_are_refused_before_anything_is_read(tmp_path: Path, source: str, to: str | None, expected: str) -> None:
    for name in ("a.csv", "a.tsv"):
        written(tmp_path / name, "text\na\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=expected):
        check_paths(tmp_path / source, tmp_path / to if to else None)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    source = read_texts(written(tmp_path / "a.csv", "text\none\ntwo\n"), "text")
    written(tmp_path / "b.csv", "before")
    with pytest.raises(ValueError, match="shorter"):
        source.write(tmp_path / "b.csv", {"label": ["only one"]})
    assert (tmp_path / "b.csv").read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "b.csv"}

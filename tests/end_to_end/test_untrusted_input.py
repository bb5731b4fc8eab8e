"""What comes from elsewhere runs no code, fills no memory, names no place outside, and tells no secrets."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pytest

from sweepkit.cli import app
from sweepkit.config.definition import load
from sweepkit.config.document import MAX_BYTES, read_yaml
from sweepkit.data.manifest import MANIFEST
from sweepkit.driver.claim import claim_sweep, find_sweep
from sweepkit.errors import DataError, InputError
from sweepkit.results.sweep import load_sweep
from sweepkit.storage.storage import Storage
from sweepkit.tasks.text.dataset import PreparedTexts
from sweepkit.tasks.text.vocabulary import Vocabulary
from sweepkit.tracking.uris import artifact_folder
from tests.support.small_sweeps import YAML as SWEEP
from tests.support.small_sweeps import write_sweep
from tests.support.sweep_files import SMALLEST, problems_of

WORDS = Vocabulary.build({"good": 3, "bad": 2}, max_size=10, min_frequency=1)
DEEP = "[" * 100_000
SECRET = "pa55"


class TestYaml:
    @pytest.mark.parametrize(
        "value",
        [
            "!!python/object/apply:os.system ['touch pwned']",
            "!!python/object/new:os.system ['touch pwned']",
            "!!python/name:os.system ''",
            "!!python/module:os ''",
            "!!python/object:os.system {a: b}",
            "!!python/tuple [1, 2]",
            "!!binary aGk=",
            "!!set {a, b}",
            "!own:int 5",
        ],
    )
    def test_tags_run_nothing_and_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (definition,) = problems_of(tmp_path, f"{SMALLEST}data: {{source: {value}}}\n")
        assert "4: data.source: tag " in definition
        assert "is not supported" in definition
        assert not Path("pwned").exists()

    def test_a_tag_on_the_whole_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "sweep.yaml").write_text("!!python/object:os.system {sweep: a}")
        with pytest.raises(InputError, match="it is not a mapping"):
            read_yaml(tmp_path / "sweep.yaml")

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("!!int ''", "cannot be read as int"),
            ("!!float ''", "cannot be read as float"),
            ("0x" + "f" * 5000, "a whole number has at most 63 bits"),
            ("9223372036854775808", "a whole number has at most 63 bits"),
            (r'"\ud800"', "contains NUL or half of a surrogate pair"),
            (r'"\0"', "contains NUL or half of a surrogate pair"),
        ],
    )
    def test_values_that_python_stumbles_over_are_problems(self, tmp_path: Path, value: str, message: str) -> None:
        assert message in problems_of(tmp_path, f"{SMALLEST}search: {{seed: {value}}}\n")[0]

    def test_a_character_that_does_not_exist_is_no_yaml(self, tmp_path: Path) -> None:
        (tmp_path / "sweep.yaml").write_text(r'a: "\U99999999"')
        with pytest.raises(InputError, match="not valid YAML"):
            read_yaml(tmp_path / "sweep.yaml")

    def test_a_billion_laughs_take_no_memory(self, tmp_path: Path) -> None:
        lines = ["a0: &a0 [lol]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))]
        tracemalloc.start()
        issues = problems_of(tmp_path, f"{SMALLEST}data:\n  " + "\n  ".join(lines))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "more than 10,000 entries or 50 levels, aliases included" in issues[0]
        assert peak < 50_000_000

    @pytest.mark.parametrize("content", [b"a: " + b"x" * MAX_BYTES, b"\n" * (MAX_BYTES + 1)])
    def test_a_huge_file_is_refused_unread(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "sweep.yaml").write_bytes(content)
        with pytest.raises(InputError, match="has at most 256,000 bytes, but this one has more"):
            read_yaml(tmp_path / "sweep.yaml")

    def test_a_device_is_not_read_for_ever(self) -> None:
        with pytest.raises(InputError, match="has at most 256,000 bytes"):
            read_yaml(Path("/dev/zero"))

    def test_an_override_of_a_thousand_levels_is_a_problem(self, tmp_path: Path) -> None:
        (definition,) = problems_of(tmp_path, SMALLEST, "budget.hours" + ".x" * 1000 + "=1")
        assert definition.endswith("has more than 50 levels")


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["..", "../x", "/etc", "a/b", r"a\\b", "C:", r"C:\\x", r"a\x07", "a\u202eb", "x" * 101, "a b", "~", "-" * 200],
    )
    def test_a_sweeps_name_is_one_plain_word(self, tmp_path: Path, name: str) -> None:
        (definition,) = problems_of(tmp_path, SMALLEST.replace("cells", f'"{name}"'))
        assert definition.startswith("1: sweep must be 1 to 100 letters, digits")
        assert len(definition) < 500

    @pytest.mark.parametrize("name", ["..", "a/b", "C:", "x" * 101, "os.path"])
    def test_a_packages_name_is_one_identifier(self, tmp_path: Path, name: str) -> None:
        assert "package must be the name of a folder" in problems_of(tmp_path, SMALLEST.replace("toy", f'"{name}"'))[0]

    @pytest.mark.parametrize("key", ["tracking.experiment", "tracking.uri", "storage.uri", "objective.metric"])
    @pytest.mark.parametrize(("value", "message"), [(r'"a\nb"', "one line"), (r'"\x1b[2J"', "one line"), ("", "")])
    def test_titles_and_places_are_one_line(self, tmp_path: Path, key: str, value: str, message: str) -> None:
        value, message = (value, message) if value else ("x" * 1001, "characters, got 'xxx")
        (definition,) = problems_of(tmp_path, SMALLEST, f"{key}={value}")
        assert message in definition
        assert len(definition) < 1500

    @pytest.mark.parametrize(
        "experiment", ["..", ".", "../../up", "/etc", "C:\\x", "a\0b", "é" * 200, "x" * 200, "..."]
    )
    def test_an_experiments_folder_lies_where_it_should(self, tmp_path: Path, experiment: str) -> None:
        folder = Path(str(artifact_folder(f"sqlite:///{tmp_path}/mlflow.db", experiment)))
        assert folder.resolve().parent == (tmp_path / "mlruns").resolve()
        folder.mkdir(parents=True)

    def test_two_experiments_share_no_folder(self, tmp_path: Path) -> None:
        titles = ["..", ".", "...", "x" * 199, "x" * 200, "a/b", "a%2Fb"]
        assert len({artifact_folder("sqlite:////s/mlflow.db", title) for title in titles}) == len(titles)

    @pytest.mark.parametrize("uri", ["~nobody-here/runs"])
    def test_a_folder_of_nobody_is_refused(self, uri: str) -> None:
        with pytest.raises(InputError, match="could not determine home directory"):
            Storage.at(uri)

    @pytest.mark.parametrize("uri", ["x" * 300, "/proc/1/root/x"])
    def test_a_plan_needs_no_readable_storage(self, sweep_file: Callable[..., Path], uri: str) -> None:
        with pytest.raises(SystemExit) as leaving:
            app.main(["plan", str(sweep_file(SMALLEST.replace("toy", "{package}"))), "--set", f"storage.uri={uri}"])
        assert leaving.value.code == 0

    def test_numbers_of_trials_and_epochs_that_nobody_means_are_refused(self, tmp_path: Path) -> None:
        issues = problems_of(tmp_path, SMALLEST, "search.trials=1000000000", "stopping.max_epochs=1000000000")
        assert len(issues) == 2
        assert all("must be at most 1000000" in issue for issue in issues)


class TestStorage:
    def test_objects_of_a_bucket_are_written_nowhere_else(self, tmp_path: Path) -> None:
        storage = Storage(pafs.PyFileSystem(Hostile(["bucket/data/x/a.txt", "bucket/data/x/../../../evil"])), "bucket")
        with pytest.raises(ValueError, match="must stay below its root"):
            storage.get_folder("data/x", tmp_path / "cache" / "deep" / "x")
        assert list(tmp_path.rglob("*")) == []

    @pytest.mark.parametrize(
        "content", [DEEP, "{", "[]", "3", '{"spec": 1}', '{"spec": {}, "identity": 1, "n_trials": 1}']
    )
    def test_a_sweeps_damaged_manifest_is_named(
        self, tmp_path: Path, sweep_file: Callable[..., Path], content: str
    ) -> None:
        path = sweep_file(SWEEP)
        folder = write_sweep(path, tmp_path / "runs", [[0.5]])
        (folder / "manifest.json").write_text(content)
        storage = Storage.at(str(tmp_path / "runs"))
        for read in (
            lambda: load_sweep(folder),
            lambda: load_sweep(path, [f"storage.uri={tmp_path / 'runs'}"]),
            lambda: claim_sweep(load(path), storage, data_key="key1", new=False),
            lambda: claim_sweep(load(path), storage, data_key="key1", new=True),
            lambda: find_sweep(load(path), storage, data_key="key1"),
        ):
            with pytest.raises(DataError, match=r"manifest\.json: the sweep's manifest cannot be used"):
                read()

    @pytest.mark.parametrize("content", [DEEP, "{", "[]", "{}", '{"candidates": 3}'])
    def test_a_damaged_result_of_the_final_stage_is_named(
        self, tmp_path: Path, sweep_file: Callable[..., Path], content: str
    ) -> None:
        folder = write_sweep(sweep_file(SWEEP), tmp_path / "runs", [[0.5]])
        (folder / "final").mkdir()
        (folder / "final" / "result.json").write_text(content)
        with pytest.raises(DataError, match="the result of the final stage cannot be read"):
            load_sweep(folder)

    @pytest.mark.parametrize("content", [DEEP, "[]", "3", '{"format": 2}', '{"format": 2, "splits": 3}'])
    def test_a_damaged_manifest_of_data_is_named(self, tmp_path: Path, content: str) -> None:
        (tmp_path / MANIFEST).write_text(content)
        with pytest.raises(DataError, match=r"manifest\.json"):
            PreparedTexts.open(tmp_path)

    @pytest.mark.parametrize(
        ("where", "value"),
        [
            (("vocabulary", "name"), "../../etc/passwd"),
            (("vocabulary", "name"), "/etc/passwd"),
            (("vocabulary", "name"), 3),
            (("vocabulary", "size"), "many"),
            (("vocabulary", "size"), -1),
            (("splits", "train"), None),
            (("label_names",), 3),
            (("vectors",), {"a": 1}),
        ],
    )
    def test_a_manifest_of_data_that_says_nonsense_is_refused(
        self, tmp_path: Path, where: tuple[str, ...], value: object
    ) -> None:
        files = {"name": "vocabulary.txt", "bytes": 1, "sha256": "a"}
        split = {"rows": 1, "label_counts": [1], "lengths": {}, "histogram": [1], "files": []}
        manifest = {
            "format": 2, "key": "k", "package": "p", "label_names": ["a"], "duplicates": {}, "settings": {},
            "source": "s", "source_digest": "d", "vectors": [], "vocabulary": {**files, "size": 3, "token_share": 1.0},
            "splits": {"train": split, "valid": split, "test": split},
        }  # fmt: skip
        (tmp_path / MANIFEST).write_text(json.dumps(manifest))
        PreparedTexts.open(tmp_path)
        place: dict[str, object] = manifest
        for key in where[:-1]:
            place = place[key]  # type: ignore[assignment]  # a mapping
        place[where[-1]] = value
        (tmp_path / MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(DataError, match="the manifest is malformed"):
            PreparedTexts.open(tmp_path)

    def test_arrays_hold_no_objects(self, tmp_path: Path) -> None:
        from sweepkit.tasks.text.dataset import _load_vectors

        np.save(tmp_path / "v.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
        with pytest.raises(DataError, match="vectors can't be read"):
            _load_vectors(tmp_path / "v.npy", (1, 1))


class Hostile(pafs.FileSystemHandler):
    """A bucket that lists objects of names of its own choice."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def get_type_name(self) -> str:
        return "s3"

    def get_file_info_selector(self, selector: pafs.FileSelector) -> list[pafs.FileInfo]:
        return [pafs.FileInfo(name, pafs.FileType.File, size=1) for name in self.names]

    def get_file_info(self, paths: list[str]) -> list[pafs.FileInfo]:
        return [pafs.FileInfo(path, pafs.FileType.Directory) for path in paths]

    def open_input_stream(self, path: str) -> pa.PythonFile:
        return pa.PythonFile(io.BytesIO(b"x"), mode="r")

    open_input_file = open_input_stream

    def normalize_path(self, path: str) -> str:
        return path

    def _none(self, *_: object, **__: object) -> None: ...

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _none  # type: ignore[assignment]
    delete_file = move = copy_file = open_output_stream = open_append_stream = _none  # type: ignore[assignment]

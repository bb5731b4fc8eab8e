"""A winner that is pulled: from a folder, from a server that knows the sweep, and what happens when it is damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweepkit.bundle.manifest import MANIFEST
from sweepkit.errors import DataError, InputError
from sweepkit.final.pull import pull
from sweepkit.tasks.text.bundle import VOCABULARY
from tests.support import servers
from tests.support.bundles import write_tiny_bundle

pytestmark = [
    pytest.mark.tf,
    # MLflow, of its own types, when `mlflow.pyfunc` is imported; and pandas, of how MLflow uses it
    pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "winner"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A bundle to damage."""
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_copied_and_tried(bundle: Path, tmp_path: Path) -> None:
    pulled = pull(str(bundle), tmp_path / "new" / "place")
    assert pulled.folder == tmp_path / "new" / "place"
    assert contents(pulled.folder) == contents(bundle)
    assert (pulled.source, pulled.manifest.trial) == (str(bundle), 7)
    assert pulled.check.correct == pulled.manifest.check.correct


def test_only_what_belongs_to_a_bundle_is_copied(bundle: Path, tmp_path: Path) -> None:
    (bundle / "notes.txt").write_text("mine")
    assert "notes.txt" not in contents(pull(str(bundle), tmp_path / "to").folder)


def test_an_empty_folder_may_be_there(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "to")
    assert pull(str(bundle), tmp_path / "link").folder == tmp_path / "to"
    assert contents(tmp_path / "to") == contents(bundle)


def damage(bundle: Path) -> None:
    (bundle / VOCABULARY).write_text((bundle / VOCABULARY).read_text().replace("film", "book"))


def lie(bundle: Path) -> None:
    facts = json.loads((bundle / MANIFEST).read_text())
    facts["check"]["correct"] += 1
    (bundle / MANIFEST).write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (damage, "bundle/vocabulary.txt: this file was damaged"),
        (lie, "bundle check failed: expected 22 of 40 correct"),
    ],
)
def test_what_does_not_work_leaves_nothing(bundle: Path, tmp_path: Path, harm: object, message: str) -> None:
    assert callable(harm)
    harm(bundle)
    with pytest.raises(DataError, match=message) as raised:
        pull(str(bundle), tmp_path / "new" / "place")
    assert "the pulled bundle cannot be used, and nothing was kept" in str(raised.value)
    assert ".pulling" not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]


def test_a_folder_in_use_is_left_alone(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "mine.txt").touch()
    with pytest.raises(InputError, match=r"to: --to must be a new or an empty folder, this one is in use"):
        pull(str(bundle), tmp_path / "to")
    with pytest.raises(InputError, match=r"mine.txt: --to must be a new or an empty folder, this is a file"):
        pull(str(bundle), tmp_path / "to" / "mine.txt")
    with pytest.raises(InputError, match="--to cannot be written: not a directory"):
        pull(str(bundle), tmp_path / "to" / "mine.txt" / "below")
    assert list(contents(tmp_path / "to")) == ["mine.txt"]


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("models:/cells@champion", {"sets": ["a=b"]}, "--set and --data adjust a sweep's YAML"),
        ("runs:/abc", {"data": "sample"}, "--set and --data adjust a sweep's YAML"),
        ("bundle", {"tracking_uri": "http://host"}, "--tracking-uri is for runs:/ and models:/"),
        ("models:/cells", {}, "must be runs:/RUN_ID, models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("nothing.yaml", {}, "there is no such file"),
    ],
)
def test_wrong_input_is_said_before_anything_is_made(
    tmp_path: Path, target: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        pull(target, tmp_path / "to", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.tracking(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.mark.mlflow
@pytest.mark.slow
def test_a_machine_that_never_saw_the_sweep_gets_it_from_the_server(
    server: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweepkit.tracking import registry

    run_id = servers.new_run(server)
    registry.register(server, run_id=run_id, folder=bundle, name="cells")
    expected = contents(bundle)
    shutil.rmtree(bundle)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    pulled = pull("models:/cells@champion", tmp_path / "by-alias")
    assert pulled.source == "version 1 of model 'cells'"
    pull(f"runs:/{run_id}", tmp_path / "by-run", tracking_uri=server)
    assert contents(tmp_path / "by-alias") == contents(tmp_path / "by-run") == expected


@pytest.mark.mlflow
@pytest.mark.slow
def test_a_damaged_artifact_leaves_nothing(server: str, bundle: Path, tmp_path: Path) -> None:
    from sweepkit.tracking import registry

    lie(bundle)
    run_id = servers.new_run(server)
    made = registry.register(server, run_id=run_id, folder=bundle, name="liar")
    with pytest.raises(DataError, match=r"version 1 of model 'liar'/check.parquet: bundle check failed"):
        pull(made.uri, tmp_path / "to", tracking_uri=server)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]

"""A bundle in MLflow's model registry, and back out of it, with real stores."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sweepkit.bundle.manifest import CARD, CHECK, MANIFEST, MODEL, CheckResult
from sweepkit.errors import InputError
from sweepkit.tasks.text.bundle import VOCABULARY
from sweepkit.tracking import registry
from sweepkit.tracking.connect import connect
from tests.support.bundles import describer

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from tests.support.servers import Server

pytestmark = [
    pytest.mark.mlflow,
    # MLflow, of its own types, when `mlflow.pyfunc` is imported; and pandas, of how MLflow uses it
    pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
]
NAMES = {CARD, CHECK, MANIFEST, MODEL, VOCABULARY}
Register = Callable[..., registry.RegisteredModel]


def write_bundle(folder: Path, **changes: Any) -> Path:
    """Write what looks like a bundle; the registry does not look into the files."""
    folder.mkdir(parents=True)
    for name in NAMES - {MANIFEST}:
        (folder / name).write_text(f"{name} of {changes}")
    facts = describer({"cell": "gru", "max_len": 12})(CheckResult(4, 3, 0.5), dict.fromkeys(NAMES - {MANIFEST}, ""))
    (folder / MANIFEST).write_text(json.dumps(dataclasses.replace(facts, **changes).to_json()))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "winner")


@pytest.fixture
def run_id(uri: str) -> str:
    store = connect(uri)
    return store.create_run(store.experiment("cells"), name="cells", tags={})


@pytest.fixture
def register(uri: str, run_id: str, bundle: Path) -> Register:
    def call(**changes: Any) -> registry.RegisteredModel:
        defaults = {"run_id": run_id, "folder": bundle, "name": "cells"}
        return registry.register(changes.pop("uri", uri), **(defaults | changes))

    return call


def test_a_bundle_becomes_a_version_with_an_alias(register: Register, client: MlflowClient, run_id: str) -> None:
    made = register(labels={"team": "red"})
    assert made == registry.RegisteredModel("cells", 1, "models:/cells/1", is_new=True)
    version = client.get_model_version_by_alias("cells", "champion")
    assert (int(version.version), version.run_id, version.status) == (1, run_id, "READY")
    expected = {
        "sweepkit.sweep": "cells",
        "sweepkit.trial": "7",
        "sweepkit.data_key": "0123456789abcdef",
        "team": "red",
    }
    assert expected.items() <= version.tags.items()
    assert "sweepkit has to be installed where the model is served" in version.description
    assert "| validation accuracy | 0.7500 | 0.6500 to 0.8300 |" in version.description


def test_the_model_belongs_to_its_run(register: Register, client: MlflowClient, run_id: str) -> None:
    register()
    (output,) = client.get_run(run_id).outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert (str(model.status), model.source_run_id, model.params["cell"]) == ("READY", run_id, "gru")
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "cells", "version": 1}]


def test_nothing_is_pickled_and_requirements_are_pinned(register: Register, client: MlflowClient, bundle: Path) -> None:
    register()
    folder = Path(client.get_model_version_download_uri("cells", "1"))
    files = contents(folder)
    assert contents(folder / "data" / "winner") == contents(bundle)
    assert {name for name in files if not name.startswith("data/")} == {
        *("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"),
        *("input_example.json", "serving_input_example.json"),
    }
    flavors = yaml.safe_load(files["MLmodel"])["flavors"]
    assert flavors["python_function"]["loader_module"] == "sweepkit.serving"
    lines = files["requirements.txt"].decode().split()
    assert f"tensorflow=={importlib.metadata.version('tensorflow')}" in lines
    assert all("==" in line for line in lines)


def test_the_signature_is_raw_text_in_and_a_label_out(register: Register, client: MlflowClient) -> None:
    register()
    files = contents(Path(client.get_model_version_download_uri("cells", "1")))
    signature = yaml.safe_load(files["MLmodel"])["signature"]
    inputs, outputs = (json.loads(signature[name]) for name in ("inputs", "outputs"))
    assert [(one["name"], one["type"]) for one in inputs] == [("text", "string")]
    expected = [("label", "string"), ("probability", "double"), ("note", "string")]
    assert [(one["name"], one["type"]) for one in outputs] == expected
    assert json.loads(files["input_example.json"]) == {"columns": ["text"], "data": [["A text to label."]]}


def test_the_same_bundle_again_adds_no_version(register: Register, client: MlflowClient) -> None:
    register()
    again = register()
    assert (again.version, again.is_new) == (1, False)
    assert len(client.search_model_versions("name = 'cells'")) == 1
    assert len(client.search_logged_models(["1"])) == 1


def test_another_bundle_becomes_the_next_version_and_the_champion(
    register: Register, client: MlflowClient, tmp_path: Path
) -> None:
    register()
    second = register(folder=write_bundle(tmp_path / "other", trial=9))
    assert (second.version, second.is_new) == (2, True)
    assert int(client.get_model_version_by_alias("cells", "champion").version) == 2


def test_an_alias_that_somebody_moved_stays(register: Register, client: MlflowClient, tmp_path: Path) -> None:
    register()
    register(folder=write_bundle(tmp_path / "other", trial=9))
    client.set_registered_model_alias("cells", "champion", "1")
    register(folder=tmp_path / "other")
    assert int(client.get_model_version_by_alias("cells", "champion").version) == 1


def test_a_registration_that_was_cut_short_is_finished(register: Register, client: MlflowClient) -> None:
    register()
    client.delete_registered_model_alias("cells", "champion")
    client.delete_model_version_tag("cells", "1", "sweepkit.alias")
    assert register().is_new is False
    assert int(client.get_model_version_by_alias("cells", "champion").version) == 1


def test_an_upload_that_fails_leaves_no_version(register: Register, client: MlflowClient, tmp_path: Path) -> None:
    in_the_way = tmp_path / "mlruns" / "cells" / "models"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    with pytest.raises(InputError, match="the winner is not registered: tracking store"):
        register()
    assert client.search_registered_models() == []
    assert [str(model.status) for model in client.search_logged_models(["1"])] == ["FAILED"]
    in_the_way.unlink()
    assert register().version == 1


def test_mlflows_own_state_stays_as_it_was(register: Register, tmp_path: Path) -> None:
    import mlflow

    before = (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run())
    register()
    registry.fetch("models:/cells@champion", empty(tmp_path), uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run()) == before


def test_a_server_takes_and_gives_bundles_too(server: Server, register: Register, bundle: Path, tmp_path: Path) -> None:
    store = connect(server.uri)
    run_id = store.create_run(store.experiment("cells"), name="cells", tags={})
    made = register(uri=server.uri, run_id=run_id)
    assert register(uri=server.uri, run_id=run_id) == dataclasses.replace(made, is_new=False)
    registry.fetch(made.uri, empty(tmp_path), uri=server.uri)
    assert contents(tmp_path / "empty") == contents(bundle)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run_id": "none"}, "rejected it: Run with id=none not found"),
        ({"name": "a/b"}, "name must be letters, digits, _ . - and spaces, got 'a/b'"),
        ({"uri": "http://me:secret@127.0.0.1:9"}, "'http://127.0.0.1:9' cannot be reached: connection refused"),
    ],
)
def test_what_cannot_be_registered_is_said(register: Register, changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as raised:
        register(**changes)
    assert message in str(raised.value)
    assert "secret" not in str(raised.value)


def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("models:/cells@champion", "version 1 of model 'cells'"),
        ("models:/cells/1", "version 1 of model 'cells'"),
        ("runs:/RUN", "of run RUN (cells)"),
    ],
)
def test_a_bundle_comes_back_as_it_was(
    register: Register, uri: str, run_id: str, bundle: Path, tmp_path: Path, target: str, said: str
) -> None:
    register()
    source = registry.fetch(target.replace("RUN", run_id), empty(tmp_path), uri=uri)
    assert source.endswith(said.replace("RUN", run_id))
    assert contents(tmp_path / "empty") == contents(bundle)


def test_the_newest_model_of_a_run_counts(register: Register, uri: str, run_id: str, tmp_path: Path) -> None:
    register()
    second = write_bundle(tmp_path / "other", trial=9)
    register(folder=second)
    registry.fetch(f"runs:/{run_id}", empty(tmp_path), uri=uri)
    assert contents(tmp_path / "empty") == contents(second)


def test_a_bundle_among_a_runs_artifacts_is_found(
    client: MlflowClient, uri: str, run_id: str, bundle: Path, tmp_path: Path
) -> None:
    client.log_artifacts(run_id, str(bundle), "some/place")
    registry.fetch(f"runs:/{run_id}", empty(tmp_path), uri=uri)
    assert contents(tmp_path / "empty") == contents(bundle)
    client.log_artifacts(run_id, str(bundle), "another")
    with pytest.raises(InputError, match="has several bundles: another, some/place; add one to its name"):
        registry.fetch(f"runs:/{run_id}", tmp_path / "empty", uri=uri)
    registry.fetch(f"runs:/{run_id}/another", tmp_path / "empty", uri=uri)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "models:/cell@champion",
            "cannot provide the bundle: Registered Model with name=cell not found; its pages list",
        ),
        (
            "models:/cells@champio",
            "cannot provide the bundle: Registered model alias champio not found; its pages list",
        ),
        (
            "models:/cells/7",
            r"cannot provide the bundle: Model Version \(name=cells, version=7\) not found; its pages list",
        ),
        ("runs:/abc", "cannot provide the bundle: Run with id=abc not found; its pages list"),
        ("models:/cells", "must be runs:/RUN_ID, models:/NAME@ALIAS or models:/NAME/VERSION, got models:/cells$"),
        ("models:cells/1", "must be runs:/RUN_ID"),
        ("s3:/me:secret@bucket/x", "got one that starts with s3:$"),
    ],
)
def test_what_is_not_there_is_said(register: Register, uri: str, tmp_path: Path, target: str, message: str) -> None:
    register()
    with pytest.raises(InputError, match=message):
        registry.fetch(target, empty(tmp_path), uri=uri)


def test_a_run_without_a_bundle_is_said(uri: str, run_id: str, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=rf"run {run_id} \(cells\) has no bundle, which is a folder with a bundle.json"
    ):
        registry.fetch(f"runs:/{run_id}", empty(tmp_path), uri=uri)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"there is no tracking store .*none.db'; name the right one with --tracking-uri"
    ):
        registry.fetch("runs:/abc", empty(tmp_path), uri=f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_server_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        registry.fetch("runs:/abc", empty(tmp_path), uri="http://me:secret@127.0.0.1:9")
    assert "tracking store 'http://127.0.0.1:9' cannot be reached: connection refused" in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("listed", ["../outside", "/outside", "data/../../outside", "elsewhere/deep", "a\\..\\b"])
def test_a_store_cannot_lead_out_of_what_was_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    from mlflow.entities import FileInfo

    from sweepkit.tracking import artifacts

    class Liar:
        """Lists one folder, wherever it is asked."""

        def list_artifacts(self, path: str | None) -> list[FileInfo]:
            name = MANIFEST if path else ""
            return [FileInfo(f"{path}/{name}", False, 1)] if path else [FileInfo(listed, True, None)]

    monkeypatch.setattr(artifacts, "get_artifact_repository", lambda location, tracking_uri: Liar())
    assert artifacts.Artifacts("s3://bucket", tracking_uri="http://host").bundles() == []


def test_artifacts_on_the_servers_own_disk_are_said(tmp_path: Path) -> None:
    from sweepkit.tracking.artifacts import Artifacts
    from sweepkit.tracking.errors import RefusedError

    with pytest.raises(RefusedError, match="in '/srv/nothing', which does not exist on this machine; a server hands"):
        Artifacts("/srv/nothing", tracking_uri="http://host")

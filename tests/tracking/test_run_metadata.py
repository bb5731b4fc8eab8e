"""What runs carry from a sweep's manifest. No MLflow needed."""

from __future__ import annotations

from typing import Any

import pytest

from sweepkit.provenance import CodeInfo
from sweepkit.storage.manifest import SweepManifest
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.tracking.run_metadata import PARENT_TAG, RunMetadata, run_name, trial_tags
from sweepkit.trial.trial import Trial

FOLDER = SweepFolder(Storage.at("runs"), "cells")
SETTINGS = {"sweep": "cells", "package": "toy", "objective": {"metric": "valid_accuracy", "mode": "max"}}


def manifest(*, code: CodeInfo | None = None, data: dict[str, Any] | None = None, **settings: Any) -> SweepManifest:
    return SweepManifest(
        settings={**SETTINGS, "data": data or {}, **settings},
        identity={"data": {"min_count": 2}},
        data_key="key1",
        code=code or CodeInfo("abc", False, {"keras": "3.15"}, "one"),
        created="2026-01-01",
    )


def test_params_are_the_settings_by_dotted_name() -> None:
    params = RunMetadata.of(FOLDER, manifest(search={"sampler": "random"})).params
    assert params["search.sampler"] == "random"
    assert params["objective.metric"] == "valid_accuracy"
    assert not [name for name in params if name.startswith(("space.", "storage.", "tracking."))]


def test_the_datas_params_have_the_packages_defaults_and_the_source() -> None:
    params = RunMetadata.of(FOLDER, manifest(data={"source": "texts.csv"})).params
    assert (params["data.source"], params["data.min_count"]) == ("texts.csv", "2")


def test_a_password_in_the_source_is_left_out() -> None:
    params = RunMetadata.of(FOLDER, manifest(data={"source": "https://me:secret@host/texts.csv"})).params
    assert params["data.source"] == "https://host/texts.csv"


def test_tags_say_what_the_results_were_computed_with() -> None:
    assert RunMetadata.of(FOLDER, manifest()).tags == {
        "sweepkit.data_key": "key1",
        "sweepkit.host": "one",
        "sweepkit.commit": "abc",
        "sweepkit.dirty": "false",
        "sweepkit.version.keras": "3.15",
        "mlflow.source.git.commit": "abc",
    }


def test_without_a_repository_the_commit_is_unknown() -> None:
    tags = RunMetadata.of(FOLDER, manifest(code=CodeInfo(host="one"))).tags
    assert (tags["sweepkit.commit"], tags["sweepkit.dirty"]) == ("unknown", "unknown")
    assert "mlflow.source.git.commit" not in tags


@pytest.mark.parametrize(("settings", "experiment"), [({}, "cells"), ({"tracking": {"experiment": "mine"}}, "mine")])
def test_the_experiment_is_the_sweeps_unless_the_yaml_names_one(settings: dict[str, Any], experiment: str) -> None:
    assert RunMetadata.of(FOLDER, manifest(**settings)).experiment == experiment


def test_a_final_stage_is_another_run_below_the_sweeps() -> None:
    sweep = RunMetadata.of(FOLDER, manifest())
    final = RunMetadata.of(FOLDER.final, manifest(), parent_run_id="0af3")
    assert (sweep.title, final.title) == ("cells", "cells/final")
    assert sweep.origin != final.origin
    assert PARENT_TAG not in sweep.sweep_tags
    assert final.sweep_tags[PARENT_TAG] == "0af3"
    assert final.experiment == sweep.experiment


def test_a_trials_tags_include_the_sweeps() -> None:
    tags = trial_tags(7, parent_run_id="0af3", tags={"sweepkit.host": "one"})
    expected = {"sweepkit.host": "one", "sweepkit.trial": "7", PARENT_TAG: "0af3", "mlflow.source.name": "sweepkit"}
    assert expected.items() <= tags.items()


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"rate": 0.01, "cell": "gru", "wide": True, "units": 64, "layers": 2}, "0007 gru 64"),
        ({"rate": 0.01}, "0007"),
    ],
)
def test_a_trials_run_is_named_by_number_and_first_words(params: dict[str, Any], name: str) -> None:
    assert run_name(Trial(7, params)) == name

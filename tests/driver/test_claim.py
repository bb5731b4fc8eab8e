"""Which folder a sweep goes on in, over real folders."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sweepkit.config.definition import load
from sweepkit.driver.claim import claim_sweep
from sweepkit.errors import InputError
from sweepkit.storage.layout import SweepPaths
from sweepkit.storage.storage import Storage
from sweepkit.storage.sweep_folder import SweepFolder
from sweepkit.study import local_journal
from sweepkit.study.local_journal import open_journal
from tests.support.small_sweeps import write_sweep
from tests.support.waiting import wait_until

YAML = """
sweep: cells
package: {package}
objective: {metric: score, mode: max}
"""


@pytest.fixture
def sweep(sweep_file: Callable[..., Path], tmp_path: Path) -> Callable[..., str]:
    """Claim a folder and begin its journal, as a run does; returns the folder's name."""
    path, storage = sweep_file(YAML), Storage.at(str(tmp_path / "runs"))

    def claimed(*sets: str, data_key: str = "k1", new: bool = False, begins: bool = True) -> str:
        folder, _ = claim_sweep(load(path, sets), storage, data_key=data_key, new=new)
        if begins:
            storage.write(folder.paths.journal, b"")
        return folder.sweep

    claimed.storage = storage  # type: ignore[attr-defined]  # for tests that look into the manifest
    return claimed


def test_the_same_sweep_goes_on_in_its_folder(sweep: Callable[..., str]) -> None:
    assert [sweep(), sweep()] == ["cells", "cells"]


def test_new_numbers_a_folder_beside_it_and_the_newest_goes_on(sweep: Callable[..., str]) -> None:
    assert [sweep(), sweep(new=True), sweep()] == ["cells", "cells-2", "cells-2"]


def test_other_settings_find_their_own_folder_again(sweep: Callable[..., str]) -> None:
    first = sweep()
    assert sweep("search.sampler=random", new=True) == "cells-2"
    assert sweep("search.sampler=random") == "cells-2"
    assert sweep() == first


def test_a_difference_is_refused_by_name_with_the_remedy(sweep: Callable[..., str]) -> None:
    sweep()
    with pytest.raises(InputError) as caught:
        sweep("search.seed=3", "stopping.rule=none", data_key="k2")
    text = str(caught.value)
    assert "search.seed was 0 and is now 3" in text
    assert "stopping.rule was 'asha' and is now 'none'" in text
    assert "data_key was 'k1' and is now 'k2'" in text
    assert "add --new to start another sweep beside it" in text


@pytest.mark.parametrize("change", ["search.trials=99", "stopping.max_epochs=50", "budget.hours=2", "resources.cpu=2"])
def test_what_does_not_decide_results_may_change(sweep: Callable[..., str], change: str) -> None:
    sweep()
    assert sweep(change) == "cells"


def test_a_manifest_without_a_journal_is_not_in_the_way(sweep: Callable[..., str]) -> None:
    sweep(begins=False)
    assert sweep(data_key="k2") == "cells"


def test_the_manifest_follows_an_extension(sweep: Callable[..., str]) -> None:
    sweep("search.trials=4")
    sweep("search.trials=7")
    manifest = sweep.storage.read_json(SweepPaths("cells").manifest)  # type: ignore[attr-defined]  # as above
    assert manifest["n_trials"] == 7
    assert manifest["spec"]["search"]["trials"] == 7
    assert manifest["data_key"] == "k1"


def test_a_sweep_that_died_before_its_first_trial_is_the_same_sweep(
    sweep_file: Callable[..., Path], tmp_path: Path
) -> None:
    definition, storage = load(sweep_file(YAML)), Storage.at(str(tmp_path / "runs"))
    manifest = SweepPaths("cells").manifest

    def claimed(data_key: str) -> str:
        claim_sweep(definition, storage, data_key=data_key, new=False)
        return str(storage.read_json(manifest)["created"])

    claimed("key1")
    SweepFolder(storage, "cells").update(created="long ago")
    assert claimed("key1") == "long ago"
    assert claimed("key2") != "long ago"
    storage.write(manifest, b"[]")
    assert claimed("key2") != "long ago"


def test_a_bucket_gets_the_journal_back(tmp_path: Path) -> None:
    from pyarrow import fs

    folder = SweepFolder(Storage(fs._MockFileSystem(), "bucket"), "cells")
    with open_journal(folder) as local:
        local.write_bytes(b"line\n")
    with open_journal(folder, read_only=True) as local:
        assert local.read_bytes() == b"line\n"
        local.write_bytes(b"changed")
    assert folder.storage.read(folder.paths.journal) == b"line\n"


@pytest.mark.parametrize("starts_after_s", [0.0, 0.2])
def test_a_bucket_has_the_journal_also_when_its_driver_is_killed(
    starts_after_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import fs

    write_back = local_journal._write_back

    def late(*given: object) -> None:  # a busy machine may start a thread when the journal has its first lines
        time.sleep(starts_after_s)
        write_back(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(local_journal, "_write_back", late)
    storage, paths = Storage(fs._MockFileSystem(), "bucket"), SweepPaths("cells")

    def is_written(content: bytes) -> bool:
        return storage.exists(paths.journal) and storage.read(paths.journal) == content

    with open_journal(SweepFolder(storage, "cells"), every_s=0.01) as local:
        for content in (b"line\n", b"line\nand another\n"):
            local.write_bytes(content)
            wait_until(partial(is_written, content), f"{content!r} in the bucket")
            assert is_written(content)


def test_trials_that_have_run_more_epochs_refuse_fewer(sweep_file: Callable[..., Path], tmp_path: Path) -> None:
    path, runs = sweep_file(YAML.replace("score", "valid_accuracy")), tmp_path / "runs"
    write_sweep(path, runs, [[0.5], [0.5, 0.6, 0.7]], sets=["stopping={max_epochs: 5}", "search.sampler=random"])
    storage = Storage.at(str(runs))

    def claim(epochs: int, **more: bool) -> str:
        definition = load(path, [f"stopping.max_epochs={epochs}", "search.sampler=random"])
        return claim_sweep(definition, storage, data_key="key1", new=more.get("new", False))[0].sweep

    with pytest.raises(InputError) as refused:
        claim(2)
    assert str(refused.value) == (
        f"{path}: stopping.max_epochs was 5 and is now 2, but trial 1 has run 3 epochs, and results would not be "
        "comparable: set it to at least 3, or add --new to start another sweep beside it"
    )
    assert storage.read_json(SweepPaths("cells").manifest)["spec"]["stopping"]["max_epochs"] == 5
    assert claim(3) == "cells"
    assert claim(2, new=True) == "cells-2"


def test_the_lock_comes_before_anything_is_written(sweep_file: Callable[..., Path], tmp_path: Path) -> None:
    definition, storage = load(sweep_file(YAML)), Storage.at(str(tmp_path / "runs"))

    def refuse(folder: SweepFolder) -> None:
        raise InputError(f"somebody runs {folder.sweep}")

    with pytest.raises(InputError, match="somebody runs cells"):
        claim_sweep(definition, storage, data_key="k1", new=False, lock=refuse)
    assert storage.names("sweeps") == []
    claim_sweep(definition, storage, data_key="k1", new=False)
    storage.write(SweepPaths("cells").journal, b"")
    longer = load(definition.source, ["search.trials=99"])
    with pytest.raises(InputError, match="somebody runs cells"):
        claim_sweep(longer, storage, data_key="k1", new=False, lock=refuse)
    assert storage.read_json(SweepPaths("cells").manifest)["n_trials"] == 20

"""Names in the storage."""

from __future__ import annotations

from sweepkit.storage.layout import DataPaths, SweepPaths


def test_a_sweep_keeps_everything_under_its_name() -> None:
    paths = SweepPaths("cells")
    assert paths.root == "sweeps/cells"
    assert paths.manifest == "sweeps/cells/manifest.json"
    assert paths.journal == "sweeps/cells/journal.log"
    assert paths.leaderboard == "sweeps/cells/leaderboard.json"


def test_a_trial_has_a_folder_that_sorts_by_number() -> None:
    trial = SweepPaths("cells").trial(7)
    assert trial.root == "sweeps/cells/trials/0007"
    assert trial.log == "sweeps/cells/trials/0007/log.txt"
    assert trial.checkpoint(3) == "sweeps/cells/trials/0007/checkpoints/epoch-0003"
    assert trial.checkpoint(3).startswith(trial.checkpoints + "/")
    assert trial.spooled(3) == "sweeps/cells/trials/0007/spool/epoch-0003.json"
    assert trial.spooled(3).startswith(trial.spool + "/")


def test_data_is_named_by_package_and_key() -> None:
    assert DataPaths("toy", "ab12").root == "data/toy-ab12"
    assert DataPaths("toy", "ab12").manifest == "data/toy-ab12/manifest.json"

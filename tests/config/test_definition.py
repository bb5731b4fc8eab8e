"""A sweep as a whole: YAML, package, space and data settings together."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweepkit.config.definition import import_package, load, notes
from sweepkit.config.identity import identity
from sweepkit.errors import InputError
from sweepkit.space import Choice

SweepFile = Callable[..., Path]

YAML = """\
sweep: cells
package: {package}
objective: {metric: valid_accuracy, mode: max}
data: {vocab_size: 50}
space:
  cell: [lstm, gru]
  rate: 1e-3
"""


def messages(path: Path, *sets: str, data: str | None = None) -> list[str]:
    """Return the issues of a sweep file as `line: what`."""
    with pytest.raises(InputError) as caught:
        load(path, sets, data=data)
    return [str(issue).replace(f"{path}:", "") for issue in caught.value.issues]


def test_a_sweep_file_becomes_a_definition(sweep_file: SweepFile) -> None:
    path = sweep_file(YAML)
    definition = load(path)
    assert definition.source == path
    assert definition.config.sweep == "cells"
    assert definition.space.parameters["cell"] == Choice(("lstm", "gru"))
    assert definition.space.parameters["rate"] == Choice((0.001,))
    assert (definition.data.vocab_size, definition.data.seed, definition.data.valid_fraction) == (50, 0, 0.2)
    assert definition.package.folder == path.with_suffix("")


def test_the_data_option_replaces_the_source(sweep_file: SweepFile) -> None:
    assert load(sweep_file(YAML), data="sample").data.source == "sample"


def test_issues_of_all_sections_are_reported_in_the_order_of_lines(sweep_file: SweepFile) -> None:
    path = sweep_file(
        "sweep: cells\npackage: {package}\nobjectiv: {metric: a}\ndata: {vocab: 5}\nspace:\n  cel: lstm\n"
        "  units:\n    - 8\n    - 100\nsearch: {trials: 0}\n"
    )
    assert messages(path, "data.seed=x", data="") == [
        " missing key 'objective'; say what to improve, like `objective: {metric: valid_accuracy, mode: max}`",
        "3: unknown key 'objectiv'; did you mean 'objective'?",
        "4: unknown key 'data.vocab'; did you mean 'vocab_size'?",
        "6: space.cel: the space has no parameter 'cel'; did you mean 'cell'?",
        "9: space.units.1: must be within 8 to 64, got 100",
        "10: search.trials must be at least 1, got 0",
        "--data : data.source must be text that is not empty, got ''",
        "--set data.seed=x: data.seed must be a whole number, got 'x'",
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("{vocab_size: 1.5}", "4: data.vocab_size must be a whole number, got 1.5"),
        ("{keep: tial}", "4: data.keep must be one of 'tail', 'head', got 'tial'; did you mean 'tail'?"),
        ("{valid_fraction: 1}", "4: data.valid_fraction must be less than 1, got 1"),
        ("{valid_fraction: 0.0}", "4: data.valid_fraction must be more than 0, got 0.0"),
        ("{source: 3}", "4: data.source must be text, got 3"),
    ],
)
def test_data_settings_are_checked_by_the_package(sweep_file: SweepFile, data: str, expected: str) -> None:
    assert messages(sweep_file(YAML.replace("{vocab_size: 50}", data))) == [expected]


def test_an_unknown_package_lists_the_folders_that_are_packages(sweep_file: SweepFile) -> None:
    path = sweep_file(YAML)
    name = path.stem
    assert messages(path, f"package={name}x") == [
        f"--set package={name}x: package '{name}x' must be a folder with a space.py beside this file; "
        f"did you mean '{name}'?"
    ]
    (message,) = messages(path, "package=qqq")
    assert message.endswith(f"beside this file; allowed: '{name}'")


def test_an_unknown_package_beside_no_package_says_so(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(YAML.replace("{package}", "nothing"))
    assert messages(path) == [
        "2: package 'nothing' must be a folder with a space.py beside this file; no folder there has a space.py"
    ]


def test_a_condition_on_a_missing_parent_names_the_packages_file(sweep_file: SweepFile) -> None:
    path = sweep_file(
        YAML,
        space="from sweepkit.space import Int, Space\nSPACE = Space({'units': Int(1, 2, when={'cell': ('lstm',)})})\n",
    )
    assert messages(path) == [
        f"{path.with_suffix('')}/space.py: invalid space: parameter 'units' depends on 'cell', which is not "
        "declared before it"
    ]


def test_a_package_without_its_parts_is_refused(sweep_file: SweepFile) -> None:
    path = sweep_file(YAML, space="SPACE = None\n")
    assert messages(path) == [
        f"{path.with_suffix('')}/space.py: a sweep package's space.py must define Data, epoch_gflop"
    ]


def test_a_package_may_not_have_an_installed_modules_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "json"
    folder.mkdir()
    (folder / "space.py").write_text("")
    with pytest.raises(InputError, match=r"the package name 'json' is taken by .*json; rename the folder"):
        import_package("json", folder)


def test_a_worker_imports_a_package_by_its_name_alone(sweep_file: SweepFile) -> None:
    path = sweep_file(YAML)
    load(path)
    assert import_package(path.stem).folder == path.with_suffix("")


def test_a_grid_needs_lists_for_floats(sweep_file: SweepFile) -> None:
    path = sweep_file(YAML + "search: {sampler: grid}\n")
    (message,) = messages(path)
    assert message == (
        "5: space.dropout: the grid sampler needs a list of values, but the space allows any number from "
        "0.0 to 0.5; write space.dropout: [value, …] or a single value"
    )
    assert messages(path, "space.dropout={from: 0.1}")[0].startswith("--set space.dropout={from: 0.1}: ")
    assert load(path, ["space.dropout=[0, 0.5]"]).space.size() == 2 * 8 * 2 * 2


def test_a_sampler_whose_module_is_absent_says_how_to_get_it(
    sweep_file: SweepFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # absent, whatever is installed here
    assert messages(sweep_file(YAML + "search: {sampler: gp}\n")) == [
        "8: search.sampler: gp needs torch, which is not installed: pip install 'sweepkit[gp]'"
    ]


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([], []),
        (["space.cell=none", "space.units=8"],
         ["space.units never applies here: it needs cell in 'lstm', 'gru'"]),
        (["search.sampler=qmc"], ["qmc models 1 of 4 varied parameters; choices, lists and conditional ones are "
                                  "drawn at random"]),
        (["search.sampler=grid", "space.dropout=[0.1, 0.2]", "search.trials=10"],
         ["the grid has 64 points; search.trials limits the sweep to the first 10"]),
        (["search.sampler=grid", "space.dropout=0.1", "search.trials=1000"], []),
        (["stopping.max_epochs=1"], ["asha has no rung before epoch 1, so it prunes no trial"]),
        (["stopping.rule=median", "search.trials=5"],
         ["median prunes no trial: warmup_trials 5 is not below search.trials"]),
        (["stopping.rule=median", "search.trials=6"], []),
    ],
)  # fmt: skip
def test_what_may_surprise_is_noted(sweep_file: SweepFile, sets: list[str], expected: list[str]) -> None:
    assert notes(load(sweep_file(YAML), sets)) == expected


@pytest.mark.parametrize(
    ("assignment", "determines"),
    [
        ("search.trials=99", False),
        ("stopping.max_epochs=99", False),
        ("budget.hours=1", False),
        ("storage.keep=1", False),
        ("data.source=elsewhere", False),
        ("space.cell=[gru, lstm]", False),
        ("search.seed=1", True),
        ("search.sampler=random", True),
        ("stopping.reduction=2", True),
        ("stopping.patience=2", True),
        ("objective.mode=min", True),
        ("space.units={to: 32}", True),
        ("data.vocab_size=51", True),
        ("data.seed=1", True),
    ],
)
def test_identity_contains_what_determines_results(sweep_file: SweepFile, assignment: str, determines: bool) -> None:
    path = sweep_file(YAML)
    before, now = identity(load(path)), identity(load(path, [assignment]))
    assert (before != now) is determines
    assert json.loads(json.dumps(now)) == now

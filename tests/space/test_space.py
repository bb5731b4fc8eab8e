"""Spaces: conditions, narrowing, grids."""

from __future__ import annotations

import json
import pickle
import random
import re

import pytest

from sweepkit.space import Choice, Float, Int, Param, Params, Space, SpaceError, Value

CELLS = Space(
    {
        "cell": Choice(("lstm", "gru", "none")),
        "units": Int(8, 64, step=8, when={"cell": ("lstm", "gru")}),
        "gate": Choice(("hard", "soft"), when={"cell": ("gru",), "units": (8, 16)}),
        "dropout": Float(0.0, 0.5),
        "rate": Float(1e-4, 1e-1, log=True),
        "wide": Choice((False, True)),
    }
)


def random_choice(rng: random.Random) -> object:
    def choose(name: str, param: Param) -> Value:
        values = param.values()
        return rng.choice(values) if values else rng.uniform(param.low, param.high)

    return choose


def test_draws_only_active_parameters_in_declared_order() -> None:
    drawn: list[str] = []

    def choose(name: str, param: Param) -> Value:
        drawn.append(name)
        return "none" if name == "cell" else 0.1

    params = CELLS.draw(choose)
    assert drawn == ["cell", "dropout", "rate", "wide"]
    assert set(params) == set(drawn)


def test_a_parameter_of_an_inactive_parent_is_inactive() -> None:
    assert not CELLS.is_active("gate", {"cell": "gru"})
    assert not CELLS.is_active("gate", {"cell": "gru", "units": 64})
    assert CELLS.is_active("gate", {"cell": "gru", "units": 8})


def test_draws_have_exactly_their_active_parameters() -> None:
    rng = random.Random(0)
    param_sets = [CELLS.draw(random_choice(rng)) for _ in range(300)]
    for params in param_sets:
        assert set(params) == {name for name in CELLS.parameters if CELLS.is_active(name, params)}
    assert {"gate" in params for params in param_sets} == {True, False}


def test_conditions_distinguish_true_from_one() -> None:
    space = Space({"wide": Choice((False, True)), "depth": Int(1, 3, when={"wide": (True,)})})
    assert space.is_active("depth", {"wide": True})
    assert not space.is_active("depth", {"wide": 1})


def test_grid_has_every_conditional_point_once() -> None:
    space, issues = CELLS.narrow({"units": [8, 64], "dropout": 0, "rate": [0.01, 0.1], "wide": True})
    assert issues == []
    param_sets = list(space.grid())
    keys = {json.dumps(params, sort_keys=True) for params in param_sets}
    assert len(param_sets) == len(keys) == space.size()
    # lstm: 2 units; gru: 8 with two gates, 64 without; none: 1; each at two rates
    assert len(param_sets) == 2 * (2 + 3 + 1)
    for params in param_sets:
        assert set(params) == {name for name in space.parameters if space.is_active(name, params)}


def test_size_counts_without_listing() -> None:
    many = Space({f"p{number}": Int(1, 1000) for number in range(20)})
    assert many.size() == 1000**20


def test_a_grid_of_a_continuous_space_is_an_error_that_names_the_float() -> None:
    assert CELLS.size() is None
    with pytest.raises(ValueError, match=r"no finite grid: 'dropout', 'rate' may be any number in a range"):
        CELLS.grid()


@pytest.mark.parametrize(
    ("name", "setting", "expected"),
    [
        ("cell", "gru", Choice(("gru",))),
        ("cell", ["none", "lstm"], Choice(("lstm", "none"))),
        ("wide", True, Choice((True,))),
        ("dropout", 0, Choice((0.0,))),
        ("dropout", [0.5, 0.25], Choice((0.25, 0.5))),
        ("dropout", {"from": 0.1}, Float(0.1, 0.5)),
        ("dropout", {"from": 0.1, "to": 0.2, "log": True}, Float(0.1, 0.2, log=True)),
        ("rate", {"to": 0.01}, Float(1e-4, 0.01, log=True)),
        ("units", 50, Choice((50,), when={"cell": ("lstm", "gru")})),
        ("units", [64, 32], Choice((32, 64), when={"cell": ("lstm", "gru")})),
        ("units", {"from": 16, "to": 32}, Int(16, 32, step=8, when={"cell": ("lstm", "gru")})),
        ("units", {"from": 10, "to": 20, "step": 5}, Int(10, 20, step=5, when={"cell": ("lstm", "gru")})),
        ("units", {"log": True}, Int(8, 64, log=True, when={"cell": ("lstm", "gru")})),
    ],
)
def test_yaml_values_narrow_a_parameter(name: str, setting: object, expected: Param) -> None:
    space, issues = Space({n: p for n, p in CELLS.parameters.items() if n != "gate"}).narrow({name: setting})
    assert issues == []
    assert space.parameters[name] == expected


@pytest.mark.parametrize(
    ("settings", "keys", "message"),
    [
        ({"unit": 8}, ("unit",), "the space has no parameter 'unit'; did you mean 'units'?"),
        ({"zzz": 8}, ("zzz",), "the space has no parameter 'zzz'; allowed: 'cell', 'units', 'gate'"),
        ({"cell": "lstn"}, ("cell",), "unknown option 'lstn'; did you mean 'lstm'?"),
        ({"cell": ["lstm", "xx"]}, ("cell", "1"), "unknown option 'xx'; allowed: 'lstm', 'gru', 'none'"),
        ({"cell": ["lstm", "lstm"]}, ("cell", "1"), "'lstm' is listed twice"),
        ({"cell": False}, ("cell",), "must be one of 'lstm', 'gru', 'none', got False"),
        ({"cell": {"from": 1}}, ("cell",), "takes a value or a list of values, not a range"),
        ({"wide": 1}, ("wide",), "must be one of False, True, got 1"),
        ({"units": True}, ("units",), "must be a whole number, got True"),
        ({"units": 16.0}, ("units",), "must be a whole number, got 16.0"),
        ({"units": "16"}, ("units",), "must be a whole number, got '16'"),
        ({"units": 128}, ("units",), "must be within 8 to 64, got 128"),
        ({"units": []}, ("units",), "the list is empty, so nothing is left to try"),
        ({"units": None}, ("units",), "has no value; give a value, a list of values or {from:, to:}"),
        ({"units": {}}, ("units",), "a range needs from: or to:"),
        ({"units": {"form": 8}}, ("units", "form"), "unknown key 'form'; did you mean 'from'?"),
        ({"units": {"from": 4}}, ("units", "from"), "must be within 8 to 64, got 4"),
        ({"units": {"from": 32, "to": 16}}, ("units", "from"), "the range is empty: from 32 is above to 16"),
        ({"units": {"from": 8, "to": 20}}, ("units", "to"), "20 is not reached from 8 in steps of 8; take 16 or 24"),
        ({"units": {"step": 0}}, ("units", "step"), "must be a whole number of at least 1, got 0"),
        ({"units": {"log": True, "step": 2}}, ("units", "step"), "a log scale has no step, got step 2"),
        ({"units": {"log": 1}}, ("units", "log"), "must be true or false, got 1"),
        ({"dropout": 0.6}, ("dropout",), "must be within 0 to 0.5, got 0.6"),
        ({"dropout": True}, ("dropout",), "must be a number, got True"),
        ({"dropout": float("nan")}, ("dropout",), "must be a number, got nan"),
        ({"dropout": {"from": 0.0, "log": True}}, ("dropout", "log"), "a log scale needs from > 0, got 0.0"),
        ({"dropout": {"step": 0.1}}, ("dropout", "step"), "unknown key 'step'; allowed: 'from', 'to', 'log'"),
    ],
)
def test_a_wrong_setting_is_reported_with_its_keys(
    settings: dict[str, object], keys: tuple[str, ...], message: str
) -> None:
    space, issues = CELLS.narrow(settings)
    assert [(where, what[: len(message)]) for where, what in issues] == [(keys, message)]
    assert space == CELLS


def test_narrowing_reports_all_issues() -> None:
    _, issues = CELLS.narrow({"unit": 1, "cell": ["a", "b"], "units": {"from": 1, "to": 999}})
    assert [keys for keys, _ in issues] == [
        ("unit",), ("cell", "0"), ("cell", "1"), ("units", "from"), ("units", "to"),
    ]  # fmt: skip


def test_narrowing_leaves_out_what_can_no_longer_apply() -> None:
    without_cell, _ = CELLS.narrow({"cell": "none"})
    assert list(without_cell.parameters) == ["cell", "dropout", "rate", "wide"]
    without_gate, _ = CELLS.narrow({"cell": ["lstm", "gru"], "units": 64})
    assert list(without_gate.parameters) == ["cell", "units", "dropout", "rate", "wide"]
    only_gru, _ = CELLS.narrow({"cell": "gru"})
    assert only_gru.parameters["gate"].when == {"cell": ("gru",), "units": (8, 16)}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "a space needs at least one parameter"),
        ({"units": Int(1, 2, when={"cel": ("a",)}), "cell": Choice(("a",))}, "depends on 'cel', which is not declared"),
        ({"cell": Choice(("a",)), "units": Int(1, 2, when={"cell": ("b",)})}, "'cell' never is 'b'"),
        ({"cell": Choice(("a",)), "units": Int(1, 2, when={"cell": ()})}, "'cell' never is nothing"),
    ],
)
def test_a_broken_declaration_is_a_value_error(params: dict[str, Param], message: str) -> None:
    with pytest.raises(SpaceError, match=re.escape(message)):
        Space(params)


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Float(1.0, 0.0),
        lambda: Float(0.0, float("inf")),
        lambda: Float(0.0, 1.0, log=True),
        lambda: Int(1, 10, step=2),
        lambda: Int(2, 1),
        lambda: Int(1, 9, step=2, log=True),
        lambda: Choice(()),
        lambda: Choice((1, 1.0)),
    ],
)
def test_a_broken_parameter_is_a_value_error(declare: object) -> None:
    with pytest.raises(ValueError, match=r"needs|twice"):
        declare()


def test_digest_depends_on_the_declaration_alone() -> None:
    reordered, _ = CELLS.narrow({"cell": ["gru", "lstm", "none"]})
    assert reordered.digest() == CELLS.digest()
    narrower, _ = CELLS.narrow({"dropout": {"to": 0.4}})
    assert narrower.digest() != CELLS.digest()
    assert Space({"x": Float(0, 1)}).digest() == Space({"x": Float(0.0, 1.0)}).digest()


def test_description_survives_json() -> None:
    described = CELLS.describe()
    assert json.loads(json.dumps(described)) == described
    assert described[1] == {
        "name": "units", "kind": "int", "low": 8, "high": 64, "step": 8, "log": False,
        "when": {"cell": ["lstm", "gru"]},
    }  # fmt: skip


def test_a_space_can_be_sent_to_a_worker() -> None:
    assert pickle.loads(pickle.dumps(CELLS)) == CELLS


def test_grid_points_contain_plain_values() -> None:
    space, _ = CELLS.narrow({"dropout": [0, 0.5], "rate": 1e-3})
    params: Params = next(space.grid())
    assert {type(value) for value in params.values()} <= {bool, int, float, str}

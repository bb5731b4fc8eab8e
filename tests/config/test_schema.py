"""Reading YAML files, and the keys of a sweep file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweepkit.config.document import read_yaml
from sweepkit.config.schema import SweepConfig, parse
from sweepkit.errors import InputError
from tests.support.sweep_files import SMALLEST, problems_of, read


def config_of(folder: Path, text: str, *sets: str) -> SweepConfig:
    config, issues = parse(read(folder, text, *sets))
    assert issues == []
    assert config is not None
    return config


def test_three_keys_are_enough_and_the_rest_has_defaults(tmp_path: Path) -> None:
    config = config_of(tmp_path, SMALLEST)
    assert config.objective.mode == "max"
    assert (config.search.sampler, config.search.trials, config.search.seed) == ("tpe", 20, 0)
    assert config.stopping.model_dump() == {
        "rule": "asha", "max_epochs": 10, "grace_epochs": 1, "reduction": 3, "patience": None, "warmup_trials": 5,
    }  # fmt: skip
    assert config.budget.model_dump() == {
        "hours": None, "epochs": None, "money": None, "price_per_worker_hour": None, "failures": 5, "retries": 1,
        "timeout_minutes": None,
    }  # fmt: skip
    assert config.resources.model_dump() == {"cpu": 1, "gpu": "auto", "workers": None, "worker_memory_gb": None}
    assert config.storage.model_dump() == {"uri": "runs", "keep": 5}
    assert config.tracking.model_dump() == {"uri": None, "experiment": None, "enabled": True}
    assert config.deterministic is False


def test_money_comes_with_a_price(tmp_path: Path) -> None:
    budget = config_of(tmp_path, SMALLEST + "budget: {money: 12.5, price_per_worker_hour: 0.4}").budget
    assert (budget.money, budget.price_per_worker_hour) == (12.5, 0.4)


def test_a_config_is_frozen(tmp_path: Path) -> None:
    config = config_of(tmp_path, SMALLEST)
    with pytest.raises(ValueError, match="frozen"):
        config.search.trials = 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serch: {trials: 3}", "4: unknown key 'serch'; did you mean 'search'?"),
        ("search: {trails: 3}", "4: unknown key 'search.trails'; did you mean 'trials'?"),
        ("search: {zzz: 3}", "4: unknown key 'search.zzz'; allowed: 'sampler', 'trials', 'seed'"),
        ("search:\n  trials: many", "5: search.trials must be a whole number, got 'many'"),
        ("search: {trials: 2.5}", "4: search.trials must be a whole number, got 2.5"),
        ("search: {trials: true}", "4: search.trials must be a whole number, got True"),
        ("search: {trials: 0}", "4: search.trials must be at least 1, got 0"),
        ("search: {trials: }", "4: search.trials must be a whole number, got nothing"),
        ("search: {seed: -1}", "4: search.seed must be at least 0, got -1"),
        ("search: {seed: 4294967296}", "4: search.seed must be less than 4294967296, got 4294967296"),
        (
            "search: {sampler: tpee}",
            "4: search.sampler must be one of 'tpe', 'random', 'grid', 'qmc', 'gp', 'cmaes', got 'tpee'; "
            "did you mean 'tpe'?",
        ),
        ("search: {sampler: 3}",
         "4: search.sampler must be one of 'tpe', 'random', 'grid', 'qmc', 'gp', 'cmaes', got 3"),
        ("search: 3", "4: search must be a mapping of keys to values, got 3"),
        ("search:", "4: search must be a mapping of keys to values, got nothing"),
        ("space: [1]", "4: space must be a mapping of keys to values, got [1]"),
        ("data: 3", "4: data must be a mapping of keys to values, got 3"),
        ("stopping: {max_epochs: 3, grace_epochs: 4}",
         "4: stopping.grace_epochs must be at most max_epochs, which is 3, got 4"),
        ("stopping: {reduction: 1}", "4: stopping.reduction must be at least 2, got 1"),
        ("stopping: {patience: 0}", "4: stopping.patience must be at least 1, got 0"),
        ("stopping: {warmup_trials: -1}", "4: stopping.warmup_trials must be at least 0, got -1"),
        ("budget: {hours: 0}", "4: budget.hours must be more than 0, got 0"),
        ("budget: {hours: .inf}", "4: budget.hours must be a finite number, got inf"),
        ("budget: {hours: 1:30}", "4: budget.hours must be a number, got '1:30'"),
        ("budget: {hours: yes}", "4: budget.hours must be a number, got True"),
        ("budget: {epochs: 0}", "4: budget.epochs must be at least 1, got 0"),
        ("budget: {epochs: 1.5}", "4: budget.epochs must be a whole number, got 1.5"),
        ("budget: {money: 12.5}", "4: budget.price_per_worker_hour is needed with money: 12.5; say what a worker costs "
         "an hour, in the same currency"),
        ("budget: {price_per_worker_hour: 0.4}", "4: budget.price_per_worker_hour limits nothing without money; say "
         "how much may be spent, or leave 0.4 out"),
        ("budget: {money: 0, price_per_worker_hour: 0.4}", "4: budget.money must be more than 0, got 0"),
        ("budget: {failures: -1}", "4: budget.failures must be at least 0, got -1"),
        ("budget: {retries: -1}", "4: budget.retries must be at least 0, got -1"),
        ("budget: {retries: 1.5}", "4: budget.retries must be a whole number, got 1.5"),
        ("budget: {timeout_minutes: 0}", "4: budget.timeout_minutes must be more than 0, got 0"),
        ("budget: {timeout_minutes: 5 min}", "4: budget.timeout_minutes must be a number, got '5 min'"),
        ("budget: {timeout: 5}", "4: unknown key 'budget.timeout'; did you mean 'timeout_minutes'?"),
        ("resources: {worker_memory_gb: 0}", "4: resources.worker_memory_gb must be more than 0, got 0"),
        ("resources: {worker_memory_gb: all}", "4: resources.worker_memory_gb must be a number, got 'all'"),
        ("resources: {cpu: 0.5}", "4: resources.cpu must be a whole number, got 0.5"),
        ("resources: {gpu: all}", "4: resources.gpu must be 'auto' or a number of at least 0, got 'all'"),
        ("resources: {gpu: -1}", "4: resources.gpu must be 'auto' or a number of at least 0, got -1"),
        ("resources: {gpu: 1.5}",
         "4: resources.gpu must be a fraction below 1 or a whole number of gpus, got 1.5"),
        ("resources: {workers: 0}", "4: resources.workers must be at least 1, got 0"),
        ("storage: {uri: ''}", "4: storage.uri must be text that is not empty, got ''"),
        ("storage: {keep: 0}", "4: storage.keep must be at least 1, got 0"),
        ("tracking: {enabled: 1}", "4: tracking.enabled must be true or false, got 1"),
        ("tracking: {uri: 5}", "4: tracking.uri must be text, got 5"),
        ("deterministic: 'yes'", "4: deterministic must be true or false, got 'yes'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_reported_with_its_line_and_a_remedy(tmp_path: Path, text: str, expected: str) -> None:
    assert problems_of(tmp_path, SMALLEST + text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("package: toy\nobjective: {metric: a, mode: max}", "missing key 'sweep'; the name of the sweep"),
        ("sweep: a\nobjective: {metric: a, mode: max}", "missing key 'package'; the name of the folder beside"),
        ("sweep: a\npackage: toy", "missing key 'objective'; say what to improve, like `objective: {metric: v"),
        ("sweep: a\npackage: toy\nobjective: {metric: a}", "3: missing key 'objective.mode'; either 'max' or 'min'"),
        ("sweep: a\npackage: toy\nobjective: {mode: max}", "3: missing key 'objective.metric'; a metric that trials"),
    ],
)
def test_a_missing_key_is_reported_with_its_purpose(tmp_path: Path, text: str, expected: str) -> None:
    (issue,) = problems_of(tmp_path, text)
    assert expected in issue


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "a b", "x" * 101])
def test_a_sweep_name_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    (issue,) = problems_of(tmp_path, SMALLEST.replace("cells", f"'{name}'"))
    assert issue.startswith("1: sweep must be 1 to 100 letters, digits, '_', '-' or '.', and must not start with '.'")


def test_a_sweep_name_of_several_lines_is_refused(tmp_path: Path) -> None:
    (issue,) = problems_of(tmp_path, SMALLEST.replace("cells", r'"cells\n"'))
    assert "sweep must be 1 to 100 letters" in issue


@pytest.mark.parametrize("name", ["../toy", "toy.sub", "1toy", "toy-2"])
def test_a_package_name_must_be_importable(tmp_path: Path, name: str) -> None:
    (issue,) = problems_of(tmp_path, SMALLEST.replace("toy", name))
    assert "2: package must be the name of a folder that Python can import" in issue


def test_all_issues_are_reported_together(tmp_path: Path) -> None:
    text = "sweep: 3\npackage: toy\nobjective: {metric: a, mode: up}\nsearch: {trials: x, foo: 1}\nsweep: b\n"
    issues = problems_of(tmp_path, text)
    assert [issue.partition(":")[0] for issue in sorted(issues)] == ["1", "3", "4", "4", "5"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3", 3, "duplicate key 'a', already set in line 1"),
        ("a: {b: 1,\n  b: 2}", 2, "duplicate key 'a.b', already set in line 1"),
        ("? [1, 2]\n: 3", 1, "a key must be a plain word, not a list or a mapping"),
        ("a: !!python/object:os.system x", 1, "a: tag 'tag:yaml.org,2002:python/object:os.system' is not supported"),
        ("a: !!int abc", 1, "a: 'abc' cannot be read as int"),
        ("a: !!bool maybe", 1, "a: 'maybe' cannot be read as bool"),
        ("x: &x [1]\ny: &y [*x, *x, *x, *x, *x, *x, *x, *x, *x, *x]\nz: &z [*y, *y, *y, *y, *y, *y, *y, *y, *y, *y]\n"
         "u: &u [*z, *z, *z, *z, *z, *z, *z, *z, *z, *z]\nv: [*u, *u, *u, *u, *u, *u, *u, *u, *u, *u]",
         1, "more than 10,000 entries or 50 levels, aliases included"),
        ("a: &a [*a]", 1, "more than 10,000 entries or 50 levels, aliases included"),
    ],
)  # fmt: skip
def test_entries_that_cannot_be_read_are_issues(tmp_path: Path, text: str, line: int, message: str) -> None:
    issues = read(tmp_path, text).issues
    assert len(issues) == 1
    assert issues[0].where == f"{tmp_path / 'sweep.yaml'}:{line}"
    assert issues[0].what.startswith(message)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "sweep.yaml: a sweep file must hold `key: value` lines, but it is empty"),
        (b"# only this\n", "sweep.yaml: a sweep file must hold `key: value` lines, but it is empty"),
        (b"- a\n- b\n", "sweep.yaml: a sweep file must hold `key: value` lines, but it is not a mapping"),
        (b"just text", "sweep.yaml: a sweep file must hold `key: value` lines, but it is not a mapping"),
        (b"a: 1\nb: {c: 2", "sweep.yaml:2: not valid YAML: expected ',' or '}'"),
        (b"a: 1\n\tb: 2", "sweep.yaml:2: not valid YAML: found character '\\t' that cannot start any token; "
         "indent with spaces, not tabs"),
        (b"a: b: c", "sweep.yaml:1: not valid YAML: mapping values are not allowed here"),
        (b"a: 1\n---\nb: 2", "not valid YAML: but found another document"),
        (b"a: *nowhere", "sweep.yaml:1: not valid YAML: found undefined alias 'nowhere'"),
        (b"a: \x00", "not valid YAML: unacceptable character #x0000"),
        (b"a: " + b"[" * 1200, "not valid YAML: nested too deeply"),
        (b"a: 1\nb: caf\xe9", "sweep.yaml:2: not UTF-8 text (byte 0xe9); save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "sweep.yaml:1: not UTF-8 text (byte 0xff)"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_a_sweep_is_refused_with_its_line(tmp_path: Path, raw: bytes, expected: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert expected in str(caught.value)


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(SMALLEST, encoding="utf-8-sig")
    assert list(read_yaml(path).values) == ["sweep", "package", "objective"]


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "cells.yaml").write_text(SMALLEST)
    with pytest.raises(InputError, match=r"cels\.yaml: there is no such file; did you mean '.*cells\.yaml'\?"):
        read_yaml(tmp_path / "cels.yaml")
    with pytest.raises(InputError, match=r"the folder '.*nowhere' does not exist either"):
        read_yaml(tmp_path / "nowhere" / "cells.yaml")
    with pytest.raises(InputError, match="but this is a folder"):
        read_yaml(tmp_path)


def test_scalars_that_yaml_1_1_misreads_are_read_as_meant(tmp_path: Path) -> None:
    text = "a: 1e-3\nb: 3E5\nc: '1e-3'\nd: 2024-01-01\ne: 1:30\nf: none\ng: [1e-4, 1.e2]\nh: 1e3x\n"
    assert read(tmp_path, text).values == {
        "a": 0.001, "b": 300000.0, "c": "1e-3", "d": "2024-01-01", "e": "1:30", "f": "none", "g": [0.0001, 100.0],
        "h": "1e3x",
    }  # fmt: skip


def test_overrides_replace_values_and_are_their_place(tmp_path: Path) -> None:
    document = read(
        tmp_path, SMALLEST + "space: {units: {from: 1, to: 2}}\n",
        "search.trials=7", "space.units=[32, 64]", "stopping.patience=null", "space.rate={from: 1e-3, to: 1}",
        "objective.mode=min",
    )  # fmt: skip
    assert document.values["search"] == {"trials": 7}
    assert document.values["space"] == {"units": [32, 64], "rate": {"from": 0.001, "to": 1}}
    assert document.where(("space", "units", "1")) == "--set space.units=[32, 64]"
    assert document.where(("space", "rate", "to")) == "--set space.rate={from: 1e-3, to: 1}"
    assert document.where(("objective", "metric")) == f"{tmp_path / 'sweep.yaml'}:3"
    config, issues = parse(document)
    assert issues == []
    assert config is not None
    assert config.stopping.patience is None
    assert config.objective.mode == "min"


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("trials", "--set trials: needs the form key.key=value, like search.trials=10"),
        ("=3", "--set =3: needs the form key.key=value"),
        ("search..trials=3", "--set search..trials=3: needs the form key.key=value"),
        ("search.trials=[1", "--set search.trials=[1: not valid YAML: expected ',' or ']'"),
        ("sweep.name=x", "--set sweep.name=x: sweep is 'cells' and has no keys below it; set sweep as a whole"),
        ("search.trials=x", "--set search.trials=x: search.trials must be a whole number, got 'x'"),
        ("search.trails=3", "--set search.trails=3: unknown key 'search.trails'; did you mean 'trials'?"),
        ("space={a: 1, a: 2}", "--set space={a: 1, a: 2}: duplicate key 'space.a'"),
    ],
)
def test_a_wrong_override_is_reported_like_a_wrong_line(tmp_path: Path, assignment: str, expected: str) -> None:
    (issue,) = problems_of(tmp_path, SMALLEST, assignment)
    assert issue.startswith(expected)


def test_the_data_option_is_not_parsed(tmp_path: Path) -> None:
    document = read(tmp_path, SMALLEST + "data: {source: old}", data="a: 1, [b")
    assert document.values["data"] == {"source": "a: 1, [b"}
    assert document.where(("data", "source")) == "--data a: 1, [b"

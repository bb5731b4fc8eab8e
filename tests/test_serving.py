"""A registered winner as others use it: loaded by MLflow, and over HTTP."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support import servers
from tests.support.bundles import write_tiny_bundle

pytestmark = [
    pytest.mark.tf,
    pytest.mark.mlflow,
    # MLflow, of its own types, when `mlflow.pyfunc` is imported; and pandas, of how MLflow uses it
    pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),
]
TEXTS = ["a good film .", "", "not good , very bad"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "winner"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def served(bundle: Path) -> Any:
    from sweepkit.serving import _load_pyfunc

    return _load_pyfunc(str(bundle))


@pytest.fixture(scope="module")
def expected(bundle: Path) -> list[dict[str, Any]]:
    """What the bundle itself says of the texts."""
    from sweepkit.tasks.text.classifier import load

    found = load(bundle).predict(TEXTS)
    return [{"label": one.label, "probability": one.probability, "note": one.note} for one in found]


def assert_same(found: Any, expected: list[dict[str, Any]]) -> None:
    """Compare answers; floats may differ in their last bits between processes."""
    assert [(row["label"], row["note"]) for row in found] == [(row["label"], row["note"]) for row in expected]
    for row, wanted in zip(found, expected, strict=True):
        assert row["probability"] == (wanted["probability"] and pytest.approx(wanted["probability"], abs=1e-6))


@pytest.mark.parametrize(
    "given",
    [
        pd.DataFrame({"text": TEXTS}),
        pd.DataFrame({"id": [1, 2, 3], "text": TEXTS, "other": ["x", "y", "z"]}),
        pd.DataFrame({"id": [1, 2, 3], "words": TEXTS}),
        pd.DataFrame({0: TEXTS}),
        pd.Series(TEXTS),
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object).reshape(-1, 1),
        {"text": TEXTS},
        {"text": np.array(TEXTS)},
    ],
    ids=lambda given: type(given).__name__,
)
def test_texts_are_taken_however_they_come(served: Any, expected: list[dict[str, Any]], given: Any) -> None:
    found = served.predict(given)
    assert list(found.columns) == ["label", "probability", "note"]
    assert_same(found.to_dict("records"), expected)


def test_one_text_is_one_row(served: Any, expected: list[dict[str, Any]]) -> None:
    assert_same(served.predict(TEXTS[0]).to_dict("records"), expected[:1])
    assert_same(served.predict({"text": TEXTS[0]}, params={}).to_dict("records"), expected[:1])


def test_probabilities_are_numbers_and_a_missing_one_is_valid_json(served: Any) -> None:
    assert served.predict(["good"])["probability"].dtype == np.float64
    rows = json.loads(json.dumps(served.predict(["good", ""]).to_dict("records"), allow_nan=False))
    assert rows[1] == {"label": None, "probability": None, "note": "no words in it"}


def test_no_texts_are_no_rows(served: Any) -> None:
    assert len(served.predict({"text": []})) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.DataFrame({"text": ["good", None]}), "'text' must be text in every row, row 1 has"),
        ({"text": [3]}, "'text' must be text in every row, row 0 has int 3"),
        (pd.DataFrame({"a": [1], "b": [2]}), r"must have a column 'text', it has \['a', 'b'\]"),
    ],
)
def test_what_is_no_text_is_refused(served: Any, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        served.predict(given)


@pytest.fixture(scope="module")
def tracking(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tracking server that has the bundle in its registry."""
    from sweepkit.tracking import registry

    with servers.tracking(tmp_path_factory.mktemp("tracking")) as address:
        run_id = servers.new_run(address)
        registry.register(address, run_id=run_id, folder=bundle, name="cells")
        yield address


@pytest.mark.slow
def test_mlflow_loads_it_by_name(
    tracking: str, expected: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    model = mlflow.pyfunc.load_model("models:/cells@champion")
    assert_same(model.predict(pd.DataFrame({"text": TEXTS})).to_dict("records"), expected)
    assert model.input_example.to_dict("records") == [{"text": "A text to label."}]
    (labelled,) = model.predict(model.input_example).to_dict("records")
    assert labelled["label"] in {"negative", "positive"}


@pytest.fixture(scope="module")
def scoring(tracking: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scoring server, in a folder that knows nothing of the sweep."""
    folder = tmp_path_factory.mktemp("scoring")
    arguments = ["models", "serve", "--model-uri", "models:/cells@champion", "--env-manager", "local"]
    with servers.mlflow(folder, arguments, answers="/ping", MLFLOW_TRACKING_URI=tracking) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [{"text": text} for text in TEXTS]},
        {"inputs": {"text": TEXTS}},
        {"inputs": TEXTS},
        {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}},
    ],
    ids=lambda body: next(iter(body)),
)
def test_raw_text_over_http_comes_back_with_labels(
    scoring: str, expected: list[dict[str, Any]], body: dict[str, Any]
) -> None:
    request = urllib.request.Request(
        f"{scoring}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert_same(json.load(answer)["predictions"], expected)

"""A bundle behind MLflow's scoring server: raw text in; label, probability and note out.

MLflow imports this module by name when it loads a registered winner, so no part of the model is unpickled, and
sweepkit must be installed on the server. For Python code there is `sweepkit.load_model`. Try
`mlflow.pyfunc.load_model("models:/cells@champion").predict(["some text"])`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweepkit.tasks.text.classifier import load

if TYPE_CHECKING:
    from sweepkit.tasks.text.classifier import TextModel

TEXT = "text"  # the column of the input
# an element of the array may be of any type; `texts_of` refuses values that are not text
Input: TypeAlias = pd.DataFrame | pd.Series | Mapping[str, Any] | NDArray[Any] | Iterable[str] | str


class ServedModel:
    """The object whose `predict` MLflow calls."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    def predict(self, model_input: Input, params: Mapping[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Label texts, in order. `texts_of` lists the accepted inputs; `params`, in MLflow's interface, is not used.

        Returns:
            A row for each text: `label` and `probability` (of that label), both None for a text without a word, whose
            `note` then gives the reason.

        Raises:
            ValueError: the input has a value that is not text.
        """
        predictions = self._model.predict(texts_of(model_input))
        has_all = all(prediction.probability is not None for prediction in predictions)
        probabilities = [prediction.probability for prediction in predictions]
        return pd.DataFrame(
            {
                "label": pd.Series([prediction.label for prediction in predictions], dtype=object),
                # a column of floats would have NaN for None, which the server would write as invalid JSON
                "probability": pd.Series(probabilities, dtype=float if has_all else object),
                "note": pd.Series([prediction.note for prediction in predictions], dtype=object),
            }
        )


def _load_pyfunc(path: str) -> ServedModel:  # the name is MLflow's
    return ServedModel(load(Path(path)))


def texts_of(model_input: Input) -> list[str]:
    """Return the texts in an input of MLflow's scoring server.

    Args:
        model_input: a data frame or a dict with a column `text` (or only one column, or the first one of text), a list
            or an array of texts, or one text.

    Raises:
        ValueError: there is no such column, or a value is not text.
    """
    values = [model_input] if isinstance(model_input, str) else _column(model_input)
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise ValueError(f"{TEXT!r} must be text in every row, row {row} has {type(value).__name__} {value!r:.50}")
    return values


def _column(model_input: Any) -> list[Any]:  # checked by the caller, value by value
    if isinstance(model_input, Mapping):
        # a single request may have one text instead of a list of texts
        columns = {str(name): [value] if isinstance(value, str) else value for name, value in model_input.items()}
        return _column(pd.DataFrame(columns))
    if isinstance(model_input, pd.DataFrame):
        names = [TEXT] if TEXT in model_input else _text_columns(model_input)
        if not names:
            raise ValueError(f"the input must have a column {TEXT!r}, it has {[str(name) for name in model_input]}")
        return list(model_input[names[0]])
    if isinstance(model_input, np.ndarray):
        return list(model_input.reshape(-1).tolist())
    return list(model_input)


def _text_columns(frame: pd.DataFrame) -> list[Any]:  # column labels may be of any type
    if len(frame.columns) == 1:
        return list(frame.columns)
    return [name for name in frame.columns if pd.api.types.is_string_dtype(frame[name])]

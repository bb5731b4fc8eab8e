"""What a worker imports, and what it leaves out."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.tf

# processes of their own: this one may have imported all of it
SCRIPT = """
import gc, sys
from sweepkit.training.keras_import import import_keras
import_keras()
print("keras" in sys.modules, gc.isenabled(), *{"sklearn", "matplotlib", "pandas"}.intersection(sys.modules))
import keras, pandas, sklearn
print(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).count_params(), pandas.DataFrame({"a": [1]}).size)
"""
AFTER_PANDAS = """
import sys, pandas
from sweepkit.training.keras_import import import_keras
import_keras()
print(sys.modules["pandas"] is pandas, "sklearn" in sys.modules)
"""


def printed(script: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_keras_is_imported_without_what_only_others_use_of_it_and_that_can_be_imported_later() -> None:
    assert printed(SCRIPT) == ["True True", "3 1"]


def test_what_the_process_has_imported_already_stays() -> None:
    assert printed(AFTER_PANDAS) == ["True False"]

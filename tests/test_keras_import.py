"""What a worker imports, and what it leaves out."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.tf

# a process of its own: this one may have imported all of it
SCRIPT = """
import gc, sys
from sweepkit.keras_import import import_keras
import_keras()
print("keras" in sys.modules, gc.isenabled(), *{"sklearn", "matplotlib", "pandas"}.intersection(sys.modules))
import keras, pandas, sklearn
print(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).count_params(), pandas.DataFrame({"a": [1]}).size)
"""


def test_keras_is_imported_without_what_only_others_use_of_it_and_that_can_be_imported_later() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True", "3 1"]


def test_what_the_process_has_imported_already_stays() -> None:
    import pandas

    from sweepkit.keras_import import import_keras

    import_keras()
    assert sys.modules["pandas"] is pandas

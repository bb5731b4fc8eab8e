import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.nn.digest import digest

pytestmark = pytest.mark.tf

CELL = "gru"  # it has the most products


def test_training_is_the_same_to_the_bit_in_every_process_and_in_deterministic_mode():
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.nn.digest", CELL], cwd=root, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == [digest(CELL)]

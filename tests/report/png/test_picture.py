"""The picture: a small PNG without warnings, for every kind of sweep."""

from __future__ import annotations

import pytest

from sweepkit.report.importance import Importances
from sweepkit.report.png.picture import picture
from tests.support.report_cases import SWEEPS

pytestmark = pytest.mark.slow  # all of them together


@pytest.mark.parametrize("name", ["empty", "unfinished", "three", "constant", "failed", "far out", "nasty", "whole"])
def test_every_sweep_has_a_picture(name: str) -> None:
    quick = None if name == "whole" else Importances((), ("left out",))
    drawn = picture(SWEEPS[name].sweep, quick)
    assert drawn.startswith(b"\x89PNG")
    assert 10_000 < len(drawn) < 300_000

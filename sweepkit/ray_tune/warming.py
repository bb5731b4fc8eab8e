"""What a worker process does first: it begins to import what training needs, while the driver is not ready yet.

Named in Ray's runtime environment (`runner.connect`), which calls `begin` in each process as it starts. An import that
fails is said by whoever imports it next: the trial.
"""

from __future__ import annotations

import contextlib
import importlib
import threading


def begin() -> None:
    threading.Thread(target=_import_training, name="sweepkit-imports", daemon=True).start()


def _import_training() -> None:
    with contextlib.suppress(Exception):
        importlib.import_module("sweepkit.training")

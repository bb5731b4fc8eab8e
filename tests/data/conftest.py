"""Prepared data that several tests read."""

from __future__ import annotations

import pytest
from made_up import MadeUp, prepare

from sweepkit.data.dataset import PreparedData
from sweepkit.storage.storage import Storage


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """Made-up texts, prepared in small shards; nobody changes them."""
    from sweepkit.tasks.text import build

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_SHARD_ROWS", 50)
        return prepare(Storage.at(str(tmp_path_factory.mktemp("prepared"))), MadeUp(n_rows=1_200))

"""Prepared data, whatever the task: rows in shards with a manifest, prepared once and read in batches.

These names are for a sweep package's data.py; the modules below are private.
"""

from sweepkit.data.batches import BatchSettings
from sweepkit.data.dataset import PreparedData
from sweepkit.data.prepare import Progress, TaskMapper

__all__ = ["BatchSettings", "PreparedData", "Progress", "TaskMapper"]

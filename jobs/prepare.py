"""Prepare a sweep's data as a batch job, ahead of the sweeps that share it.

    python jobs/prepare.py SWEEP [--data SOURCE] [--set storage.uri=/mnt/sweeps]

SWEEP and the options are those of `python -m sweepkit prepare`; see _job.py for what a job adds.
"""

from __future__ import annotations

from _job import main

if __name__ == "__main__":
    main("prepare", on_ray=True)

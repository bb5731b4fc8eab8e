"""Run or resume a sweep as a batch job.

    python jobs/sweep.py SWEEP [--set storage.uri=/mnt/sweeps] [--set search.trials=100]

SWEEP and the options are those of `python -m sweepkit run`; see _job.py for what a job adds. If a time limit is
shorter than the sweep, submit the same job again: it resumes from the last finished epochs.
"""

from __future__ import annotations

from _job import main

if __name__ == "__main__":
    main("run", on_ray=True)

"""Run or resume a sweep's final stage as a batch job: fresh seeds, comparisons, one measurement on the test split.

    python jobs/final.py SWEEP [--set storage.uri=/mnt/sweeps]

SWEEP and the options are those of `python -m sweepkit final`; see _job.py for what a job adds.
"""

from __future__ import annotations

from _job import main

if __name__ == "__main__":
    main("final", on_ray=True)

"""Export a sweep's winner into a folder as a batch job, ready to be served.

    python jobs/export.py SWEEP --to FOLDER

SWEEP and the options are those of `python -m sweepkit pull`; see _job.py for what a job adds. It needs no cluster.
"""

from __future__ import annotations

from _job import main

if __name__ == "__main__":
    main("pull")

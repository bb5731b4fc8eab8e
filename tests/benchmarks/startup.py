"""Seconds of `--help` and `validate`, whole process: the median of ten after a first one.

python tests/benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    for arguments in (["--help"], ["validate", "sweeps/imdb_cells.yaml"]):
        seconds = []
        for _ in range(11):
            began = time.perf_counter()
            command = [sys.executable, "-m", "sweepkit", *arguments]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - began)
        print(f"{' '.join(arguments)}: {statistics.median(seconds[1:]):.2f} s, at most {max(seconds[1:]):.2f} s")


if __name__ == "__main__":
    main()

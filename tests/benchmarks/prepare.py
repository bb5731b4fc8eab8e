"""Seconds to prepare a source, whole process, and to find it prepared again.

python tests/benchmarks/prepare.py --data PATH
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="as for `sweepkit prepare --data`")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory(prefix="sweepkit-bench-") as scratch:
        yaml = str(ROOT / "sweeps" / "imdb_cells.yaml")
        command = [sys.executable, "-m", "sweepkit", "prepare", yaml, "--data", data]
        for what in ("prepared", "found", "found again"):
            began = time.perf_counter()
            storage = ["--set", f"storage.uri={scratch}/runs"]
            subprocess.run([*command, *storage], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            print(f"{what}: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()

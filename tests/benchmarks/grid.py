"""Wall time of one small grid on the full data: sweepkit, a plain Keras loop and a plain Ray Tune script, in turn in
one call.

    python tests/benchmarks/grid.py --data PATH [--epochs 2] [--only sweepkit]

The grid is cell x units x max_len, batch 128, embedding 100, no early stopping. Each is a whole process, start-up and
imports included; the data is prepared before the clock starts, since all three read the same records.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

SWEEP = {
    "sweep": "grid",
    "package": "imdb",
    "objective": {"metric": "valid_accuracy", "mode": "max"},
    "space": {
        "cell": ["lstm", "gru"],
        "units": [32, 64],
        "max_len": [80, 200],
        "layers": 1,
        "bidirectional": False,
        "pooling": "last",
        "dropout": 0.0,
        "embedding": "scratch",
        "embedding_dim": 100,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_size": 128,
        "clip": False,
    },
    "search": {"sampler": "grid", "trials": 8},
    "stopping": {"rule": "none"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="as for `sweepkit run --data`")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--only", choices=("sweepkit", "keras", "ray_tune"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sweepkit-bench-") as scratch:
        seconds = measure(Path(scratch), options.data, options.epochs, only=options.only)
    for name, value in seconds.items():
        ratios = "".join(
            f"   sweepkit / {name}: {seconds['sweepkit'] / value:.2f}" for _ in [0] if "sweepkit" in seconds
        )
        print(f"{name:10} {value:7.1f} s{ratios}")


def measure(scratch: Path, data: str, epochs: int, *, only: str | None) -> dict[str, float]:
    sweep = SWEEP | {
        "stopping": {"rule": "none", "max_epochs": epochs},
        "storage": {"uri": str(scratch / "runs")},
    }
    yaml = ROOT / "sweeps" / f".bench-{os.getpid()}.yaml"
    yaml.write_text(json.dumps(sweep))  # JSON is YAML
    try:
        sweepkit = [sys.executable, "-m", "sweepkit"]
        subprocess.run([*sweepkit, "prepare", str(yaml), "--data", data], cwd=ROOT, check=True)
        folder = next((scratch / "runs" / "data").iterdir())
        vocab_size = json.loads((folder / "manifest.json").read_text())["vocabulary"]["size"]
        param_sets = [
            dict(zip(("cell", "units", "max_len"), values, strict=True))
            for values in itertools.product(["lstm", "gru"], [32, 64], [80, 200])
        ]
        grid = json.dumps({"points": param_sets, "vocab_size": vocab_size, "epochs": epochs})
        store = f"sqlite:///{scratch}/mlflow.db"
        commands = {
            "sweepkit": [*sweepkit, "run", str(yaml), "--data", data, "--set", f"tracking.uri={store}"],
            "keras": [sys.executable, str(HERE / "plain_keras.py"), str(folder), grid],
            "ray_tune": [sys.executable, str(HERE / "plain_ray_tune.py"), str(folder), grid],
        }
        return {name: timed(command) for name, command in commands.items() if only in (None, name)}
    finally:
        yaml.unlink()


def timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

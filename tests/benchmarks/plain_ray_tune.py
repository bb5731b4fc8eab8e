"""The other baseline: the same training as a function trainable of Ray Tune, one CPU a trial, as its tutorials have it.

python tests/benchmarks/plain_ray_tune.py PREPARED_FOLDER GRID_JSON
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import ray
from ray import tune


def trainable(config: dict) -> None:
    sys.path.insert(0, config["benchmarks"])
    from plain_keras import train

    params = {name: config[name] for name in ("cell", "units", "max_len")}
    for logs in train(params, Path(config["folder"]), vocab_size=config["vocab_size"], epochs=config["epochs"]):
        tune.report(logs)


def main() -> None:
    folder, grid = Path(sys.argv[1]).resolve(), json.loads(sys.argv[2])
    space = {name: tune.grid_search(sorted({params[name] for params in grid["points"]})) for name in grid["points"][0]}
    facts = {"folder": str(folder), "benchmarks": str(Path(__file__).parent.resolve())}
    ray.init(include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as scratch:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space=space | facts | {"vocab_size": grid["vocab_size"], "epochs": grid["epochs"]},
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        )
        for result in tuner.fit():
            print({name: result.config[name] for name in grid["points"][0]}, result.metrics["val_accuracy"])


if __name__ == "__main__":
    main()

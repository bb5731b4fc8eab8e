"""The expected cost of a sweep, before it starts: trials, rungs, epochs, and a rough time.

Pure functions of the settings; only `measure_gflops` uses the machine. The epochs are expectations for trials that
arrive in random order. The time depends on a package's count of operations and on one short measurement, and may be
wrong by a factor of two. Try `estimate(definition, n_rows=None, mean_tokens=None, workers=2, gflops_per_s=20)`.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sweepkit.config.definition import SweepDefinition
from sweepkit.config.schedule import expected_epochs, n_trials, rungs
from sweepkit.space import Params

N_DRAWS = 500  # of the space, whose mean cost is estimated from them
# The rate of training over that of a matrix product, by a package's count of operations. With the shipped example,
# whose package counts the fixed cost of a time step too, two workers on a 2-core AMD EPYC reached 0.6 to 0.8 each.
EFFICIENCY = 0.6
THREADS_EXPONENT = 0.4  # 2 ** 0.4 = 1.32: two threads do a third more of one trial's work than one thread
DEFAULT_MEAN_TOKENS = 200.0  # if neither the data nor the package has a mean


@dataclass(frozen=True, slots=True)
class Plan:
    """The expected cost of a sweep.

    Attributes:
        n_trials: of the whole sweep; the size of the grid if that is smaller.
        grid_size: number of params in the space; None if it is continuous.
        rungs: epochs at which the pruner compares trials.
        reaching: (epoch, how many trials are expected to reach it), first and last epoch included.
        epochs: expected epochs of all trials together, patience not counted.
        full_epochs: epochs if no trial were stopped.
        gflop_per_epoch: mean over the space; None while the number of rows is unknown.
        time_s: rough wall time; None if it cannot be estimated.
    """

    n_trials: int
    grid_size: int | None
    rungs: list[int]
    reaching: list[tuple[int, int]]
    epochs: int
    full_epochs: int
    gflop_per_epoch: float | None
    time_s: float | None


def estimate(
    definition: SweepDefinition,
    *,
    n_rows: float | None,
    mean_tokens: float | None,
    workers: int,
    gflops_per_s: float | None,
) -> Plan:
    """Estimate the cost of a sweep.

    Args:
        definition: the sweep.
        n_rows: rows of train before validation is split off; None if unknown.
        mean_tokens: their mean length; None for the package's, or else a default.
        workers: how many trials run at once.
        gflops_per_s: 1e9 operations of training per second and thread; None for an estimate without a time.
    """
    stopping, n_target = definition.config.stopping, n_trials(definition.config, definition.space)
    reaching = expected_epochs(stopping, n_target)
    # each trial that reaches an epoch has run all epochs since the one before in the list
    epochs = sum(
        n_reaching * (epoch - before)
        for (epoch, n_reaching), before in zip(reaching, [0, *(epoch for epoch, _ in reaching)], strict=False)
    )
    gflop = None if n_rows is None else _epoch_gflop(definition, n_target, n_rows, mean_tokens)
    time_s = None
    if gflop is not None and gflops_per_s is not None:
        rate = gflops_per_s * definition.config.resources.cpu**THREADS_EXPONENT
        # all workers busy to the end: the idle time at the end of a sweep is within the factor of two
        time_s = epochs * gflop / rate / min(workers, n_target)
    return Plan(
        n_trials=n_target,
        grid_size=definition.space.size(),
        rungs=rungs(stopping),
        reaching=[(epoch, round(n_reaching)) for epoch, n_reaching in reaching],
        epochs=round(epochs),
        full_epochs=n_target * stopping.max_epochs,
        gflop_per_epoch=gflop,
        time_s=time_s,
    )


def measure_gflops(clock: Callable[[], float] = time.perf_counter) -> float:
    """Estimate the 1e9 operations of training that one thread of this machine does in a second; takes 50 ms.

    Multiplies float32 matrices with NumPy and returns EFFICIENCY of that rate. Needs a process whose BLAS has one
    thread (OPENBLAS_NUM_THREADS=1 before NumPy is imported); with more threads the result is too high.
    """
    import numpy as np  # not at the top: `validate` must not wait for it

    size = 256
    left = np.random.default_rng(0).random((size, size), dtype=np.float32)
    out = left @ left  # not measured: it warms up, and the timed products write into its array
    began, n_products = clock(), 0
    while clock() - began < 0.05:
        np.matmul(left, left, out=out)
        n_products += 1
    return EFFICIENCY * n_products * 2 * size**3 / (clock() - began) / 1e9


def _epoch_gflop(definition: SweepDefinition, n_trials: int, n_rows: float, mean_tokens: float | None) -> float:
    """Average an epoch's operations over the space: over the params of a grid, or else over seeded draws."""
    # validation is the forward pass only: a third of the operations of training on as many rows
    valid = definition.data.valid_fraction
    rows = n_rows * (1 - valid) + n_rows * valid / 3
    tokens = mean_tokens or definition.package.mean_tokens or DEFAULT_MEAN_TOKENS
    costs = [definition.package.epoch_gflop(params, rows, tokens) for params in _param_sets(definition, n_trials)]
    return sum(costs) / len(costs)


def _param_sets(definition: SweepDefinition, n_trials: int) -> Iterator[Params]:
    if definition.config.search.sampler == "grid":
        return itertools.islice(definition.space.grid(), min(n_trials, N_DRAWS))
    rng = random.Random(definition.config.search.seed)
    return (definition.space.sample(rng) for _ in range(N_DRAWS))

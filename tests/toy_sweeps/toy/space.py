"""What the toy may vary; `fault` makes a trial misbehave in a way that a test wants to see handled."""

from __future__ import annotations

from sweepkit.config import DataSettings
from sweepkit.space import Choice, Float, Int, Params, Space

SPACE = Space(
    {
        "units": Int(2, 8),
        "learning_rate": Float(1e-3, 1e-1, log=True),
        "dropout": Float(0.0, 0.5),
        "fault": Choice(
            (
                *("", "build", "train", "nan", "exit", "no_cudnn"),
                *("exit once", "kill once", "raise once", "hang once", "swell once", "slow", "grow"),
            )
        ),
    }
)


class Data(DataSettings):
    """Settings of the toy's data."""

    n_rows: int = 200


def n_rows(settings: DataSettings) -> int | None:
    return settings.n_rows if isinstance(settings, Data) else None


def baselines(params: Params) -> dict[str, Params]:
    return {"two units": {**params, "units": 2}}


def epoch_gflop(params: Params, n_rows: float, mean_tokens: float) -> float:
    return 1e-9 * n_rows * mean_tokens * float(params["units"])

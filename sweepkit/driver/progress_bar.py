"""A progress bar for notebooks and scripts: a bar for each phase of work outside of trials, and one for the trials.

The commands have a live table instead. Try `with progress_bar("cells") as callback: run_sweep(…, callback)`.
"""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any

from sweepkit.driver.callback import SweepProgress
from sweepkit.trial.trial import Trial


class TqdmCallback:
    """Show a sweep as bars of tqdm: widgets in a notebook that has them, or else text on stderr."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None  # tqdm publishes no types
        self._phase: str | None = None

    def __enter__(self) -> TqdmCallback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def on_progress(self, phase: str, done: int, total: int) -> None:
        self._open(phase, total)
        self._bar.update(done - self._bar.n)

    def on_trial_start(self, trial: Trial, progress: SweepProgress) -> None:  # noqa: ARG002  # the counts say enough
        self._show(progress)

    def on_trial_report(self, trial: Trial, progress: SweepProgress) -> None:  # noqa: ARG002  # the counts say enough
        self._show(progress)

    def on_trial_end(self, trial: Trial, progress: SweepProgress) -> None:  # noqa: ARG002  # the counts say enough
        self._show(progress)

    def on_message(self, text: str) -> None:
        (self._bar or _tqdm()).write(text)

    def _show(self, progress: SweepProgress) -> None:
        self._open("trials", progress.n_target)
        best, ended = progress.best, sum(progress.n_ended.values())
        value = f", best {best.best_value:.4f} by trial {best.number}" if best and best.best_value is not None else ""
        self._bar.set_postfix_str(f"{progress.n_running} running{value}", refresh=False)
        self._bar.update(ended - self._bar.n)
        self._bar.refresh()

    def _open(self, phase: str, total: int) -> None:
        if phase != self._phase:
            self._close()
            self._bar, self._phase = _tqdm()(total=total or None, desc=f"{self._title}: {phase}"), phase

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._phase = None


def progress_bar(title: str) -> TqdmCallback:
    """Return a callback for a `with` block."""
    return TqdmCallback(title)


def _tqdm() -> Any:  # tqdm publishes no types
    with warnings.catch_warnings():
        # without ipywidgets a notebook gets bars of text, which needs no warning
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm

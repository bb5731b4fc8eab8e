"""The progress of a sweep: a live table in a terminal, plain lines in a file or a pipe."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sweepkit.config.schema import SweepConfig
from sweepkit.driver.callback import SweepProgress
from sweepkit.formatting import duration, params_line
from sweepkit.trial.trial import Trial, TrialState

if TYPE_CHECKING:
    from sweepkit.config.definition import SweepDefinition

_STATE_STYLES = {TrialState.COMPLETE: "green", TrialState.PRUNED: "yellow", TrialState.FAILED: "red"}
_LAST_ENDED = 5  # rows of the live table for trials that ended
_OTHER_LINES = 8  # of a terminal: title, header, frame, a summary of two lines, and the line of the cursor
_LINE_EVERY_S = 2.0  # phases before the first trial, in plain lines


def watcher(console: Console, definition: SweepDefinition, varied: Sequence[str]) -> LiveTable | PlainLines:
    """Return a live table for a terminal, plain lines for anything else; `varied` names the parameters to show."""
    kind = LiveTable if console.is_terminal else PlainLines
    return kind(console, definition.config, varied)


def varied_names(definition: SweepDefinition) -> list[str]:
    """Return the parameters that are not the same in all trials."""
    return [name for name, param in definition.space.parameters.items() if (param.values() or (0, 1))[1:]]


class PlainLines:
    """One line per event; a `SweepCallback` for files and pipes. `varied` names the parameters to show."""

    def __init__(self, console: Console, config: SweepConfig, varied: Sequence[str]) -> None:
        self._console, self._config, self._varied = console, config, varied
        self._next_line = 0.0
        self._notices = Notices(console)

    def __enter__(self) -> PlainLines:
        self._notices.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notices.__exit__(kind, error, trace)

    def on_progress(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now >= self._next_line:
            self._line(f"{phase}: {done} of {total}")
            self._next_line = now + _LINE_EVERY_S

    def on_trial_start(self, trial: Trial, progress: SweepProgress) -> None:  # noqa: ARG002  # the protocol's
        attempt = f" attempt {len(trial.failures) + 1}" if trial.failures else ""
        self._line(f"trial {trial.number}{attempt} started: {_params(trial, self._varied)}")

    def on_trial_report(self, trial: Trial, progress: SweepProgress) -> None:  # noqa: ARG002  # the protocol's
        self._line(f"trial {trial.number} epoch {trial.epoch}: {_latest(trial, self._config)}")

    def on_trial_end(self, trial: Trial, progress: SweepProgress) -> None:
        assert trial.state is not None, "a trial that ended has a state"
        self._line(
            f"trial {trial.number} epoch {trial.epoch}: {_latest(trial, self._config)}; "
            f"{trial.state.value}: {trial.reason}"
        )
        self._line(summary(progress, self._config))

    def on_message(self, text: str) -> None:
        self._line(text)

    def _line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


class LiveTable:
    """Running trials, the last ones that ended, counts, the leader and the time left; a `SweepCallback` for terminals.

    `varied` names the parameters to show.
    """

    def __init__(self, console: Console, config: SweepConfig, varied: Sequence[str]) -> None:
        self._config, self._varied = config, varied
        self._running: dict[int, Trial] = {}
        self._ended: list[Trial] = []
        self._progress: SweepProgress | None = None
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._phases = {self._bars.add_task("starting", total=None): "starting"}
        self._live = Live(self._bars, console=console, refresh_per_second=4, get_renderable=self._render)
        self._notices = Notices(console)

    def __enter__(self) -> LiveTable:
        self._notices.__enter__()
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._notices.__exit__(kind, error, trace)

    def on_progress(self, phase: str, done: int, total: int) -> None:
        task, latest = next(reversed(self._phases.items()))
        if phase != latest:
            if latest == "starting":
                self._bars.remove_task(task)
            task = self._bars.add_task(phase, total=total)
            self._phases[task] = phase
        self._bars.update(task, completed=done, total=total)

    def on_trial_start(self, trial: Trial, progress: SweepProgress) -> None:
        for task in self._bars.task_ids:
            self._bars.update(task, visible=False)  # phases before the trials; a final stage has more after them
        self._running[trial.number], self._progress = trial, progress

    def on_trial_report(self, trial: Trial, progress: SweepProgress) -> None:
        self._running[trial.number], self._progress = trial, progress

    def on_trial_end(self, trial: Trial, progress: SweepProgress) -> None:
        self._running.pop(trial.number, None)
        self._ended = [*self._ended, trial][-_LAST_ENDED:]
        self._progress = progress

    def on_message(self, text: str) -> None:
        # printed above the table, where it stays
        self._live.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _render(self) -> Group:
        if self._progress is None:
            return Group(self._bars)
        bars = [self._bars] if any(task.visible for task in self._bars.tasks) else []
        return Group(self._table(), Text(summary(self._progress, self._config)), *bars)

    def _table(self) -> Table:
        table = Table(title=f"{self._config.sweep}: {self._config.objective.metric} ({self._config.objective.mode})")
        for name in ("trial", "parameters", "epoch", "latest", "best", "state"):
            table.add_column(name, no_wrap=name not in ("parameters", "state"))
        # rich cuts what exceeds the terminal at the bottom, where running trials and the summary are
        n_rows = max(self._live.console.size.height - _OTHER_LINES, 1)
        running = list(self._running.values())[:n_rows]
        for trial in self._ended[max(len(self._ended) - n_rows + len(running), 0) :]:
            table.add_row(*_cells(trial, self._config, self._varied), style="dim")
        for trial in running:
            table.add_row(*_cells(trial, self._config, self._varied))
        return table


def summary(progress: SweepProgress, config: SweepConfig) -> str:
    """Format the progress of the sweep as one line."""
    counts = progress.n_ended
    done = sum(counts.values())
    parts = [
        f"{done} of {progress.n_target} trials ended",
        f"{counts[TrialState.COMPLETE]} complete, {counts[TrialState.PRUNED]} pruned, "
        f"{counts[TrialState.FAILED]} failed",
        f"{progress.n_running} running",
    ]
    if progress.best is not None and progress.best.best_value is not None:
        best = progress.best
        parts.append(
            f"best {config.objective.metric} {best.best_value:.4f} (trial {best.number}, epoch {best.best_epoch})"
        )
    parts.append(f"{duration(progress.elapsed_s)} elapsed")
    if progress.eta_s is not None and done < progress.n_target:
        parts.append(f"about {duration(progress.eta_s)} left")
    return " · ".join(parts)


def _cells(trial: Trial, config: SweepConfig, varied: Sequence[str]) -> tuple[str, Text, str, str, str, Text]:
    best = f"{trial.best_value:.4f}" if trial.best_value is not None else ""
    if trial.state is None:
        state = _one_line(f"running, attempt {len(trial.failures) + 1}" if trial.failures else "running")
    else:
        state = _one_line(f"{trial.state.value}: {trial.reason}", _STATE_STYLES[trial.state])
    epoch = f"{trial.epoch}/{config.stopping.max_epochs}"
    return str(trial.number), _one_line(_params(trial, varied)), epoch, _latest_value(trial, config), best, state


def _one_line(text: str, style: str = "") -> Text:
    """Return a cell that is cut where its column ends."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _params(trial: Trial, varied: Sequence[str]) -> str:
    return params_line({name: trial.params[name] for name in varied if name in trial.params})


def _latest(trial: Trial, config: SweepConfig) -> str:
    return f"{config.objective.metric} {_latest_value(trial, config) or 'was not reported'}"


def _latest_value(trial: Trial, config: SweepConfig) -> str:
    value = trial.reports[-1].metrics.get(config.objective.metric) if trial.reports else None
    return "" if value is None else f"{value:.4f}"


class Notices(logging.Handler):
    """Print warnings of sweepkit while entered: above a live table, between plain lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def __enter__(self) -> Notices:
        logging.getLogger("sweepkit").addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("sweepkit").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message without its traceback, which belongs in a log."""
        self._console.print(f"{record.levelname.lower()}: {record.getMessage()}", markup=False, soft_wrap=True)

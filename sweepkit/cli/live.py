"""A sweep as it runs: a live table in a terminal, plain lines where the output is a file or a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweepkit.config.definition import SweepDefinition

import logging
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sweepkit.cli.formats import duration, parameters
from sweepkit.config.schema import SweepConfig
from sweepkit.driver.observer import SweepProgress
from sweepkit.trial.trial import Trial, TrialState

_OUTCOME_STYLES = {TrialState.COMPLETE: "green", TrialState.PRUNED: "yellow", TrialState.FAILED: "red"}
_LAST_ENDED = 5
_LINE_EVERY_S = 2.0


class PlainLines:
    """One line for each thing that happens; an `Observer` for logs and pipes. `varied` names the parameters to show."""

    def __init__(self, console: Console, spec: SweepConfig, varied: Sequence[str]) -> None:
        self._console, self._spec, self._varied = console, spec, varied
        self._next_line = 0.0
        self._notices = Notices(console)

    def __enter__(self) -> PlainLines:
        self._notices.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notices.__exit__(kind, error, trace)

    def progress(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now >= self._next_line:
            self._line(f"{phase}: {done} of {total}")
            self._next_line = now + _LINE_EVERY_S

    def started(self, record: Trial, standing: SweepProgress) -> None:  # noqa: ARG002  # the protocol's
        attempt = f" attempt {len(record.faults) + 1}" if record.faults else ""
        self._line(f"trial {record.number}{attempt} starts: {_shown(record, self._varied)}")

    def reported(self, record: Trial, standing: SweepProgress) -> None:  # noqa: ARG002  # the protocol's
        self._line(f"trial {record.number} epoch {record.epoch}: {_latest(record, self._spec)}")

    def ended(self, record: Trial, standing: SweepProgress) -> None:
        assert record.outcome is not None, "it has ended"
        self._line(
            f"trial {record.number} epoch {record.epoch}: {_latest(record, self._spec)}; "
            f"{record.outcome.value}: {record.reason}"
        )
        self._line(summary(standing, self._spec))

    def remarked(self, text: str) -> None:
        self._line(text)

    def _line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


class LiveTable:
    """Running trials, the last that ended, counts, the leader and the time left; an `Observer` for terminals.

    `varied` names the parameters to show.
    """

    def __init__(self, console: Console, spec: SweepConfig, varied: Sequence[str]) -> None:
        self._spec, self._varied = spec, varied
        self._running: dict[int, Trial] = {}
        self._ended: list[Trial] = []
        self._standing: SweepProgress | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._phases = {self._progress.add_task("starting", total=None): "starting"}
        self._live = Live(self._progress, console=console, refresh_per_second=4, get_renderable=self._render)
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

    def progress(self, phase: str, done: int, total: int) -> None:
        task, known = next(reversed(self._phases.items()))
        if phase != known:
            if known == "starting":
                self._progress.remove_task(task)
            task = self._progress.add_task(phase, total=total)
            self._phases[task] = phase
        self._progress.update(task, completed=done, total=total)

    def started(self, record: Trial, standing: SweepProgress) -> None:
        self._running[record.number], self._standing = record, standing

    def reported(self, record: Trial, standing: SweepProgress) -> None:
        self._running[record.number], self._standing = record, standing

    def ended(self, record: Trial, standing: SweepProgress) -> None:
        self._running.pop(record.number, None)
        self._ended = [*self._ended, record][-_LAST_ENDED:]
        self._standing = standing

    def remarked(self, text: str) -> None:
        # above the table, where it stays
        self._live.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _render(self) -> Group:
        if self._standing is None:
            return Group(self._progress)
        return Group(self._table(), Text(summary(self._standing, self._spec)))

    def _table(self) -> Table:
        table = Table(title=f"{self._spec.sweep}: {self._spec.objective.metric} ({self._spec.objective.mode})")
        for name in ("trial", "parameters", "epoch", "latest", "best", "state"):
            table.add_column(name, overflow="fold", ratio=3 if name == "parameters" else None)
        for record in self._ended:
            table.add_row(*_cells(record, self._spec, self._varied), style="dim")
        for record in self._running.values():
            table.add_row(*_cells(record, self._spec, self._varied))
        return table


def summary(standing: SweepProgress, spec: SweepConfig) -> str:
    """Say in one line how far the sweep is."""
    counts = standing.n_ended
    done = sum(counts.values())
    parts = [
        f"{done} of {standing.n_target} trials ended",
        f"{counts[TrialState.COMPLETE]} complete, {counts[TrialState.PRUNED]} stopped early, {counts[TrialState.FAILED]} failed",
        f"{standing.n_running} running",
    ]
    if standing.best is not None and standing.best.best_value is not None:
        best = standing.best
        parts.append(
            f"best {spec.objective.metric} {best.best_value:.4f} (trial {best.number}, epoch {best.best_epoch})"
        )
    parts.append(f"{duration(standing.elapsed_s)} elapsed")
    if standing.eta_s is not None:
        parts.append(f"about {duration(standing.eta_s)} left")
    return " · ".join(parts)


def _cells(record: Trial, spec: SweepConfig, varied: Sequence[str]) -> tuple[str, str, str, str, str, Text]:
    best = f"{record.best_value:.4f}" if record.best_value is not None else ""
    if record.outcome is None:
        state = Text(f"running, attempt {len(record.faults) + 1}" if record.faults else "running")
    else:
        state = Text(f"{record.outcome.value}: {record.reason}", style=_OUTCOME_STYLES[record.outcome])
    epoch = f"{record.epoch}/{spec.stopping.max_epochs}"
    return str(record.number), _shown(record, varied), epoch, _latest_value(record, spec), best, state


def _shown(record: Trial, varied: Sequence[str]) -> str:
    return parameters({name: record.point[name] for name in varied if name in record.point})


def _latest(record: Trial, spec: SweepConfig) -> str:
    return f"{spec.objective.metric} {_latest_value(record, spec) or 'was not reported'}"


def _latest_value(record: Trial, spec: SweepConfig) -> str:
    value = record.reports[-1].metrics.get(spec.objective.metric) if record.reports else None
    return "" if value is None else f"{value:.4f}"


class Notices(logging.Handler):
    """Prints warnings of sweepkit's own while it is entered; above a live table, between plain lines."""

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
        """Print the message alone: a traceback belongs into a log."""
        self._console.print(f"{record.levelname.lower()}: {record.getMessage()}", markup=False, soft_wrap=True)


def varied_names(problem: SweepDefinition) -> list[str]:
    """Return the parameters that are not the same in all trials."""
    return [name for name, param in problem.space.params.items() if (param.values() or (0, 1))[1:]]


def watcher(console: Console, problem: SweepDefinition, varied: Sequence[str]) -> LiveTable | PlainLines:
    """Return a live table for a terminal, plain lines for anything else; `varied` names the parameters to show."""
    from sweepkit.cli.live import LiveTable, PlainLines

    kind = LiveTable if console.is_terminal else PlainLines
    return kind(console, problem.spec, varied)

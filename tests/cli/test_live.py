"""The progress of a sweep as it is printed."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

import pytest
from rich.console import Console

from sweepkit.cli.live import LiveTable, PlainLines, summary
from sweepkit.config.schema import SweepConfig
from sweepkit.driver.callback import SweepProgress
from sweepkit.trial.failure import Failure
from sweepkit.trial.trial import Report, Trial, TrialState

CONFIG = SweepConfig.model_validate(
    {"sweep": "cells", "package": "toy", "objective": {"metric": "score", "mode": "max"}, "stopping": {"max_epochs": 9}}
)
VARIED = ["cell", "rate", "units"]
RUNNING = Trial(
    1, {"cell": "gru", "rate": 0.00123, "layers": 1}, (Report(1, {"score": 0.8}, 0.0),), best_value=0.8, best_epoch=1
)
ENDED = Trial(
    0,
    {"cell": "lstm", "rate": 0.1},
    (Report(1, {"score": 0.7}, 0.0),),
    state=TrialState.PRUNED,
    reason="rung at epoch 1: score 0.7000 is not among the best 1/3 of 4 trials (needed 0.8000)",
    best_value=0.7,
    best_epoch=1,
)
PROGRESS = SweepProgress(
    n_target=48,
    n_running=1,
    n_ended={TrialState.COMPLETE: 2, TrialState.PRUNED: 3, TrialState.FAILED: 1},
    best=RUNNING,
    elapsed_s=3725.0,
    eta_s=95.0,
)


def test_the_summary_has_counts_the_leader_and_the_time_left() -> None:
    assert summary(PROGRESS, CONFIG) == (
        "6 of 48 trials ended · 2 complete, 3 pruned, 1 failed · 1 running · "
        "best score 0.8000 (trial 1, epoch 1) · 1 h 02 min elapsed · about 1 min 35 s left"
    )


def test_plain_lines_say_each_thing_once() -> None:
    out = io.StringIO()
    with PlainLines(Console(file=out, width=60), CONFIG, VARIED) as lines:
        lines.on_progress("cutting texts", 1, 2)
        lines.on_progress("cutting texts", 2, 2)
        lines.on_trial_start(RUNNING, PROGRESS)
        lines.on_trial_report(RUNNING, PROGRESS)
        lines.on_trial_end(ENDED, PROGRESS)
    assert out.getvalue().splitlines() == [
        "cutting texts: 1 of 2",
        "cutting texts: 2 of 2",
        "trial 1 started: cell=gru rate=0.00123",
        "trial 1 epoch 1: score 0.8000",
        "trial 0 epoch 1: score 0.7000; pruned: rung at epoch 1: score 0.7000 is not among the best 1/3 of 4 trials "
        "(needed 0.8000)",
        summary(PROGRESS, CONFIG),
    ]


def test_the_live_table_shows_running_and_ended_trials() -> None:
    out = io.StringIO()
    with LiveTable(Console(file=out, width=140, force_terminal=True, color_system=None), CONFIG, VARIED) as table:
        table.on_progress("cutting texts", 1, 2)
        table.on_trial_start(RUNNING, PROGRESS)
        table.on_trial_report(RUNNING, PROGRESS)
        table.on_trial_end(ENDED, PROGRESS)
    shown = out.getvalue()
    for text in ("cells: score (max)", "cell=gru rate=0.00123", "1/9", "running", "pruned: rung at epoch 1", "6 of 48"):
        assert text in shown, text


RETRIED = replace(RUNNING, failures=(Failure(1, "OSError: once", counts=True, timestamp=0.0),))


def test_plain_lines_say_which_attempt_starts_and_what_ended_the_one_before() -> None:
    out = io.StringIO()
    with PlainLines(Console(file=out, width=60), CONFIG, VARIED) as lines:
        lines.on_message("trial 1 attempt 1: OSError: [Errno 5] once; attempt 2 resumes after epoch 1")
        lines.on_trial_start(RETRIED, PROGRESS)
    assert out.getvalue().splitlines() == [
        "trial 1 attempt 1: OSError: [Errno 5] once; attempt 2 resumes after epoch 1",
        "trial 1 attempt 2 started: cell=gru rate=0.00123",
    ]


def test_the_live_table_keeps_remarks_above_it_and_counts_attempts() -> None:
    out = io.StringIO()
    with LiveTable(Console(file=out, width=140, force_terminal=True, color_system=None), CONFIG, VARIED) as table:
        table.on_message("trial 1 attempt 1: OSError: once; attempt 2 resumes after epoch 1")
        table.on_trial_start(RETRIED, PROGRESS)
    assert "trial 1 attempt 1: OSError: once" in out.getvalue()
    assert "running, attempt 2" in out.getvalue()


def test_a_trial_whose_objective_never_came_is_shown_too() -> None:
    out = io.StringIO()
    bare = Trial(2, {}, (Report(1, {"loss": 1.0}, 0.0),), state=TrialState.FAILED, reason="metric …")
    PlainLines(Console(file=out, width=200), CONFIG, VARIED).on_trial_end(bare, PROGRESS)
    assert "trial 2 epoch 1: score was not reported; failed: metric …" in out.getvalue()


@pytest.mark.parametrize("kind", [PlainLines, LiveTable])
def test_warnings_of_the_driver_are_lines_while_a_sweep_is_shown(kind: type[PlainLines | LiveTable]) -> None:
    out = io.StringIO()
    logger = logging.getLogger("sweepkit.tracking.queue")
    with kind(Console(file=out, width=60, force_terminal=kind is LiveTable, color_system=None), CONFIG, VARIED):
        logger.info("nobody needs to know")
        logger.warning("tracking store %s is unreachable; updates are queued until it answers", "http://[a]")
    logger.warning("too late")
    line = "warning: tracking store http://[a] is unreachable; updates are queued until it answers"
    assert line in out.getvalue().replace("\n", "")
    assert "nobody needs" not in out.getvalue()
    assert "too late" not in out.getvalue()


def test_a_low_terminal_has_room_for_running_trials_first_and_for_the_summary() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, height=12, force_terminal=True, color_system=None)
    with LiveTable(console, CONFIG, VARIED) as table:
        for number in range(5):
            table.on_trial_end(replace(ENDED, number=number), PROGRESS)
        for number in range(5, 8):
            table.on_trial_start(replace(RUNNING, number=number), PROGRESS)
    last = out.getvalue().rpartition("cells: score (max)")[2].splitlines()
    assert [line.split()[1] for line in last if line.startswith("│")] == ["4", "5", "6", "7"]
    assert any("pruned: rung" in line and "…" in line for line in last), "a long reason is cut, not wrapped"
    assert any("6 of 48 trials ended" in line for line in last)


def test_the_summary_has_no_time_left_after_the_last_trial() -> None:
    done = replace(PROGRESS, n_target=6, eta_s=0.0)
    assert summary(done, CONFIG).endswith("1 h 02 min elapsed")


def test_phases_after_the_trials_are_shown_below_the_table() -> None:
    out = io.StringIO()
    with LiveTable(Console(file=out, width=80, force_terminal=True, color_system=None), CONFIG, VARIED) as table:
        table.on_progress("writing records", 3, 3)
        table.on_trial_start(RUNNING, PROGRESS)
        table.on_trial_end(replace(RUNNING, state=TrialState.COMPLETE, reason="ran all 9 epochs"), PROGRESS)
        table.on_progress("predicting validation", 1, 4)
    last = out.getvalue().rpartition("cells: score (max)")[2]
    assert "predicting validation" in last.rpartition("trials ended")[2]
    assert "writing records" not in last

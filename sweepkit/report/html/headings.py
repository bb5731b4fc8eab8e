"""The title of every section of the page, and the caption that says how to read it."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.report.html.blocks import Block, Section, Text

_HEADINGS = {
    "headline": (
        "Summary",
        "All figures are from the validation split unless they are marked as test. The best result of many trials is "
        "optimistic; the final stage, which trains the best trials again with fresh seeds, corrects for that.",
    ),
    "leaderboard": (
        "Leaderboard",
        "Trials ranked by their best epoch, not their last; pruned trials are included. Only parameters that differ "
        "between trials have a column. An empty cell means that the trial does not use the parameter. Click a column "
        "header to sort.",
    ),
    "curves": (
        "Learning curves",
        "One line per trial. The marker at its end shows how the trial ended; hover over it for the reason. Trials "
        "that ended early saved their remaining epochs. Click a legend entry to hide its trials.",
    ),
    "parallel": (
        "Parallel coordinates",
        "One line per trial, from parameter to parameter to the objective on the right; darker is better. Drag along "
        "an axis to select the trials that cross it there; click the axis to clear the selection. Trials that do not "
        "use a parameter cross its axis at “not used”.",
    ),
    "importance": (
        "Parameter importance",
        "Share of the objective's variation that each parameter explains by itself; interactions and noise make up the "
        "rest. Computed from the best value of every ranked trial, pruned trials included. Whiskers show the spread "
        "when the trials are resampled; where they overlap, the order means nothing. Pale bars are conditional "
        "parameters, computed from the trials that use them.",
    ),
    "slices": (
        "Objective by parameter",
        "One marker per trial, at the parameter's value and the trial's best objective. Colours and shapes are those "
        "of the learning curves; short black lines are medians. Pruned trials had fewer epochs to improve.",
    ),
    "choices": (
        "Choices at equal cost",
        "The search spends more epochs on values that do well, so the best objective alone favours values that were "
        "tried most. The lines show the best objective so far against the epochs spent; compare them at the dashed "
        "line, the largest cost that every value reached.",
    ),
    "costs": (
        "Objective by cost",
        "One marker per trial. Ringed trials form the Pareto front: no trial is better at the same cost or less. A "
        "smaller model close to the line may be the better choice.",
    ),
    "workers": (
        "Workers over time",
        "One row per worker, one bar per trial, coloured by how the trial ended; gaps are idle time. The journal does "
        "not record workers: trials are packed onto as few rows as possible.",
    ),
    "data": (
        "Data",
        "The prepared data that the trials read.",
    ),
    "errors": (
        "Errors of the winner",
        "Errors of the winner's best run on the validation split.",
    ),
    "origin": ("Provenance", "Everything that is needed to reproduce these results."),
}


def section(anchor: str, blocks: Sequence[Block] | str, caption: str | None = None) -> Section:
    """Build a section of these blocks, or of one sentence that gives the reason why there are none.

    `caption` replaces the usual caption where it depends on the sweep's task.
    """
    title, usual = _HEADINGS[anchor]
    return Section(anchor, title, caption or usual, [Text(blocks, "quiet")] if isinstance(blocks, str) else blocks)

"""The headings of the page's sections, and how to read each, in the words of whoever ran the sweep."""

from __future__ import annotations

from collections.abc import Sequence

from sweepkit.report.html.blocks import Block, Section, Text

_WORDS = {
    "headline": (
        "In short",
        "Figures are of validation unless they say test. The best of many trials flatters; the final stage, with fresh "
        "seeds, does not.",
    ),
    "leaderboard": (
        "Leaderboard",
        "Trials by their best epoch, not their last; a trial that was stopped early takes part. Only parameters that "
        "differ are columns, and an empty cell is a parameter that the trial does not use. A click on a column's name "
        "sorts.",
    ),
    "curves": (
        "Learning curves",
        "Each line is a trial; the mark at its end says how it ended, and pointing at it says why. Lines that end "
        "early are what stopping saved. A click on a name in the legend hides its trials.",
    ),
    "parallel": (
        "All parameters at once",
        "Each line is a trial, from parameter to parameter to the objective on the right; darker is better. Drag along "
        "an axis to keep only the trials that pass there, click on it to let all pass. A trial that does not use a "
        "parameter passes at “not used”.",
    ),
    "importance": (
        "Which parameters matter",
        "How much of the difference between trials each parameter explains by itself; what is missing to 100 % is "
        "interplay and chance. All ranked trials count with their best value, stopped ones too. The whiskers show how "
        "far a figure moves when the trials are drawn anew; where they overlap, the order says nothing. Pale bars are "
        "parameters that only some trials use, computed among these.",
    ),
    "slices": (
        "One parameter at a time",
        "Each mark is a trial, at its value of one parameter and its best objective; the colour says how it ended, as "
        "above. The short black lines are medians. Trials that were stopped had fewer epochs to get better.",
    ),
    "choices": (
        "Choices at equal cost",
        "The search spends more on what does well, so the plain best favours what was tried most. These lines show the "
        "best objective so far by what was spent; compare them at the dashed line, the largest cost that all values "
        "reached.",
    ),
    "costs": (
        "What it costs",
        "Each mark is a trial: what it cost against what it reached. Ringed trials are beaten by none that costs as "
        "much or less; a smaller model close to the line may be the better bargain.",
    ),
    "workers": (
        "Workers over time",
        "Each row is a worker, each bar a trial on it, coloured by how it ended; gaps are idle time. Workers are not "
        "recorded: trials are packed onto as few rows as can have been there.",
    ),
    "data": (
        "Data",
        "What the trials read.",
    ),
    "errors": (
        "What the winner gets wrong",
        "Errors of the winner's best run on the validation split.",
    ),
    "origin": ("Where it comes from", "What it takes to get these results again."),
}


def section(anchor: str, blocks: Sequence[Block] | str, how: str | None = None) -> Section:
    """Build a section of these blocks; a text instead of blocks says why there is nothing.

    `how` says how to read it, where that depends on the sweep's task.
    """
    title, usual = _WORDS[anchor]
    return Section(anchor, title, how or usual, [Text(blocks, "quiet")] if isinstance(blocks, str) else blocks)

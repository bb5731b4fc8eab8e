"""What the page says of the final stage: the ranking, what of it may be noise, and every look at the test split."""

from __future__ import annotations

from sweepkit.formatting import count, interval, metric_words, number, params_list
from sweepkit.report.data import ReportData
from sweepkit.report.html.blocks import Block, Plot, Table, Text
from sweepkit.report.html.charts.trials import candidates
from sweepkit.results.final_result import CLEAR, Comparison, FinalResult, HeldOutEvaluation

_VERSUS = ("winner against", "accuracy more by", "95 % interval", "only the winner right", "only the other right",
           "McNemar p", "so")  # fmt: skip
_LOOKS = ("look at the test split", "when", "candidate", "texts", "accuracy", "95 % interval", "log loss")


def final_stage(findings: ReportData) -> list[Block]:
    """Return the blocks of the final stage, or how to get one."""
    result = findings.final
    if result is None:
        command = f"`python -m sweepkit final {findings.source}`"
        said = f"No final stage yet: {command} trains the leaders again and looks at the test split once."
        return [Text(said, "quiet")]
    blocks: list[Block] = [Text(verdict(result), "loud"), Plot(candidates(result), "candidates with their intervals")]
    blocks.append(_ranking(result))
    if result.comparisons:
        blocks.append(Table(_VERSUS, [_compared(one) for one in result.comparisons], frozenset({0, 6})))
    if result.looks:
        looks = [_look(look, len(result.looks)) for look in result.looks]
        blocks.append(Table(_LOOKS, looks, frozenset({0, 1, 2})))
    else:
        blocks.append(Text("The test split has not been looked at.", "quiet"))
    return blocks


def verdict(result: FinalResult) -> str:
    """Say who wins, whether that may be noise, and what the test split said."""
    winner, runs = result.winner, count(len(result.winner.values), "run")
    said = f"Final stage: {winner.name} wins with a mean of {number(result.winner_mean)} over {runs} from fresh seeds."
    baselines = {candidate.name for candidate in result.candidates if candidate.is_baseline}
    if result.is_in_doubt:
        said += " Its first place is in doubt: the difference to the next may be noise."
    elif any(one.verdict == CLEAR and one.other not in baselines for one in result.comparisons):
        said += " The difference to the next is larger than noise."
    noisy = [one.other for one in result.comparisons if one.verdict != CLEAR and one.other in baselines]
    if noisy:
        said += f" Its lead over the baseline {', '.join(noisy)} may be noise."
    look = result.look
    if look and look.accuracy is not None:
        ends = f" ({interval(look.interval)})" if look.interval else ""
        said += f" On the test split it has an accuracy of {number(look.accuracy)}{ends}"
        said += f"; {count(len(result.looks), 'look')} at it so far."
    return said


def _ranking(result: FinalResult) -> Table:
    head = ("place", "candidate", f"mean {metric_words(result.metric)}", "95 % interval", "runs", "parameters")
    rows, place = [], 0
    for one in result.candidates:
        place += not one.is_baseline
        shown = "baseline" if one.is_baseline else str(place)
        runs = " ".join(number(run) for run in one.values) or f"has no {metric_words(result.metric)}"
        rows.append((shown, one.name, number(one.mean), interval(one.interval), runs, params_list(one.params)))
    return Table(head, rows, frozenset({0, 1, 4, 5}))


def _compared(one: Comparison) -> tuple[str, ...]:
    ends = f"{one.interval.low:+.4f} to {one.interval.high:+.4f}"
    only = (f"{one.only_winner:,}", f"{one.only_other:,}")
    return (one.other, f"{one.difference:+.4f}", ends, *only, f"{one.p_value:.2g}", one.verdict)


def _look(look: HeldOutEvaluation, n: int) -> tuple[str, ...]:
    measured = "begun, not finished" if look.accuracy is None else number(look.accuracy)
    when = look.at[:16].replace("T", " ")
    start = (f"{look.number} of {n}", when, look.candidate, f"{look.rows:,}")
    return (*start, measured, interval(look.interval), number(look.loss))

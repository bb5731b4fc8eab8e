"""The blocks on the final stage: ranking, comparisons with the winner, evaluations on the test split."""

from __future__ import annotations

from sweepkit.formatting import count, interval, metric_words, number, params_list
from sweepkit.report.data import yaml_of
from sweepkit.report.html.blocks import Block, Plot, Table, Text
from sweepkit.report.html.charts.trials import candidates
from sweepkit.results.final_result import CLEAR, Comparison, FinalResult, HeldOutEvaluation
from sweepkit.results.sweep import Sweep

_COMPARISON = ("winner against", "accuracy difference", "95 % interval", "only the winner correct",
               "only the other correct", "McNemar p", "verdict")  # fmt: skip
_EVALUATION = ("test evaluation", "time", "candidate", "texts", "accuracy", "95 % interval", "log loss")


def final_stage(sweep: Sweep) -> list[Block]:
    """Return the blocks of the final stage, or one with the command that runs it."""
    result = sweep.final
    if result is None:
        command = f"`python -m sweepkit final {yaml_of(sweep)}`"
        purpose = "trains the best trials again with fresh seeds and evaluates the winner once on the test split"
        return [Text(f"No final stage yet: {command} {purpose}.", "quiet")]
    blocks: list[Block] = [Text(verdict(result), "loud"), Plot(candidates(result), "candidates with their intervals")]
    blocks.append(_ranking(result))
    if result.comparisons:
        blocks.append(Table(_COMPARISON, [_comparison(one) for one in result.comparisons], frozenset({0, 6})))
    if result.looks:
        rows = [_evaluation(one, len(result.looks)) for one in result.looks]
        blocks.append(Table(_EVALUATION, rows, frozenset({0, 1, 2})))
    else:
        blocks.append(Text("No candidate has been evaluated on the test split.", "quiet"))
    return blocks


def verdict(result: FinalResult) -> str:
    """Summarize who wins, whether that may be noise, and the accuracy on the test split."""
    winner, runs = result.winner, count(len(result.winner.values), "run")
    text = f"Final stage: {winner.name} wins with a mean of {number(result.winner_mean)} over {runs} with fresh seeds."
    return text + _doubts(result) + _test_accuracy(result)


def _doubts(result: FinalResult) -> str:
    baselines = {candidate.name for candidate in result.candidates if candidate.is_baseline}
    text = ""
    if result.is_in_doubt:
        text = " First place is in doubt: the difference to the runner-up may be noise."
    elif any(one.verdict == CLEAR and one.other not in baselines for one in result.comparisons):
        text = " The difference to the runner-up is larger than noise."
    noisy = [one.other for one in result.comparisons if one.verdict != CLEAR and one.other in baselines]
    if noisy:
        text += f" The lead over the baseline {', '.join(noisy)} may be noise."
    return text


def _test_accuracy(result: FinalResult) -> str:
    evaluation = result.look
    if evaluation is None or evaluation.accuracy is None:
        return ""
    ends = f" ({interval(evaluation.interval)})" if evaluation.interval else ""
    evaluations = count(len(result.looks), "test evaluation")
    return f" Its accuracy on the test split is {number(evaluation.accuracy)}{ends}; {evaluations} so far."


def _ranking(result: FinalResult) -> Table:
    head = ("place", "candidate", f"mean {metric_words(result.metric)}", "95 % interval", "runs", "parameters")
    rows, place = [], 0
    for candidate in result.candidates:
        place += not candidate.is_baseline
        rank = "baseline" if candidate.is_baseline else str(place)
        runs = " ".join(number(run) for run in candidate.values) or f"has no {metric_words(result.metric)}"
        ends, params = interval(candidate.interval), params_list(candidate.params)
        rows.append((rank, candidate.name, number(candidate.mean), ends, runs, params))
    return Table(head, rows, frozenset({0, 1, 4, 5}))


def _comparison(one: Comparison) -> tuple[str, ...]:
    ends = f"{one.interval.low:+.4f} to {one.interval.high:+.4f}"
    only = (f"{one.only_winner:,}", f"{one.only_other:,}")
    return (one.other, f"{one.difference:+.4f}", ends, *only, f"{one.p_value:.2g}", one.verdict)


def _evaluation(one: HeldOutEvaluation, n_evaluations: int) -> tuple[str, ...]:
    accuracy = "started, not finished" if one.accuracy is None else number(one.accuracy)
    time = one.at[:16].replace("T", " ")
    start = (f"{one.number} of {n_evaluations}", time, one.candidate, f"{one.rows:,}")
    return (*start, accuracy, interval(one.interval), number(one.loss))

"""The sentences of page and picture: what is shown, of which model, and its prediction."""

from __future__ import annotations

from sweepkit.tasks.text.explain.explanation import Explanation, Heat
from sweepkit.tasks.text.explain.prefixes import Turn
from sweepkit.tasks.text.explain.tokens import plain

NO_HEAT = "This model has no recurrent layer, so it has no states to show; below is its prediction after each token."
NO_TURNS = "No token changes the prediction by two percentage points or more."

_RUNNING = "The model's prediction if the text ended after each token."
_TURNS = "The tokens that change it most are labelled with the change in percentage points."


def prediction(explanation: Explanation) -> str:
    """Return the predicted label with its probability."""
    return f"{label(explanation, explanation.label)}, {percent(explanation.probability)}"


def model(explanation: Explanation) -> str:
    """Return the model's trial and parameters."""
    manifest = explanation.manifest
    parameters = " ".join(f"{name}={_number(value)}" for name, value in manifest.params.items())
    return f"sweep {manifest.sweep}, trial {manifest.trial}, epoch {manifest.epoch}: {parameters}"


def cut(explanation: Explanation) -> str | None:
    """Describe which part of the text is read; None if all of it is."""
    if explanation.n_total <= len(explanation.tokens):
        return None
    side = "last" if explanation.manifest.text.keep == "tail" else "first"
    return (
        f"The text has {explanation.n_total} tokens; the model reads only the {side} {len(explanation.tokens)}, and "
        "only these are shown."
    )


def quantity(heat: Heat) -> str:
    """Return the name of the quantity that the heat map shows."""
    return f"tanh(c), the memory of the {heat.cell}" if heat.has_memory else f"h, the state of the {heat.cell}"


def heat_map(heat: Heat) -> str:
    """Explain the heat map."""
    is_backward = heat.direction == "backward"
    order = " The layer reads the text from its end; columns are in the order of the text." if is_backward else ""
    return (
        f"State of recurrent layer {heat.layer} ({heat.direction}) after each token: one column for each token, one "
        f"row for each unit. {_which_units(heat)} The colour is {quantity(heat)}: from blue (−1) through light grey "
        f"(0) to orange (1).{order}"
    )


def coloured_text(heat: Heat) -> str:
    """Explain the coloured text."""
    symbol = "tanh(c)" if heat.has_memory else "h"
    return (
        "The text as the model reads it. The colour of a token is the activation of one unit after it: the unit's row "
        f"above, rescaled to the range 0 to 1 as ({symbol} + 1) / 2. The unit reacts to the tokens at which the colour "
        "changes."
    )


def running(explanation: Explanation) -> str:
    """Explain the running prediction, and name the token from which it is final."""
    return f"{_RUNNING} {_TURNS if explanation.turns else NO_TURNS} {settles(explanation)}"


def settles(explanation: Explanation) -> str:
    """Name the token from which the predicted label no longer changes."""
    name = label(explanation, explanation.label)
    if not explanation.settled:
        return f"The prediction is {name} from the beginning on."
    word = explanation.settled - 1
    return f"The prediction is {name} from token {word + 1} on, “{plain(explanation.tokens[word])}”."


def turn(explanation: Explanation, turn: Turn) -> str:
    """Return the change at a turning token: "+41 for negative"."""
    return f"+{100 * turn.gain:.0f} for {label(explanation, turn.label)}"


def label(explanation: Explanation, index: int) -> str:
    return plain(explanation.manifest.label_names[index])


def percent(probability: float) -> str:
    """Format a probability, as 100 % only if it is 1."""
    if 0.995 <= probability < 1:
        return f"{min(100 * probability, 99.99):.2f} %"
    return f"{100 * probability:.0f} %"


def _which_units(heat: Heat) -> str:
    if not heat.by_variance:
        return f"Of {heat.n_units} units, the {len(heat.units)} selected ones are shown."
    if len(heat.units) == heat.n_units:
        return "All units are shown, by decreasing variance over this text."
    n_shown = len(heat.units)
    return f"Of {heat.n_units} units, the {n_shown} that vary most over this text are shown, by decreasing variance."


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

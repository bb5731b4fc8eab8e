"""The sentences of page and picture: what is shown, of which model, and what it says, in a user's words."""

from __future__ import annotations

from sweepkit.tasks.text.explain.explanation import Explanation, Heat
from sweepkit.tasks.text.explain.prefixes import Turn
from sweepkit.tasks.text.explain.tokens import plain

NO_HEAT = (
    "This model has no recurrent layer, so there is no state to draw token by token; what follows is how its "
    "prediction moves."
)

_RUNNING = "What the model would say if the text ended after each token."
_TURNS = "The tokens that change its mind most are named, with what they change in percentage points."
NO_TURNS = "No token changes the prediction by two percentage points or more."


def verdict(found: Explanation) -> str:
    """Say what the model makes of the text."""
    return f"{label(found, found.label)}, {percent(found.probability)}"


def model(found: Explanation) -> str:
    """Name the model and its parameters."""
    facts = found.facts
    parameters = " ".join(f"{name}={_number(value)}" for name, value in facts.params.items())
    return f"sweep {facts.sweep}, trial {facts.trial}, epoch {facts.epoch}: {parameters}"


def cut(found: Explanation) -> str | None:
    """Say which part of the text is read, if it is not all of it."""
    if found.n_total <= len(found.tokens):
        return None
    side = "last" if found.facts.text.keep == "tail" else "first"
    return (
        f"The text has {found.n_total} tokens; the model reads only the {side} {len(found.tokens)} of them, "
        "and only these are drawn."
    )


def remembered(heat: Heat) -> str:
    """Name the quantity that the heat map shows."""
    return f"tanh(c), the memory of the {heat.cell}" if heat.has_memory else f"h, the state of the {heat.cell}"


def heat_map(heat: Heat) -> str:
    """Explain the heat map."""
    turned = " It reads from the end to the beginning and is drawn in the order of the text." if _backward(heat) else ""
    return (
        f"What recurrent layer {heat.layer} ({heat.direction}) remembers after each token: a column for each token, "
        f"a row for each unit. {_which_units(heat)} The colour is {remembered(heat)}: blue towards −1, light grey "
        f"at 0, orange towards 1.{turned}"
    )


def coloured_text(heat: Heat) -> str:
    """Explain the coloured text."""
    quantity = "tanh(c)" if heat.has_memory else "h"
    return (
        "The text as the model reads it, each token on the colour of one unit's activation after it, which is the "
        f"unit's row above brought to the range 0 to 1: ({quantity} + 1) / 2. Watch where the colour flips: "
        "that is what the unit reacts to."
    )


def running(found: Explanation) -> str:
    """Explain the running prediction, and say where it turns to the verdict."""
    return f"{_RUNNING} {_TURNS if found.turns else NO_TURNS} {settles(found)}"


def settles(found: Explanation) -> str:
    """Say from where on the verdict is the final one."""
    name = label(found, found.label)
    if not found.settled:
        return f"The verdict is {name} from the beginning on."
    word = found.settled - 1
    return f"The verdict is {name} from token {word + 1} on, “{plain(found.tokens[word])}”."


def turn(found: Explanation, turn: Turn) -> str:
    """Say what a turning token changes: "+41 for negative"."""
    return f"+{100 * turn.gain:.0f} for {label(found, turn.label)}"


def label(found: Explanation, index: int) -> str:
    return plain(found.facts.label_names[index])


def percent(probability: float) -> str:
    """Say a probability so that 100 % is said of certainty only."""
    if 0.995 <= probability < 1:
        return f"{min(100 * probability, 99.99):.2f} %"
    return f"{100 * probability:.0f} %"


def _which_units(heat: Heat) -> str:
    if not heat.by_variance:
        return f"Shown are {len(heat.units)} of {heat.n_units} units, as they were asked for."
    if len(heat.units) == heat.n_units:
        return "Shown are all units, the most varying over this text on top."
    shown = f"the {len(heat.units)} of {heat.n_units} units that vary most over this text"
    return f"Shown are {shown}, the most varying on top."


def _backward(heat: Heat) -> bool:
    return heat.direction == "backward"


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

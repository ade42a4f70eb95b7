"""Compare two places that state the same fact, and build the finding."""

import math
from typing import Any

from reprise.base import untrusted_text
from reprise.proof.outcome import Finding, Match

ROUNDING = 1e-12
"""The tolerance for a number that went through a store. Databases and CSV may round the last bit."""

LARGEST = 1.7976931348623157e308
"""The value of MLflow's databases for an infinite number."""


def same(one: Any, other: Any) -> bool:
    """Return whether two texts or numbers mean the same: `1` and `1.0` do, and two that are not numbers."""
    if one == other:
        return True
    try:
        first, second = _stored(float(one)), _stored(float(other))
    except (TypeError, ValueError):
        return False
    return (math.isnan(first) and math.isnan(second)) or math.isclose(first, second, rel_tol=ROUNDING, abs_tol=0)


def same_option(one: str, other: str) -> bool:
    """Return whether two texts mean the same value of an option: `no` and `False` do, and two spellings of one list."""
    if same(one, other) or (one.lower() == other.lower() == "none"):
        return True
    truths = [_TRUTHS.get(text.lower()) for text in (one, other)]
    if None not in truths:
        return truths[0] == truths[1]
    try:
        return bool(untrusted_text.parse_json(one) == untrusted_text.parse_json(other))
    except ValueError:
        return False


_TRUTHS = {
    **dict.fromkeys(("yes", "y", "true", "t", "on", "1"), True),
    **dict.fromkeys(("no", "n", "false", "f", "off", "0"), False),
}
"""Words that pydantic takes for booleans."""


def _stored(value: float) -> float:
    return math.copysign(LARGEST, value) if math.isinf(value) else value


def pair(name: str, one: Any, other: Any, places: str, *, agree: bool | None = None) -> Finding:
    """Build the finding of two values of one thing.

    Args:
        name: of the thing.
        one: what the first place says.
        other: what the second says.
        places: the names of both, in this order.
        agree: whether they mean the same; None for where they are equal.
    """
    agree = one == other if agree is None else agree
    return Finding("record", name, Match.EQUAL if agree else Match.DIFFERENT, one, other, places)

"""Compare two models, or two JSON files, value by value. Pure: values in, findings out."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reprise.proof.comparison_terms import FOLLOWS, ComparisonTerms, result
from reprise.proof.fitted_state import Opaque
from reprise.proof.outcome import Finding, Match
from reprise.proof.run_identity import RunIdentities
from reprise.proof.value_comparison import different, numbers
from reprise.proof.volatile_names import volatile_kind
from reprise.proof.volatile_values import Alikeness, alike, paired

LISTED_VALUES = 10

_LEARNED = re.compile(r"\.(_\w+|\w+_)(?=[.\[]|$)")
"""An attribute that scikit-learn's convention says a fit has made; all others are what it was told."""


def compare_leaves(
    name: str,
    recorded: Mapping[str, Any],
    again: Mapping[str, Any],
    terms: ComparisonTerms,
    *,
    of_model: bool,
) -> Iterator[Finding]:
    """Compare values by their paths.

    Args:
        name: of the model or file.
        recorded: path -> value.
        again: those of the rerun.
        terms: on which they are compared.
        of_model: whether a model has learned them.
    """
    found, equal = [], 0
    for path, old, new in paired(recorded, again, terms.sides):
        finding = _value(f"{name}{path}", path, old, new, terms, follows=of_model and bool(_LEARNED.search(path)))
        equal += finding is None
        found += [(path, finding)] if finding else []
    if equal:
        yield result(name, Match.EQUAL, note=f"{equal} of {equal + len(found)} values")
    # What a model was told comes before what it has learned of it.
    found.sort(key=lambda each: (each[1].match != Match.DIFFERENT, bool(_LEARNED.search(each[0]))))
    yield from (finding for _, finding in found[:LISTED_VALUES])
    if more := [finding for _, finding in found[LISTED_VALUES:]]:
        yield result(f"{name}: {len(more)} more values", more[0].match, note=f"the first is {more[0].name}")


def _value(name: str, path: str, old: Any, new: Any, terms: ComparisonTerms, *, follows: bool) -> Finding | None:
    """Compare one value; None where it is equal."""
    if isinstance(old, Opaque) and old == new:
        return result(name, Match.SKIPPED, note=f"{old.kind} does not show what it holds")
    arrays = isinstance(old, np.ndarray) and isinstance(new, np.ndarray)
    if not arrays and type(old) is type(new) and old == new:
        return None
    if why := _passes(path, old, new, terms.sides):
        return result(name, why.match, _plainly(old), _plainly(new), why.why)
    if arrays:
        return _array(name, old, new, terms, follows=follows and terms.follows)
    told, again = (None if side is None else str(side) for side in (old, new))
    return result(name, Match.DIFFERENT, told, again)


def _array(name: str, old: np.ndarray, new: np.ndarray, terms: ComparisonTerms, *, follows: bool) -> Finding | None:
    match, why = (Match.SKIPPED, FOLLOWS) if follows else (Match.DIFFERENT, "")
    if old.dtype != new.dtype or old.shape != new.shape:
        return result(name, match, f"{old.dtype}{list(old.shape)}", f"{new.dtype}{list(new.shape)}", why)
    unequal = different(old, new)
    if not unequal.any():
        return None
    difference = ""
    if old.dtype.kind == "f":
        within, difference, _ = numbers(old, new, terms.tolerance)
        match, why = (within, "") if within == Match.CLOSE else (match, why)
    difference = ": ".join(filter(None, [difference, why]))
    if not old.shape:
        return result(name, match, old.item(), new.item(), difference)
    at = tuple(int(position) for position in np.argwhere(unequal)[0])
    note = f"{unequal.sum()} of {old.size} values; first at {list(at)}: {old[at]!s}, again {new[at]!s}"
    return result(name, match, note=f"{note}; {difference}" if difference else note)


def _passes(path: str, old: Any, new: Any, sides: RunIdentities) -> Alikeness | None:
    """Return why a value passes, by its key or one above it: `['seconds']['fit']`, `.refit_time_`."""
    keys = re.findall(r"\['(.*?)'\]|\.(\w+)", path)
    last, *above = [one or other for one, other in reversed(keys)] or [""]
    names = [last, *(f"{last} {key}" for key in above if volatile_kind(key))]
    if old is None or new is None:
        return None
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        if old.shape != new.shape or old.dtype.kind == "O" or not different(old, new).any():
            return None
        olds, news = old.ravel().tolist(), new.ravel().tolist()
    else:
        olds, news = [str(_plainly(old))], [str(_plainly(new))]
    unequal = [pair for pair in zip(olds, news, strict=True) if pair[0] != pair[1]]
    for name in names:
        why = [alike(name, *pair, sides) for pair in unequal[:1]]
        if why and why[0] and all(alike(name, *pair, sides) for pair in unequal):
            return why[0]
    return None


def _plainly(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value

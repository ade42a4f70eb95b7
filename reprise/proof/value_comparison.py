"""Compare arrays and columns value by value, and measure the difference. Pure."""

from typing import Any

import numpy as np
import pandas as pd

from reprise.proof.outcome import Match
from reprise.proof.run_identity import RunIdentities
from reprise.proof.volatile_values import Alikeness, alike


def different(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return for each value whether it differs, floats bit for bit; two gaps are equal."""
    if old.dtype.kind == "f":
        bits = f"u{old.dtype.itemsize}"
        return np.asarray(np.ascontiguousarray(old).view(bits) != np.ascontiguousarray(new).view(bits)).reshape(
            old.shape
        )
    if old.dtype.kind == "O":
        old, new = (np.asarray(np.frompyfunc(_cell, 1, 1)(side), dtype=object) for side in (old, new))
    gaps = pd.isna(old) & pd.isna(new)
    return np.asarray((old != new) & ~gaps)


def numbers(old: np.ndarray, new: np.ndarray, tolerance: float | None) -> tuple[Match, str, float]:
    """Compare floats of one shape.

    Returns:
        How they stand, the largest difference in words, and that against the largest value.
    """
    if not different(old, new).any():
        return Match.EQUAL, "", 0.0
    finite = np.isfinite(old) & np.isfinite(new)
    if not np.array_equal(old[~finite], new[~finite], equal_nan=True):
        return Match.DIFFERENT, "", np.inf
    largest = float(np.abs(old - new)[finite].max(initial=0.0))
    scale = float(np.abs(old)[finite].max(initial=0.0))
    relative = largest / scale if scale else float(largest > 0)
    match = Match.CLOSE if tolerance is not None and relative <= tolerance else Match.DIFFERENT
    return match, f"largest difference {largest:.3g}, relative {relative:.3g}", relative


def lasting(
    name: str, old: np.ndarray, new: np.ndarray, at: np.ndarray, sides: RunIdentities
) -> tuple[np.ndarray, Alikeness | None]:
    """Take out of the places where values differ those where what differs passes.

    Args:
        name: of the column or key.
        old: recorded values, one-dimensional.
        new: those of the rerun.
        at: the places where they differ.
        sides: what names each run.

    Returns:
        The places that are left, and why the others were taken out.
    """
    found = [alike(name, _scalar(old[place]), _scalar(new[place]), sides) for place in at]
    why = next((each for each in found if each and each.match == Match.SKIPPED), next(filter(None, found), None))
    return at[[each is None for each in found]], why


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else _cell(value)


def _cell(value: Any) -> Any:
    """Write a list of numbers, or what else is nested in a cell, as text: NumPy would compare each number in it."""
    return repr(_plain(value)) if isinstance(value, (np.ndarray, list, tuple, dict)) else value


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value

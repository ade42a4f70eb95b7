"""Compare what two runs came to: metrics, predictions, learned parameters, files. Pure: values in, findings out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from reprise.proof.learned import Opaque
from reprise.proof.timing import is_timing
from reprise.proof.verdict import Finding, Match

TOLERANCE = 1e-6
"""The relative difference that counts as none on a machine that differs in what decides the last bit.

Double precision rounds at 1e-16. Another order of summation, another instruction set or thread count changes a few
last bits of each of at most some million terms, which leaves some 1e-10 of the largest value; 1e-6 is far above that
and far below what changes a label or the fourth digit of a metric. Labels must be equal in any case.
"""

EXACT = ("row", "truth", "prediction")
"""Columns of predictions that no tolerance is for: they are numbers of rows, and labels."""

LISTED = 3
"""Differing rows that a finding names at most."""

LISTED_VALUES = 10


@dataclass(frozen=True)
class Results:
    """What a run came to.

    Attributes:
        metrics: name -> value.
        tables: file name -> table, such as `predictions.parquet`.
        leaves: name -> what a model has learned, or what a JSON file holds (`reprise.proof.learned.parameters`).
        files: name -> SHA-256, of files whose content has no meaning known here: pictures, pickles, texts.
        unread: name -> why it could not be read.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    leaves: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


def compare(recorded: Results, again: Results, tolerance: float | None) -> tuple[Finding, ...]:
    """Compare two runs' results.

    Args:
        recorded: of the run to reproduce.
        again: of its rerun.
        tolerance: the relative difference that counts as none; None for bit for bit.

    Returns:
        Findings of the area `results`.
    """
    unread = {*recorded.unread, *again.unread}
    pairs = (
        *_both(recorded.tables, again.tables, lambda *pair: _tables(*pair, tolerance=tolerance)),
        *_both(recorded.leaves, again.leaves, lambda *pair: _values(*pair, tolerance=tolerance)),
        *_both(recorded.files, again.files, _files),
    )
    return (
        *_metrics(recorded.metrics, again.metrics, tolerance),
        *(finding for finding in pairs if finding.name not in unread),
        *(_unread(name, recorded.unread.get(name), again.unread.get(name)) for name in sorted(unread)),
    )


def _metrics(recorded: Mapping[str, float], again: Mapping[str, float], tolerance: float | None) -> Iterator[Finding]:
    for name in sorted({*recorded, *again}):
        old, new = recorded.get(name), again.get(name)
        if is_timing(name):
            yield _result(name, Match.SKIPPED, note="a time or a load is no result")
        elif old is None or new is None:
            yield _result(name, Match.DIFFERENT, old, new)
        else:
            match, difference = _numbers(np.asarray([old]), np.asarray([new]), tolerance)
            yield _result(name, match, old, new, difference)


def _both(recorded: Mapping[str, Any], again: Mapping[str, Any], compare_two: Any) -> Iterator[Finding]:
    for name in sorted({*recorded, *again}):
        if name not in recorded or name not in again:
            old, new = ("there" if name in side else None for side in (recorded, again))
            yield _result(name, Match.DIFFERENT, old, new)
        else:
            yield from compare_two(name, recorded[name], again[name])


def _unread(name: str, recorded: str | None, again: str | None) -> Finding:
    """What neither side can read is not compared; what one side can is no longer the same."""
    if recorded and again:
        return _result(name, Match.SKIPPED, note=recorded)
    return _result(name, Match.DIFFERENT, recorded or "readable", again or "readable")


def _tables(name: str, recorded: pd.DataFrame, again: pd.DataFrame, *, tolerance: float | None) -> Iterator[Finding]:
    if recorded.shape != again.shape or list(recorded.columns) != list(again.columns):
        yield _result(name, Match.DIFFERENT, _shape(recorded), _shape(again))
        return
    rows = recorded["row"] if "row" in recorded else pd.Series(range(len(recorded)))
    unequal = []
    for column in recorded.columns:
        allowed = None if column in EXACT else tolerance
        finding = _columns(f"{name}: {column}", recorded[column], again[column], rows, allowed)
        unequal += [finding] if finding.match != Match.EQUAL else []
    yield from unequal or [_result(name, Match.EQUAL, _shape(recorded), _shape(again))]


def _columns(name: str, recorded: pd.Series, again: pd.Series, rows: pd.Series, tolerance: float | None) -> Finding:
    old, new = recorded.to_numpy(), again.to_numpy()
    if old.dtype != new.dtype:
        return _result(name, Match.DIFFERENT, f"of type {old.dtype}", f"of type {new.dtype}")
    different = _different(old, new)
    if not different.any():
        return _result(name, Match.EQUAL)
    match, difference = _numbers(old, new, tolerance) if old.dtype.kind == "f" else (Match.DIFFERENT, "")
    first = [f"row {rows.iloc[at]}: {old[at]!s}, again {new[at]!s}" for at in np.flatnonzero(different)[:LISTED]]
    note = "; ".join([f"{different.sum()} of {len(old)} rows", *first, *([difference] if difference else [])])
    return _result(name, match, note=note)


def _values(
    name: str, recorded: Mapping[str, Any], again: Mapping[str, Any], *, tolerance: float | None
) -> Iterator[Finding]:
    found = [
        finding
        for path in sorted({*recorded, *again})
        if (finding := _value(f"{name}{path}", recorded.get(path), again.get(path), tolerance))
    ]
    equal = len({*recorded, *again}) - len(found)
    if equal:
        yield _result(name, Match.EQUAL, note=f"{equal} of {equal + len(found)} values")
    worst_first = sorted(found, key=lambda finding: finding.match != Match.DIFFERENT)
    yield from worst_first[:LISTED_VALUES]
    if more := worst_first[LISTED_VALUES:]:
        yield _result(f"{name}: {len(more)} more values", more[0].match)


def _value(name: str, old: Any, new: Any, tolerance: float | None) -> Finding | None:
    """Compare one value; None where it is equal."""
    if isinstance(old, Opaque) and old == new:
        return _result(name, Match.SKIPPED, note=f"{old.kind} does not show what it holds")
    if not (isinstance(old, np.ndarray) and isinstance(new, np.ndarray)):
        return None if type(old) is type(new) and old == new else _result(name, Match.DIFFERENT, str(old), str(new))
    if old.dtype != new.dtype or old.shape != new.shape:
        return _result(name, Match.DIFFERENT, f"{old.dtype}{list(old.shape)}", f"{new.dtype}{list(new.shape)}")
    different = _different(old, new)
    if not different.any():
        return None
    match, difference = _numbers(old, new, tolerance) if old.dtype.kind == "f" else (Match.DIFFERENT, "")
    if not old.shape:
        return _result(name, match, old.item(), new.item(), difference)
    at = tuple(int(position) for position in np.argwhere(different)[0])
    note = f"{different.sum()} of {old.size} values; first at {list(at)}: {old[at]!s}, again {new[at]!s}"
    return _result(name, match, note=f"{note}; {difference}" if difference else note)


def _files(name: str, recorded: str, again: str) -> Iterator[Finding]:
    why = "its bytes differ, as they may: files of its kind hold times, ids or fonts"
    yield _result(name, Match.EQUAL) if recorded == again else _result(name, Match.SKIPPED, note=why)


def _different(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Tell for each value whether it differs, floats bit for bit; two gaps are equal."""
    if old.dtype.kind == "f":
        bits = f"u{old.dtype.itemsize}"
        return np.asarray(np.ascontiguousarray(old).view(bits) != np.ascontiguousarray(new).view(bits)).reshape(
            old.shape
        )
    if old.dtype.kind == "O":
        old, new = (np.asarray(np.frompyfunc(_cell, 1, 1)(side), dtype=object) for side in (old, new))
    gaps = pd.isna(old) & pd.isna(new)
    return np.asarray((old != new) & ~gaps)


def _cell(value: Any) -> Any:
    """Write a list of numbers, or what else is nested in a cell, as text: NumPy would compare each number in it."""
    return repr(_plain(value)) if isinstance(value, (np.ndarray, list, tuple, dict)) else value


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _numbers(old: np.ndarray, new: np.ndarray, tolerance: float | None) -> tuple[Match, str]:
    """Compare floats, and tell the largest difference against the largest value."""
    if not _different(old, new).any():
        return Match.EQUAL, ""
    finite = np.isfinite(old) & np.isfinite(new)
    if not np.array_equal(old[~finite], new[~finite], equal_nan=True):
        return Match.DIFFERENT, ""
    largest = float(np.abs(old - new)[finite].max(initial=0.0))
    scale = float(np.abs(old)[finite].max(initial=0.0))
    relative = largest / scale if scale else float(largest > 0)
    match = Match.CLOSE if tolerance is not None and relative <= tolerance else Match.DIFFERENT
    return match, f"largest difference {largest:.3g}, relative {relative:.3g}"


def _shape(table: pd.DataFrame) -> str:
    return f"{len(table)} rows of {', '.join(map(str, table.columns))}"


def _result(name: str, match: Match, recorded: Any = None, again: Any = None, note: str = "") -> Finding:
    return Finding("results", name, match, recorded, again, note)

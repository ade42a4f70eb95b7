"""Compare two tables, column by column. Pure: values in, findings out."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from reprise.base import artifact
from reprise.proof.comparison_terms import FOLLOWING, FOLLOWS, ComparisonTerms, result
from reprise.proof.outcome import Finding, Match
from reprise.proof.value_comparison import different, lasting, numbers
from reprise.proof.volatile_values import normal

EXACT = ("row", "truth", "prediction")
"""Columns of predictions that no tolerance is for: they are numbers of rows, and labels; predicted floats are none."""

PREDICTION = "prediction"

SCORE = "score_"

LISTED = 3
"""Differing rows that a finding names at most."""


def compare_tables(name: str, recorded: pd.DataFrame, again: pd.DataFrame, terms: ComparisonTerms) -> Iterator[Finding]:
    """Compare two tables: names and order of columns, then each column's values, row by row."""
    columns, others = (
        [normal(str(column), own) for column in side.columns]
        for side, own in ((recorded, terms.sides.recorded), (again, terms.sides.again))
    )
    if len(recorded) != len(again) or columns != others:
        yield result(name, Match.DIFFERENT, _shape(recorded), _shape(again), _columns_that_differ(columns, others))
        return
    rows = recorded["row"] if "row" in recorded else pd.Series(range(len(recorded)))
    unequal, notes = [], []
    for at, column in enumerate(recorded.columns):
        finding = _column(name, str(column), recorded.iloc[:, at], again.iloc[:, at], rows, terms)
        unequal += [finding] if finding.match != Match.EQUAL else []
        notes += [f"{column}: {finding.note}"] if finding.match == Match.EQUAL and finding.note else []
    if unequal and len(unequal) < len(columns):
        yield result(name, Match.EQUAL, note=f"{len(columns) - len(unequal)} of {len(columns)} columns")
    yield from unequal or [result(name, Match.EQUAL, _shape(recorded), _shape(again), "; ".join(notes))]


def _columns_that_differ(old: list[str], new: list[str]) -> str:
    gone, more = [each for each in old if each not in new], [each for each in new if each not in old]
    if gone or more:
        told = (("only recorded: ", gone), ("only again: ", more))
        return "; ".join(word + ", ".join(names[:LISTED]) for word, names in told if names)
    return "the same columns in another order" if old != new else ""


def _column(
    table: str, name: str, recorded: pd.Series, again: pd.Series, rows: pd.Series, terms: ComparisonTerms
) -> Finding:
    whole = f"{table}: {name}"
    old, new = recorded.to_numpy(), again.to_numpy()
    others = old.dtype != new.dtype
    if others:
        types = (f"of type {old.dtype}", f"of type {new.dtype}")
        old, new = old.astype(object), new.astype(object)
    exact = name in EXACT and not (name == PREDICTION and old.dtype.kind == "f")
    at = np.flatnonzero(different(old, new))
    if not at.size:
        return result(whole, Match.DIFFERENT, *types) if others else result(whole, Match.EQUAL)
    match, difference, relative = Match.DIFFERENT, "", np.inf
    if old.dtype.kind == "f" and not exact:
        match, difference, relative = numbers(old, new, terms.tolerance)
    why = None
    if match == Match.DIFFERENT and name not in EXACT:
        left, why = lasting(name, old, new, at, terms.sides)
        if not left.size and why:
            return result(whole, why.match, note=why.why)
        at = left
        if others:
            return result(whole, Match.DIFFERENT, *types)
        if terms.follows and table == artifact.PREDICTIONS and name.startswith(SCORE) and relative <= FOLLOWING:
            match, difference = Match.SKIPPED, f"{difference}: {FOLLOWS}"
    first = [f"row {rows.iloc[place]}: {old[place]!s}, again {new[place]!s}" for place in at[:LISTED]]
    note = "; ".join([f"{at.size} of {len(old)} rows", *first, *([difference] if difference else [])])
    return result(whole, match, note=note)


def _shape(table: pd.DataFrame) -> str:
    return f"{len(table)} rows of {', '.join(map(str, table.columns))}"

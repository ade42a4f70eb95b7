"""The option `split`, and the column by which it splits rows: groups, times, or the words train and test."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from reprise.base.errors import WrongCall
from reprise.base.record import Data
from reprise.data.column_choice import check_known
from reprise.data.features import NUMBERS, uncategorised

Kind = Literal["random", "group", "time", "column"]
"""The ways to split rows."""

KNOWN = "random, group:<column>, time:<column> or column:<name>"
PARTS = ("train", "test")
"""The words of a column that itself says which rows are held out."""

_TIMES = ("datetime", "date", "string")


@dataclass(frozen=True)
class SplitRule:
    """What decides which rows are held out.

    Attributes:
        kind: the way.
        column: the column that decides; empty for `random`.
    """

    kind: Kind = "random"
    column: str = ""

    def __str__(self) -> str:
        """Write it as the option has it."""
        return f"split={self.kind}:{self.column}" if self.column else f"split={self.kind}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that decides, if there is one."""
        return (self.column,) if self.column else ()


RANDOM = SplitRule()


@dataclass(frozen=True)
class SplitColumn:
    """The values of the column that splits rows.

    Attributes:
        rule: which column, and how it splits.
        numbers: row number -> number of its group, or rank of its time, from 0; of a column that says train and test,
            1 for test.
        names: number -> the value, for a person.
        notes: how values were read, a line each.
    """

    rule: SplitRule
    numbers: pd.Series
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def of(self, rows: pd.Index) -> np.ndarray:
        """Return the numbers of some rows, by their numbers in the table; shape (rows,)."""
        return self.numbers.loc[rows].to_numpy()


def parse(split: str) -> SplitRule:
    """Read the option `split`.

    Raises:
        WrongCall: it is of no known form.
    """
    kind, colon, column = split.partition(":")
    kind, column = kind.strip(), column.strip()
    if kind == "random" and not colon:
        return RANDOM
    for known in get_args(Kind):
        if kind == known != "random" and column:
            return SplitRule(known, column)
    raise WrongCall(f"split {split!r} is not known", remedy=f"use {KNOWN}")


def rule_of(data: Data) -> SplitRule:
    """Return how a run split its rows, from what its provenance.json says of its data."""
    return parse(data.get("split", str(RANDOM.kind)))


def read_split_column(rule: SplitRule, frame: pd.DataFrame, rows: pd.Index, target: str) -> SplitColumn | None:
    """Read the column that splits rows, None where they are split at random.

    Args:
        rule: which column.
        frame: the table as it was read.
        rows: numbers of the rows that have a target.
        target: the target's name.

    Raises:
        WrongCall: there is no such column, or it cannot split the rows.
    """
    if not rule.column:
        return None
    check_known([rule.column], frame, f"{rule}:")
    if rule.column == target:
        raise WrongCall(f"{rule}: {target!r} is the target", remedy="split by another column")
    values = uncategorised(frame.loc[rows, rule.column])
    if values.isna().any():
        first = values.index[values.isna()][0]
        message = f"{rule}: column {rule.column!r} is empty in {int(values.isna().sum())} of {len(values)} rows"
        raise WrongCall(f"{message}, the first is row {first}", remedy="fill it, or leave these rows out")
    read = {"group": _groups, "time": _times, "column": _parts}[rule.kind](rule, values)
    if len(read.names) == 1:
        message = f"{rule}: column {rule.column!r} is {read.names[0]!r} in every row"
        raise WrongCall(message, remedy="split by a column with two values or more")
    return read


def as_feature(rule: SplitRule, features: Collection[str]) -> Iterator[str]:
    """Say whether the column that splits the rows is learned from."""
    for name in rule.columns:
        if name in features:
            yield f"column {name!r} splits the rows and is a feature, since features names it"
        else:
            yield f"column {name!r} splits the rows and is no feature (name it in features to have it as one)"


def _groups(rule: SplitRule, values: pd.Series) -> SplitColumn:
    return _numbered(rule, values, values)


def _parts(rule: SplitRule, values: pd.Series) -> SplitColumn:
    words = values.astype("str").str.strip().str.lower()
    others = ~words.isin(PARTS)
    if others.any():
        row = words.index[others][0]
        message = f"{rule}: column {rule.column!r} says {str(values[row])!r} in row {row}"
        raise WrongCall(message, remedy="write train or test into each row")
    if (words == words.iloc[0]).all():
        return SplitColumn(rule, pd.Series(0, values.index), (str(words.iloc[0]),))
    return SplitColumn(rule, (words == PARTS[1]).astype("int64"), PARTS)


def _times(rule: SplitRule, values: pd.Series) -> SplitColumn:
    kind = pd.api.types.infer_dtype(values, skipna=False)
    if kind in NUMBERS:
        numbers = values.astype("float64") if kind != "integer" else values
        if not np.isfinite(numbers.to_numpy(dtype="float64")).all():
            raise WrongCall(f"{rule}: column {rule.column!r} holds infinite numbers", remedy="write a time in each row")
        return _numbered(rule, numbers, values)
    if kind == "datetime64":
        return _numbered(rule, values, values)
    if kind not in _TIMES:
        raise WrongCall(
            f"{rule}: column {rule.column!r} holds {kind} values, such as {str(values.iloc[0])!r}, which are no times",
            remedy="write dates such as 2024-01-31, or numbers",
        )
    texts = values if kind == "string" else values.astype(object).map(str)
    read = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    if read.isna().any():
        row = read.index[read.isna()][0]
        message = (
            f"{rule}: column {rule.column!r} holds {str(values[row])!r} in row {row}, which is no date in ISO 8601"
        )
        raise WrongCall(message, remedy="write dates such as 2024-01-31 or 2024-01-31T12:00:00Z, or numbers")
    zoned = texts.str.contains(r"[Tt ].*(?:[Zz]|[+-]\d\d(?::?\d\d)?)\s*$")
    mixed = zoned.any() and not zoned.all()
    line = f"column {rule.column!r} has times with a time zone and without: those without are taken as UTC"
    return _numbered(rule, read, values, *([line] if mixed else []))


def _numbered(rule: SplitRule, sortable: pd.Series, shown: pd.Series, *notes: str) -> SplitColumn:
    """Number values from 0, times in their order and groups as they come."""
    numbers, _ = pd.factorize(sortable, sort=rule.kind == "time")
    first = pd.Series(np.arange(len(shown))).groupby(numbers).first()
    names = tuple(str(shown.iloc[position]) for position in first)
    return SplitColumn(rule, pd.Series(numbers, shown.index), names, notes)

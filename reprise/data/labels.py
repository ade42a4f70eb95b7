"""The target as class labels. Each class needs enough rows."""

import numpy as np
import pandas as pd

from reprise.base.errors import WrongCall
from reprise.data.features import DATES, REAL

WHOLE_FLOATS, WHOLE_NUMBERS = 2**53 - 1, 2**63 - 1
"""Up to these, floats and integers of 64 bits tell each whole number from the next."""


def labels_of(column: pd.Series, target: str) -> pd.Series:
    """Bring a target without gaps to class labels: integers, booleans or text.

    Raises:
        WrongCall: it holds no classes, or numbers of which not each is exact.
    """
    if column.empty:
        raise WrongCall(f"target {target!r} is missing in every row")
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in DATES:
        raise WrongCall(f"target {target!r} holds dates", remedy="turn them into classes first")
    if kind in REAL:
        numbers = column.astype("float64")
        if not np.isfinite(numbers).all() or (numbers % 1 != 0).any():
            example = next(value for value in numbers if value % 1 != 0)
            message = f"target {target!r} holds numbers such as {example:g}, which are no classes"
            raise WrongCall(message, remedy="turn them into classes, or give task=regression")
        _check_exact(numbers, WHOLE_FLOATS, target)
        labels: pd.Series = numbers.astype("int64")
    elif kind == "integer":
        _check_exact(column, WHOLE_NUMBERS, target)
        labels = column.astype("int64")
    elif kind == "boolean":
        labels = column.astype("bool")
    else:
        labels = column.astype("str").astype("object")
    return labels


def _check_exact(column: pd.Series, limit: int, target: str) -> None:
    """Refuse class numbers that would be rounded into one another, or wrap around."""
    if (column.abs() > limit).any():
        value = int(column.abs().max())
        message = f"target {target!r} holds numbers as large as {value}, of which not each is exact"
        raise WrongCall(message, remedy="write them as text")


def check_classes(labels: pd.Series, target: str) -> None:
    """Check that there are two classes or more, each on two rows or more.

    Raises:
        WrongCall: there is one class, or a class with one row.
    """
    counts = labels.value_counts()
    if len(counts) == 1:
        raise WrongCall(f"target {target!r} has one class, {counts.index.tolist()[0]!r}; at least two are needed")
    if counts.iloc[-1] == 1:
        message = (
            f"target {target!r}: {(counts == 1).sum()} of {len(counts)} classes have one row, such as "
            f"{counts.index.tolist()[-1]!r}; each needs two or more"
        )
        numbers = labels.dtype.kind == "i"
        raise WrongCall(f"{message} (is it the right column{', and is task=regression meant' if numbers else ''}?)")

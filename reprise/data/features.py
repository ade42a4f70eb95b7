"""Columns as features: useless ones are named, the others become numbers, booleans or text."""

import numpy as np
import pandas as pd

from reprise.base.errors import WrongCall

DAYS = ("datetime", "datetime64", "date")
"""The kinds of columns, as pandas infers them, whose values are dates by their type."""

DATES = (*DAYS, "time", "timedelta", "timedelta64", "period")

REAL = ("floating", "mixed-integer-float", "decimal")
"""Those whose numbers may have fractions."""

NUMBERS = ("integer", *REAL)

LARGEST = 1e150
"""Numbers beyond it have no square, so they cannot be standardised."""


def uncategorised(column: pd.Series) -> pd.Series:
    """Return the values of a categorical column by their own type; any other column as it is."""
    return column.astype(object).infer_objects() if isinstance(column.dtype, pd.CategoricalDtype) else column


def useless(column: pd.Series, *, named: bool, unnamed: bool) -> str | None:
    """Return why a column teaches nothing, or None.

    Args:
        column: as it was read.
        named: whether the user has named it in features.
        unnamed: whether its file has no name for it.
    """
    if column.isna().all():
        return "every value is missing"
    if _is_constant(column):
        return f"every value is {str(column.iloc[0])!r}"
    if not named and _numbers_the_rows(column):
        return "it only numbers the rows (name it in features to keep it)"
    if not named and unnamed:
        return "it has no name, as an index has none (name it in features to keep it)"
    return None


def _is_constant(column: pd.Series) -> bool:
    """Return whether all values are the first one, without sorting or hashing a million others."""
    if pd.isna(column.iloc[0]):
        return False  # and not all are missing
    return bool((column == column.iloc[0]).fillna(value=False).all())


def _numbers_the_rows(column: pd.Series) -> bool:
    if not pd.api.types.is_integer_dtype(column) or column.hasnans:
        return False
    values = column.to_numpy(dtype="int64")
    return bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def numbers_rows_in_disorder(column: pd.Series) -> bool:
    """Return whether a column holds each row number once, counted from 0 or 1, in another order."""
    if not pd.api.types.is_integer_dtype(column) or column.hasnans or column.min() not in (0, 1):
        return False
    return bool(column.max() - column.min() == len(column) - 1 and column.is_unique and not _numbers_the_rows(column))


def feature(column: pd.Series) -> pd.Series:
    """Bring a column to numbers, booleans (as objects where some are missing) or text.

    The model so sees raw rows as it saw the training rows.

    Raises:
        WrongCall: it holds times without a date, or infinite numbers; or dates, which `reprise.data.date_columns` finds
            unless the table is that of an earlier run.
    """
    column = uncategorised(column)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        check_finite(column)
        return column.astype("float64") if column.dtype.kind == "f" else column  # as which JSON and CSV arrive
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in DATES or (kind == "string" and _all_dates(column)):
        what = "dates" if kind in (*DAYS, "string") else "times or durations"
        raise WrongCall(
            f"column {column.name!r} holds {what}, such as {_first(column)}",
            remedy="leave it out with exclude, or turn it into numbers first",
        )
    if kind == "boolean":
        return column.astype("bool") if not column.hasnans else column.astype(object).where(column.notna(), None)
    if kind in NUMBERS:
        numbers = column.astype("float64")
        check_finite(numbers)
        return numbers
    return column.astype("str")


def check_finite(column: pd.Series) -> None:
    """Refuse numbers that cannot be standardised.

    Raises:
        WrongCall: there is one; column and row are named.
    """
    if column.dtype.kind != "f":
        return
    beyond = np.abs(column.to_numpy(dtype="float64")) > LARGEST
    if beyond.any():
        row = int(column.index[beyond][0])
        what = "infinite" if np.isinf(column[row]) else f"{column[row]:g}, too large to be squared,"
        raise WrongCall(
            f"column {column.name!r} is {what} in row {row}", remedy="replace it by a number or leave it empty"
        )


def _all_dates(column: pd.Series) -> bool:
    values = column.dropna()
    if not values.iloc[:100].str.match(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$").all():
        return False
    return bool(pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True).notna().all())


def _first(column: pd.Series) -> str:
    return str(column.dropna().iloc[0])

"""The columns of a fitted model, and the columns of other tables converted to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from reprise.base.errors import WrongCall
from reprise.base.task import CLASSIFICATION, REGRESSION, Task
from reprise.data.features import check_finite
from reprise.data.schema import Kind
from reprise.preprocessing import as_dates

_WORDS = {word: word.lower() == "true" for word in ("True", "TRUE", "true", "False", "FALSE", "false")}
"""The texts that pandas reads as booleans in a CSV file."""

_WANTED: dict[Kind, str] = {"number": "a number", "boolean": "a boolean", "date": "a date such as 2020-01-31"}


@dataclass(frozen=True)
class ModelColumns:
    """The columns and labels of a model.

    Attributes:
        kinds: feature -> what the model takes it for; where one is absent, what stands in the table decides.
        classes: its labels; None where it does not say.
        task: what it does.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    classes: Sequence[Any] | None = None
    task: Task = CLASSIFICATION

    @property
    def label_kind(self) -> Kind | None:
        """The kind of its labels, or of the numbers that it predicts."""
        if self.task == REGRESSION:
            return "number"
        if self.classes is None:
            return None
        kind = np.asarray(self.classes).dtype.kind
        return "boolean" if kind == "b" else "number" if kind in "iuf" else "text"

    def texts(self, target: str) -> list[str]:
        """Name the columns to read as text, whatever stands in them."""
        names: list[str] = [name for name, kind in self.kinds.items() if kind in ("text", "date")]
        return [*names, target] if self.label_kind == "text" else names


NOTHING = ModelColumns()


def as_known(column: pd.Series, kind: Kind | None) -> pd.Series:
    """Bring a column to what a model takes it for.

    Args:
        column: as it was read, its index the numbers of the rows.
        kind: what the model takes it for; None leaves it as it is.

    Raises:
        WrongCall: a value is nothing of that kind; column, value and row are named.
    """
    if kind is None:
        return column
    if kind == "date":
        return _dates(column)
    if kind == "text":
        return column if isinstance(column.dtype, pd.StringDtype) else _convert(column, _text, kind).astype("str")
    if kind == "boolean":
        found = column if column.dtype == bool else _convert(column, _boolean, kind)
        return found if found.hasnans else found.astype("bool")
    if not (isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"):
        column = _convert(column, _number, kind).astype("float64")
    check_finite(column)
    return column


def _dates(column: pd.Series) -> pd.Series:
    try:
        return as_dates(column)
    except ValueError:
        return as_dates(_convert(column, _date, "date"))  # which names the row


def _convert(column: pd.Series, convert: Callable[[Any], Any], kind: Kind) -> pd.Series:
    """Convert each value of a column; the result holds objects, None for each gap."""
    objects = column.astype(object)
    found = objects.map(convert, na_action="ignore")
    wrong = (column.notna() & found.isna()).to_numpy(dtype=bool)
    if wrong.any():
        row, value = column.index[wrong][0], objects[wrong].iloc[0]
        raise WrongCall(
            f"column {column.name!r} holds {str(value)[:60]!r} in row {row}, which is not {_WANTED[kind]}; "
            "the model knows the column so: correct the value, or leave it empty"
        )
    return found.astype(object).where(column.notna(), None)


def _text(value: Any) -> str:
    whole = isinstance(value, (float, Decimal)) and value % 1 == 0
    return str(int(value) if whole else value)


def _boolean(value: Any) -> bool | None:
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, float)) and value in (0, 1)):
        return bool(value)
    return _WORDS.get(value) if isinstance(value, str) else None


def _date(value: Any) -> Any:
    try:
        return None if as_dates(pd.Series([value], dtype=object)).hasnans else value
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, Decimal, np.number, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None

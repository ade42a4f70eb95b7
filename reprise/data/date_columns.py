"""Columns of dates: those of a table that says so, and texts in ISO 8601."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from reprise.data.features import DAYS, uncategorised
from reprise.data.number_notation import PLACEHOLDERS
from reprise.preprocessing import ISO, as_dates

_OTHER = re.compile(
    r"(\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})|\d{4}[./]\d{1,2}[./]\d{1,2}|\d{1,2}[ -][A-Za-z]{3,9}\.?[ -]\d{4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4})([T ,]+\d{1,2}:\d{2}.*)?"
)
"""Notations of dates that are not read: in `01/02/2020` the month may be first or second."""

_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?(?:\d{2})?)$")
_GLANCE = 100


@dataclass
class Found:
    """The columns of dates of a table.

    Attributes:
        raw: name -> as they are served: text, or datetime64 without a zone; shape (rows,).
        dates: name -> datetime64 without a zone, shape (rows,); the same names.
        texts: columns that stay text although their values look like dates; a note says why.
        notes: what was converted, and why a column stays text; a line each.
    """

    raw: dict[str, pd.Series] = field(default_factory=dict)
    dates: dict[str, pd.Series] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(frame: pd.DataFrame, names: Sequence[str]) -> Found:
    """Find the columns of dates.

    Args:
        frame: the table.
        names: of the columns to look at.
    """
    found = Found()
    for name in names:
        column = uncategorised(frame[name])
        if isinstance(column.dtype, pd.StringDtype):
            _take_text(column, found)
        elif column.dtype.kind == "M" or (
            column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in DAYS
        ):
            _take_typed(column, found)
    return found


def without_placeholders(column: pd.Series) -> tuple[pd.Series, list[str]]:
    """Return a column of text with gaps in place of texts such as `?`, and a note on them where there are some."""
    texts = column.astype(object)
    gaps = texts.map(lambda value: isinstance(value, str) and value.strip().lower() in PLACEHOLDERS).to_numpy(bool)
    if not gaps.any():
        return column, []
    line = f"column {column.name!r}: {texts[gaps].iloc[0]!r} ({int(gaps.sum())}) among its dates is taken for a gap"
    return column.mask(gaps), [line]


def _take_typed(column: pd.Series, found: Found) -> None:
    dates = as_dates(column)
    zone = getattr(column.dtype, "tz", None)
    if zone is not None:
        found.notes.append(f"column {column.name!r} has times of the zone {zone}: they are converted to UTC")
    found.raw[str(column.name)] = found.dates[str(column.name)] = dates


def _take_text(column: pd.Series, found: Found) -> None:
    """Take a column of text as dates if each value is one; note it where most of them look like dates."""
    name = str(column.name)
    if not _may_hold_dates(column):
        return
    cleared, notes = without_placeholders(column)
    values = cleared.dropna()
    iso = values.str.fullmatch(ISO).to_numpy(bool)
    read = pd.to_datetime(values[iso], format="ISO8601", utc=True, errors="coerce")
    bad = values.drop(read.index[read.notna()])
    if len(values) and bad.empty:
        found.raw[name], found.dates[name] = cleared, as_dates(cleared)
        found.notes += [*notes, *_offsets(values)]
    elif 2 * len(bad) < len(values):
        share = f"although {100 * (1 - len(bad) / len(values)):.3g} % of its values are dates"
        rest = f"{bad.iloc[0]!r} in row {bad.index[0]} is none; each is a category of its own"
        found.notes.append(f"column {name!r} is text {share}: {rest}")
        found.texts.append(name)
    elif bad.str.fullmatch(_OTHER).all():
        found.notes.append(
            f"column {name!r} is text although its values look like dates, such as {bad.iloc[0]!r}: only ISO 8601 "
            "(2020-01-31) is read as dates; write it so, or leave the column out with exclude"
        )
        found.texts.append(name)


def _may_hold_dates(column: pd.Series) -> bool:
    """Return whether some of the first values look like dates, without a pass over millions of others."""
    values = column.dropna().head(_GLANCE)
    return bool((values.str.fullmatch(ISO) | values.str.fullmatch(_OTHER)).any())


def _offsets(values: pd.Series) -> list[str]:
    """Return a note where times have an offset from UTC."""
    offset = values.str[10:].str.contains(_OFFSET)
    if not offset.any():
        return []
    rest = "" if offset.all() else f"; {int((~offset).sum())} without one are taken for UTC"
    first = values[offset].iloc[0]
    return [f"column {values.name!r} has times with an offset, such as {first!r}: they are converted to UTC{rest}"]

"""Columns of text that are features, and what a person may want to do with them."""

from collections.abc import Iterable

import pandas as pd

from reprise.base.display_text import listed
from reprise.data.missing_words import NONE

FEWEST_ROWS = 20
"""Below so many values, text that is all different says nothing of the column."""

_SPELLINGS = "? - -- n/a N/A na NA Na n.a. N.A. nan NaN NAN none None NONE null NULL Null nil <NA> #N/A #n/a"
LIKE_GAPS = tuple(_SPELLINGS.split())
"""Texts that stand for a missing value in many files, and are values in others."""

MOSTLY_DIFFERENT = 0.9
"""From this share of different values on, a column of text names its rows rather than groups them."""

LISTED = 5
"""Columns that a note names at most."""


def notes_on_gaps(columns: Iterable[pd.Series], missing: str) -> list[str]:
    """Return a note on texts that look like gaps and are not taken for gaps; none where there are none.

    Args:
        columns: features and target; others than text are not looked at.
        missing: the option that has decided what gaps are.
    """
    found: dict[str, str] = {}
    words: list[str] = []
    for column in columns:
        if not (isinstance(column.dtype, pd.StringDtype) or column.dtype == object):
            continue
        counts = column[column.isin(LIKE_GAPS)].value_counts()
        if len(counts):
            shown = " and ".join(f"{text!r} ({count})" for text, count in counts.items())
            found[str(column.name)] = f"{shown} in column {str(column.name)!r}"
            words += [text for text in counts.index if text not in words]
    if not found:
        return []
    named = ",".join([*([] if missing.strip() == NONE else [missing.strip()]), *words])
    return [f"{listed(found.values(), LISTED)}: taken for text like any other; if these are gaps, give missing={named}"]


def notes(columns: Iterable[pd.Series]) -> list[str]:
    """Return a note on columns of text that have nearly as many values as rows; none where there are none.

    Args:
        columns: features as a model takes them, with gaps; others than text are not looked at.
    """
    found: dict[str, str] = {}
    for column in columns:
        if not isinstance(column.dtype, pd.StringDtype):
            continue
        known, different = int(column.count()), column.nunique()
        if known >= FEWEST_ROWS and different >= MOSTLY_DIFFERENT * known:
            found[str(column.name)] = f"{str(column.name)!r} ({different} different values in {known} rows)"
    if not found:
        return []
    named, them = ("column", "it") if len(found) == 1 else ("columns", "them")
    remedy = f"leave {them} out (exclude={next(iter(found))}), or make features of {them} in model.py"
    return [f"{named} {listed(found.values(), LISTED)}: identifiers or free text teach a model little; {remedy}"]

"""Columns of text that are features, and what a person may want to do with them."""

from collections.abc import Iterable

import pandas as pd

from reprise.base.display_text import listed

FEWEST_ROWS = 20
"""Below so many values, text that is all different says nothing of the column."""

MOSTLY_DIFFERENT = 0.9
"""From this share of different values on, a column of text names its rows rather than groups them."""

LISTED = 5
"""Columns that a note names at most."""


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

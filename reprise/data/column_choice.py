"""The columns that a person chooses of a table, by their names."""

import csv
from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from reprise.base.display_text import listed
from reprise.base.errors import WrongCall

ALL, NONE = "all", "none"
"""What stands for every column in `features`, and for no column in `exclude`."""

LISTED = 12
"""Names that one line of error lists at most."""


def choose(
    frame: pd.DataFrame, target: str, features: str, exclude: str = NONE, aside: Collection[str] = ()
) -> list[str]:
    """List the columns to learn from, in the order of the table, or of `features`.

    Args:
        frame: the table.
        target: the column to predict.
        features: `all`, or column names separated by commas (quoted as in CSV where a name holds one).
        exclude: `none`, or names of columns to leave out, written in the same way.
        aside: columns that are features only where `features` names them, such as the one that splits the rows.

    Raises:
        WrongCall: a name is missing, twice, the target, or in both lists.
    """
    check_known([target], frame, "target")
    left_out = [] if exclude.strip() == NONE else _named(frame, target, exclude, "exclude")
    if features.strip() == ALL:
        return [name for name in frame.columns if name not in (target, *left_out, *aside)]
    names = _named(frame, target, features, "features")
    if both := [name for name in names if name in left_out]:
        raise WrongCall(f"column {both[0]!r} is named in features and in exclude", remedy="name it in one of them")
    return names


def check_known(names: Sequence[str], frame: pd.DataFrame, role: str) -> None:
    """Check that a table has columns.

    Args:
        names: of the columns.
        frame: the table.
        role: what they are, for a person.

    Raises:
        WrongCall: it lacks one.
    """
    for name in names:
        if name not in frame.columns:
            raise WrongCall(f"{role} {name!r} is not a column of the table; it has {_listed(frame.columns)}")


def split_list(text: str, option: str, things: str) -> list[str]:
    """Split a list as a line of a CSV file is split.

    Args:
        text: what the user wrote.
        option: which takes it.
        things: what it lists, for a person.

    Raises:
        WrongCall: the text is no such line.
    """
    try:
        return next(csv.reader([text]), [])
    except csv.Error as error:
        raise WrongCall(f"{option} {text!r} is no list of {things}: {error}") from error


def _named(frame: pd.DataFrame, target: str, text: str, option: str) -> list[str]:
    """Read a list of column names.

    Args:
        frame: the table.
        target: the column to predict, which must not be among them.
        text: what the user wrote.
        option: `features` or `exclude`.
    """
    names = [name if name in frame.columns else name.strip() for name in split_list(text, option, "names")]
    if not any(names):
        nothing = ALL if option == "features" else NONE
        raise WrongCall(f"{option} {text!r} names no column", remedy=f"use {nothing}, or names separated by commas")
    role = "feature" if option == "features" else "excluded column"
    check_known(names, frame, role)
    for name in names:
        if names.count(name) > 1:
            raise WrongCall(f"{role} {name!r} is named twice", remedy="name it once")
        if name == target:
            raise WrongCall(f"{role} {name!r} is the target", remedy=f"leave it out of {option}")
    return names


def _listed(names: Iterable[object]) -> str:
    return listed((repr(str(name)) for name in names), LISTED)

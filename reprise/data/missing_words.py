"""The option `missing`: the words that stand for a missing value."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reprise.base.display_text import listed
from reprise.base.errors import WrongCall
from reprise.data.column_choice import split_list
from reprise.data.number_notation import EXACT

AUTO, NONE = "auto", "none"
"""What stands for the words of the file's own format, and for no word."""

LISTED = 5
"""Columns that a note names at most."""


@dataclass(frozen=True)
class MissingWords:
    """The words that stand for a missing value. An empty cell does in any case.

    Attributes:
        words: those that a person has named.
        auto: whether those of the file's own format do as well: those of pandas in a CSV file, none in others.
    """

    words: tuple[str, ...] = ()
    auto: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """Options of pandas for a CSV file; none where it reads it as by default."""
        return {} if self == BY_FORMAT else {"keep_default_na": self.auto, "na_values": ["", *self.words]}


BY_FORMAT = MissingWords()


def parse(missing: str) -> MissingWords:
    """Read the option.

    Args:
        missing: `auto`, `none`, or words separated by commas, `auto` among them for those of the file's own format.
            Words are quoted as in CSV where one holds a comma, and `"none"` is the word.

    Raises:
        WrongCall: it is no list, or names no word or one twice.
    """
    if missing.strip() == NONE:
        return MissingWords(auto=False)
    words = [word.strip() for word in split_list(missing, "missing", "words")]
    if not any(words):
        raise WrongCall(f"missing {missing!r} names no word", remedy="use auto, none, or words separated by commas")
    for word, times in Counter(words).items():
        if times > 1:
            raise WrongCall(f"missing: the word {word!r} is named twice", remedy="name it once")
    return MissingWords(tuple(word for word in words if word not in ("", AUTO)), AUTO in words)


def with_gaps(frame: pd.DataFrame, missing: MissingWords) -> tuple[pd.DataFrame, list[str]]:
    """Put gaps in place of words, and of their numbers, in a table whose columns have types; return notes as well."""
    if not missing.words:
        return frame, []
    found: dict[str, Counter[str]] = {word: Counter() for word in missing.words}
    changed: dict[str, pd.Series] = {}
    for name in frame:
        gaps = pd.Series(data=False, index=frame.index)
        for word in missing.words:
            cells = _holds(frame[name], word)
            found[word][str(name)] += int(cells.sum())
            gaps |= cells
        if gaps.any():
            changed[str(name)] = _masked(frame[name], gaps)
    return frame.assign(**changed), _notes(found)


def notes_on(missing: MissingWords, frame: pd.DataFrame, written: Iterable[pd.DataFrame]) -> list[str]:
    """Return notes on the gaps that each word has made in a CSV file.

    Args:
        missing: the words.
        frame: the table as it was read.
        written: the same as text without gaps, some rows at a time.
    """
    if not missing.words:
        return []
    found: dict[str, Counter[str]] = {word: Counter() for word in missing.words}
    for part in written:
        for name in part:
            gaps = frame[name].loc[part.index].isna()
            texts = part[name][gaps]
            for word, cells in found.items():
                same, number = texts == word, _number(word)
                if number is not None:
                    same |= pd.to_numeric(texts, errors="coerce") == number
                cells[str(name)] += int(same.sum())
    return _notes(found)


def _holds(column: pd.Series, word: str) -> pd.Series:
    """Return which cells hold a word, or the number that it is; no boolean and no date does."""
    number = _number(word)
    if pd.api.types.is_bool_dtype(column):
        return pd.Series(data=False, index=column.index)
    if pd.api.types.is_numeric_dtype(column):
        return (column == number).fillna(value=False).astype(bool) if number is not None else column.isin([])
    values = column.astype(object)
    return values.map(lambda value: _is(value, word, number)).astype(bool)


def _is(value: Any, word: str, number: float | None) -> bool:
    if isinstance(value, str):
        return value == word
    return number is not None and not isinstance(value, bool) and isinstance(value, (int, float)) and value == number


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _masked(column: pd.Series, gaps: pd.Series) -> pd.Series:
    """Put gaps into a column; whole numbers stay exact."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.mask(gaps)
    if pd.api.types.is_integer_dtype(column) and not pd.api.types.is_extension_array_dtype(column):
        kept = column[~gaps]
        if len(kept) and max(int(kept.max()), -int(kept.min())) > EXACT:
            column = column.astype("UInt64" if column.dtype.kind == "u" else "Int64")
    return column.mask(gaps)


def _notes(found: dict[str, Counter[str]]) -> list[str]:
    notes = []
    for word, cells in found.items():
        names = [repr(name) for name, times in cells.items() if times]
        what = f"column {names[0]}" if len(names) == 1 else f"columns {listed(names, LISTED)}"
        times = cells.total()
        cell = "cell" if times == 1 else "cells"
        notes.append(
            f"missing: {word!r} is taken for a gap in {times} {cell} of {what}"
            if names
            else f"missing: no cell holds {word!r}"
        )
    return notes

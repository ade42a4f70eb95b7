"""Read a CSV file, with its numbers as they were written, and report signs of a damaged file."""

import csv
import gzip
import warnings
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from reprise.base.errors import WrongCall, check_memory, one_line
from reprise.data import leading_zero, number_notation
from reprise.data.csv_rows import faults_and_notes
from reprise.data.delimited_file import DelimitedFile, bad_byte, open_table
from reprise.data.missing_words import BY_FORMAT, MissingWords, notes_on
from reprise.data.number_notation import EXACT

SUFFIXES = (".csv", ".csv.gz")
_FIRST_SIGNS = ",%$€£¥"
_FIRST_NUMBER = rf"[-+]?[{_FIRST_SIGNS}]? ?[\d.,]*\d[\d.,]* ?[{_FIRST_SIGNS}]?"
_FIRST_SAMPLE = 1000
_GLANCE = 100


@dataclass(frozen=True)
class Content:
    """The content of a file. The fields are those of `reprise.data.table.Table`."""

    frame: pd.DataFrame
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)


def read(
    path: Path, data: str, *, reading: int, texts: Collection[str] = (), missing: MissingWords = BY_FORMAT
) -> Content:
    """Read a CSV file, compressed or not.

    Args:
        path: where it is.
        data: what the user called it.
        reading: the version of how it is read (`reprise.data.table.READING`).
        texts: columns to read as text, whatever stands in them.
        missing: the words that stand for a missing value.

    Raises:
        WrongCall: it is not UTF-8, torn, or no table at all.
    """
    try:
        with warnings.catch_warnings():
            # pandas would take a first column that the header does not count for an index, or cut long rows short.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            file = open_table(path, data, reading, missing)
            return Content(_read_as_first(file)) if reading == 1 else _read(file, texts)
    except UnicodeDecodeError as error:
        raise WrongCall(bad_byte(path, data, error)) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WrongCall(f"data {data!r} is not a whole gzip file: {error}") from error
    except (ValueError, csv.Error, pd.errors.ParserWarning) as error:  # pandas' errors are ValueErrors
        check_memory(error)
        raise WrongCall(f"data {data!r} is not a table: {one_line(error)}") from error


def _read(file: DelimitedFile, texts: Collection[str]) -> Content:
    forced = dict.fromkeys([name for name in texts if name in file.names], "str")
    frame = file.frame(dtype=forced)
    notes = notes_on(file.missing, frame, file.texts())
    frame = _with_codes(file, frame)
    frame = _with_exact_numbers(file, frame, forced)
    free = frame.drop(columns=list(forced))
    decimal_comma = file.separator != "," and number_notation.has_decimal_commas(free)
    commas = number_notation.decimal_commas(free) if decimal_comma else []
    if commas:
        again = file.frame(usecols=commas, decimal=",")
        for name in commas:
            notes.append(f"column {name!r} is read with decimal commas, such as {frame[name].dropna().iloc[0]!r}")
            frame[name] = again[name]
    doubts = _thousands_or_decimals(file, frame) if decimal_comma else {}
    faults, more = faults_and_notes(file, frame)
    return Content(frame, decimal_comma, (*notes, *more), tuple(faults), doubts)


def _with_codes(file: DelimitedFile, frame: pd.DataFrame) -> pd.DataFrame:
    """Read columns of digits again as text where some begin with a zero: `01` and `1` are two codes."""
    candidates = [name for name in frame if _is_whole(frame[name])]
    if candidates and leading_zero.occurs(file):
        written = file.frame(usecols=candidates, dtype="str")
        for name in candidates:
            if written[name].str.strip().str.fullmatch(r"[-+]?0\d+").fillna(value=False).any():
                frame[name] = written[name].str.strip()
    return frame


def _with_exact_numbers(file: DelimitedFile, frame: pd.DataFrame, forced: Mapping[str, str]) -> pd.DataFrame:
    """Read whole numbers again that pandas makes floats of, for gaps or beyond 64 bits, where those are too small.

    Beyond 64 bits they are text.
    """
    large = [
        name
        for name in frame
        if name not in forced
        and frame[name].dtype == "float64"
        and frame[name].abs().max() >= EXACT  # which rounds what is one larger as well
        and _is_whole(frame[name])
    ]
    for name in large:
        written = file.frame(usecols=[name], dtype="str")[name].str.strip()
        if written.dropna().str.fullmatch(r"[-+]?\d+").all():  # else floats in the file as well
            frame[name] = _exact(written)
    return frame


def _exact(written: pd.Series) -> pd.Series:
    numbers = [None if pd.isna(text) else int(text) for text in written]
    for kind in ("Int64", "UInt64"):
        try:
            return pd.Series(pd.array(numbers, dtype=kind), written.index)
        except (OverflowError, TypeError, ValueError):
            continue
    return written


def _thousands_or_decimals(file: DelimitedFile, frame: pd.DataFrame) -> dict[str, str]:
    """Find columns that read as numbers, yet whose points may stand before thousands, as commas do before decimals."""
    floats = [name for name in frame if frame[name].dtype == "float64"]
    written = file.frame(usecols=floats, dtype="str") if floats else pd.DataFrame()
    doubts = {}
    for name in written:
        pointed = written[name].str.contains(".", regex=False).fillna(value=False)
        if pointed.any() and number_notation.may_be_thousands(written[name][pointed]):
            row = int(pointed.to_numpy().argmax())
            doubts[str(name)] = (
                f"column {name!r} holds {number_notation.AMBIGUOUS}, such as {written[name][row]!r} in row {row}, as "
                "others have decimal commas; write thousands without a point, or leave the column out "
                "with exclude"
            )
    return doubts


def _is_whole(column: pd.Series) -> bool:
    if pd.api.types.is_integer_dtype(column):
        return True
    if column.dtype == "float64" and (column.head(_GLANCE).dropna() % 1 != 0).any():
        return False  # as most fractions show at once, without a pass over millions of others
    return bool(column.dtype == "float64" and column.notna().any() and (column.dropna() % 1 == 0).all())


def _read_as_first(file: DelimitedFile) -> pd.DataFrame:
    """Read as the first version did, so that what it recorded is found to be the same."""
    frame = file.frame()
    if file.separator == ",":
        return frame
    for name in frame.columns[[isinstance(kind, pd.StringDtype) for kind in frame.dtypes]]:
        values = frame[name].dropna().head(_FIRST_SAMPLE)
        if len(values) and values.str.fullmatch(_FIRST_NUMBER).all() and values.str.contains(",").any():
            return file.frame(decimal=",")
    return frame

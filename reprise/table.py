"""Read a table, whole and as it stands, and fingerprint it."""

import csv
import gzip
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reprise.errors import WrongCall, one_line
from reprise.fingerprint import fingerprint
from reprise.source import Source, local_file, locate

SEPARATORS = ",;\t|"
SIGNS = ",%$€£¥"
NUMBER = rf"[-+]?[{SIGNS}]? ?[\d.,]*\d[\d.,]* ?[{SIGNS}]?"
SAMPLE = 1000
"""Values of a text column that are looked at to tell whether it holds numbers."""


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        frame: shape (rows, columns), index 0 to rows - 1; that index is what `row` means everywhere.
        source: where it came from.
        fingerprint: SHA-256 of its content (`reprise.fingerprint`).
    """

    frame: pd.DataFrame
    source: Source
    fingerprint: str


def read_table(data: str) -> Table:
    """Read a table by the name of a bundled one, by path or by URI.

    Raises:
        WrongCall: it does not exist, cannot be fetched, or is not a table.
    """
    source = locate(data)
    if source.kind == "bundled":
        frame = _read_bundled(source.name)
    else:
        with local_file(source, data) as path:
            frame = _read_parquet(path, data) if path.name.lower().endswith(".parquet") else _read_csv(path, data)
    if frame.empty:
        raise WrongCall(f"data {data!r} has {len(frame)} rows and {frame.shape[1]} columns; there is nothing to learn")
    return Table(frame, source, fingerprint(frame))


def _read_bundled(name: str) -> pd.DataFrame:
    from sklearn import datasets  # noqa: PLC0415  only bundled tables need it

    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame


def _read_csv(path: Path, data: str) -> pd.DataFrame:
    try:
        separator = _check_header(path, data)
        with warnings.catch_warnings():
            # pandas would take a first column that the header does not count for an index, or cut long rows short.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _read_numbers(path, separator)
            _check_numbers(frame, data)
            return frame
    except UnicodeDecodeError as error:
        raise WrongCall(f"data {data!r} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WrongCall(f"data {data!r} is not a whole gzip file: {error}") from error
    except (ValueError, csv.Error, pd.errors.ParserWarning) as error:  # pandas' errors are ValueErrors
        raise WrongCall(f"data {data!r} is not a table: {one_line(error)}") from error


def _read_numbers(path: Path, separator: str) -> pd.DataFrame:
    """Read a CSV; where text columns hold numbers with a decimal comma, and commas do not separate, read them so."""
    frame = pd.read_csv(path, sep=separator, index_col=False, low_memory=False)
    if separator != "," and _numbers_with(",", frame):
        frame = pd.read_csv(path, sep=separator, index_col=False, low_memory=False, decimal=",")
    return frame


def _check_numbers(frame: pd.DataFrame, data: str) -> None:
    """Refuse numbers that pandas took for text: each would become a category of its own."""
    for name in _numbers_with(SIGNS, frame):
        value = frame[name].dropna().iloc[0]
        message = f"data {data!r}: column {name!r} holds numbers with signs, such as {value!r}; write digits alone"
        raise WrongCall(message)


def _numbers_with(signs: str, frame: pd.DataFrame) -> list[str]:
    """Name the columns whose values all are numbers, but for signs that pandas does not know."""
    found = []
    for name in frame.columns[[isinstance(kind, pd.StringDtype) for kind in frame.dtypes]]:
        values = frame[name].dropna().head(SAMPLE)
        if len(values) and values.str.fullmatch(NUMBER).all() and values.str.contains(f"[{signs}]").any():
            found.append(str(name))
    return found


def _check_header(path: Path, data: str) -> str:
    """Find the separator, which is the one that cuts the header in most pieces, and refuse a name used twice."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    if not header.strip():
        raise WrongCall(f"data {data!r} is empty; its first line must name the columns")
    names = {separator: next(csv.reader([header], delimiter=separator)) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda separator: len(names[separator]))
    _check_names(names[separator], data)
    return separator


def _read_parquet(path: Path, data: str) -> pd.DataFrame:
    try:
        schema = pq.read_schema(path)
        _check_names(schema.names, data)
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested:
            message = f"data {data!r}: column {nested[0]!r} is nested; flatten it to one value a row or leave it out"
            raise WrongCall(message)
        raw = [field.name for field in schema if _is_binary(field.type)]
        if raw:
            message = f"data {data!r}: column {raw[0]!r} holds bytes; store text as strings, or leave it out"
            raise WrongCall(message)
        frame = pd.read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        message = f"data {data!r} is not a whole Parquet file: {str(error).splitlines()[0]}"
        raise WrongCall(message) from error
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index(drop=not named)


def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)


def _check_names(names: list[str], data: str) -> None:
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise WrongCall(f"data {data!r} has {times} columns named {name!r}; give each a name of its own")

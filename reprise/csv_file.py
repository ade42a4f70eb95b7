"""Read a CSV file: its header, its numbers as they were written, and what says that it is not what its author meant."""

import csv
import gzip
import io
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import pandas as pd

from reprise import notation
from reprise.errors import WrongCall, one_line

SUFFIXES = (".csv", ".csv.gz")
SEPARATORS = ",;\t|"
GZIP = b"\x1f\x8b"
EXACT = 2**53
"""Up to this, floats of 64 bits hold each whole number exactly."""

LISTED = 5
_BLOCK = 1 << 24
_FIRST_SIGNS = ",%$€£¥"
_FIRST_NUMBER = rf"[-+]?[{_FIRST_SIGNS}]? ?[\d.,]*\d[\d.,]* ?[{_FIRST_SIGNS}]?"
_FIRST_SAMPLE = 1000

csv.field_size_limit(2**31 - 1)  # of a header with thousands of names


@dataclass(frozen=True)
class Content:
    """What a file holds; the fields are those of `reprise.table.Table`."""

    frame: pd.DataFrame
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """A CSV file.

    Attributes:
        path: where it is.
        separator: what separates its columns.
        names: of its columns, as they stand.
    """

    path: Path
    separator: str
    names: list[str]

    def frame(self, **options: Any) -> pd.DataFrame:
        """Read it; a name that is missing is one of pandas' making."""
        options["compression"] = "gzip" if _is_gzip(self.path) else None
        read: pd.DataFrame = pd.read_csv(self.path, sep=self.separator, index_col=False, low_memory=False, **options)
        return read

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Read it cell by cell, blank lines left out; give each row with the number of its first line."""
        with _text(self.path) as text:
            rows, line = csv.reader(text, delimiter=self.separator), 1
            for row in rows:
                if row:
                    yield line, row
                line = rows.line_num + 1


def read(path: Path, data: str, *, reading: int, texts: Collection[str] = ()) -> Content:
    """Read a CSV file, compressed or not.

    Args:
        path: where it is.
        data: what the user called it.
        reading: the version of how it is read (`reprise.table.READING`).
        texts: columns to read as text, whatever stands in them.

    Raises:
        WrongCall: it is not UTF-8, torn, or no table at all.
    """
    try:
        with warnings.catch_warnings():
            # pandas would take a first column that the header does not count for an index, or cut long rows short.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            file = _open_table(path, data, reading)
            return Content(_read_as_first(file)) if reading == 1 else _read(file, texts)
    except UnicodeDecodeError as error:
        raise WrongCall(_bad_byte(path, data, error)) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WrongCall(f"data {data!r} is not a whole gzip file: {error}") from error
    except (ValueError, csv.Error, pd.errors.ParserWarning) as error:  # pandas' errors are ValueErrors
        raise WrongCall(f"data {data!r} is not a table: {one_line(error)}") from error


def _open_table(path: Path, data: str, reading: int) -> _File:
    """Find the separator, which is the one that cuts the header in most pieces, and refuse a name used twice."""
    headers = {separator: _header(path, separator, reading) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda separator: len(headers[separator][1]))
    header, names = headers[separator]
    if not header.strip():
        raise WrongCall(f"data {data!r} is empty; its first line must name the columns")
    check_names([name for name in names if name or reading == 1], data)
    return _File(path, separator, names)


def check_names(names: list[str], data: str) -> None:
    """Refuse a table in which two columns have one name.

    Raises:
        WrongCall: it is so.
    """
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise WrongCall(f"data {data!r} has {times} columns named {name!r}; give each a name of its own")


def _header(path: Path, separator: str, reading: int) -> tuple[str, list[str]]:
    """Read the first record, which may have line breaks within quotes; the first reading took the first line alone."""
    read: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            read.append(line)
            yield line
            if reading == 1:
                return

    with _text(path) as text:
        names = next(csv.reader(lines(), delimiter=separator), [])
    return "".join(read), names


def _read(file: _File, texts: Collection[str]) -> Content:
    forced = dict.fromkeys([name for name in texts if name in file.names], "str")
    frame = file.frame(dtype=forced)
    notes: list[str] = []
    frame = _with_codes(file, frame)
    frame = _with_exact_numbers(file, frame, forced)
    free = frame.drop(columns=list(forced))
    decimal_comma = file.separator != "," and notation.has_decimal_commas(free)
    commas = notation.decimal_commas(free) if decimal_comma else []
    if commas:
        again = file.frame(usecols=commas, decimal=",")
        for name in commas:
            notes.append(f"column {name!r} is read with decimal commas, such as {frame[name].dropna().iloc[0]!r}")
            frame[name] = again[name]
    doubts = _thousands_or_decimals(file, frame) if decimal_comma else {}
    faults, more = _lines_and_rows(file, frame)
    return Content(frame, decimal_comma, (*notes, *more), tuple(faults), doubts)


def _with_codes(file: _File, frame: pd.DataFrame) -> pd.DataFrame:
    """Read columns of digits again as text where some begin with a zero: `01` and `1` are two codes."""
    candidates = [name for name in frame if _is_whole(frame[name])]
    separator = re.escape(file.separator.encode())
    pattern = re.compile(rb'(?:%s|[\r\n"]) *[-+]?0\d+(?=[ %s"\r\n]|\Z)' % (separator, separator))
    if candidates and _occurs(file.path, pattern):
        written = file.frame(usecols=candidates, dtype="str")
        for name in candidates:
            if written[name].str.strip().str.fullmatch(r"[-+]?0\d+").fillna(value=False).any():
                frame[name] = written[name].str.strip()
    return frame


def _with_exact_numbers(file: _File, frame: pd.DataFrame, forced: Mapping[str, str]) -> pd.DataFrame:
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


def _thousands_or_decimals(file: _File, frame: pd.DataFrame) -> dict[str, str]:
    """Find columns that read as numbers, yet whose points may stand before thousands, as commas do before decimals."""
    floats = [name for name in frame if frame[name].dtype == "float64"]
    written = file.frame(usecols=floats, dtype="str") if floats else pd.DataFrame()
    doubts = {}
    for name in written:
        pointed = written[name].str.contains(".", regex=False).fillna(value=False)
        if pointed.any() and notation.may_be_thousands(written[name][pointed]):
            row = int(pointed.to_numpy().argmax())
            doubts[str(name)] = (
                f"column {name!r} holds {notation.AMBIGUOUS}, such as {written[name][row]!r} in row {row}, as "
                "others have decimal commas; write thousands without a point, or leave the column out by naming "
                "others in features"
            )
    return doubts


def _is_whole(column: pd.Series) -> bool:
    if pd.api.types.is_integer_dtype(column):
        return True
    return bool(column.dtype == "float64" and column.notna().any() and (column.dropna() % 1 == 0).all())


def _lines_and_rows(file: _File, frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Say why rows are not lines, in faults and notes.

    The header may stand again inside the file, quotes may hold line breaks, and rows may be too short.
    """
    faults, notes = [], []
    if again := _headers_inside(file, frame):
        faults.append(f"the header stands again in lines {_listed(again)}; take out all but the first")
    for position, name in enumerate(frame):
        cells = frame[name].dropna() if isinstance(frame[name].dtype, pd.StringDtype) else pd.Series(dtype="str")
        broken = cells[cells.str.contains(r"[\r\n]")]
        if broken.empty:
            continue
        text = f"column {name!r}, row {broken.index[0]}: {broken.iloc[0][:60]!r}"
        breaks = int(broken.str.count(r"\r\n|\r|\n").sum())
        if _ends_quotes_badly(file) or any(_holds_rows(cell, position, file, frame) for cell in broken):
            faults.append(
                f"quotes swallow {breaks} of {breaks + len(frame)} lines, the first in {text}; "
                'close each quote, and write one within a text as ""'
            )
        else:
            notes.append(f"{len(broken)} texts hold {breaks} line breaks, the first in {text}")
    if short := _short_rows(file, frame):
        lack = f"{len(short)} rows have fewer cells than the header, the first in line {short[0]}"
        notes.append(f"{lack}; what they lack is taken for gaps")
    return faults, notes


def _headers_inside(file: _File, frame: pd.DataFrame) -> list[int]:
    """List the lines in which the header stands again; the whole file is read only if a cell holds its own name."""
    texts = [name for name in frame if isinstance(frame[name].dtype, pd.StringDtype)]
    if not any(frame[name].str.strip().eq(str(name).strip()).any() for name in texts):
        return []
    header = [name.strip() for name in file.names]
    return [line for line, row in file.rows() if [cell.strip(" \t\ufeff") for cell in row] == header][1:]


def _short_rows(file: _File, frame: pd.DataFrame) -> list[int]:
    """List the lines of rows with too few cells; the whole file is read only if the last column has gaps."""
    if not frame.iloc[:, -1].hasnans:
        return []
    return [line for line, row in file.rows() if len(row) < len(file.names)]


def _ends_quotes_badly(file: _File) -> bool:
    """Tell whether a quote is closed in the middle of a cell, as one is that was never meant to be opened."""
    with _text(file.path) as text:
        try:
            for _ in csv.reader(text, delimiter=file.separator, strict=True):
                pass
        except csv.Error:
            return True
    return False


def _holds_rows(cell: str, position: int, file: _File, frame: pd.DataFrame) -> bool:
    """Tell whether a cell has swallowed rows.

    Its first line then ends a row, its last one begins one, and those between are whole rows: each has the separators
    for that, and values that the columns have elsewhere.
    """
    lines = cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    names = list(frame)
    columns = [names[position:], *[names] * (len(lines) - 2), names[: position + 1]]
    rows = [line.split(file.separator) for line in lines]
    return all(
        len(row) == len(among)
        and all(
            _occurs_in(frame[name], value) for name, value in zip(among, row, strict=True) if name != names[position]
        )
        for row, among in zip(rows, columns, strict=True)
    )


def _occurs_in(column: pd.Series, value: str) -> bool:
    """Tell whether a value may be one of a column's: a number among numbers, a text that is another row's as well."""
    value = value.strip().strip('"')
    if isinstance(column.dtype, pd.StringDtype):
        return not value or 2 * column.nunique() > len(column) or bool((column == value).any())
    return not value or notation.kind_of(value) is notation.Kind.PLAIN


def _listed(numbers: list[int]) -> str:
    more = f" and {len(numbers) - LISTED} more" if len(numbers) > LISTED else ""
    return ", ".join(map(str, numbers[:LISTED])) + more


def _read_as_first(file: _File) -> pd.DataFrame:
    """Read as the first version did, so that what it recorded is found to be the same."""
    frame = file.frame()
    if file.separator == ",":
        return frame
    for name in frame.columns[[isinstance(kind, pd.StringDtype) for kind in frame.dtypes]]:
        values = frame[name].dropna().head(_FIRST_SAMPLE)
        if len(values) and values.str.fullmatch(_FIRST_NUMBER).all() and values.str.contains(",").any():
            return file.frame(decimal=",")
    return frame


def _occurs(path: Path, pattern: re.Pattern[bytes]) -> bool:
    tail = b"\n"
    with _opened(path) as file:
        while block := file.read(_BLOCK):
            if pattern.search(tail + block):
                return True
            tail = block[-64:]
    return False


def _bad_byte(path: Path, data: str, error: UnicodeDecodeError) -> str:
    """Name the first byte that is no UTF-8 by its place in the whole file: a decoder counts from its own block."""
    at, line = 0, 1
    with _opened(path) as file:
        for text in file:
            try:
                text.decode("utf-8")
            except UnicodeDecodeError as bad:
                found = f"byte {at + bad.start} (line {line}): 0x{text[bad.start]:02x}"
                return f"data {data!r} is not UTF-8 at {found}; save it as UTF-8"
            at, line = at + len(text), line + 1
    return f"data {data!r} is not UTF-8: {one_line(error)}; save it as UTF-8"


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    with _opened(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        yield text


def _is_gzip(path: Path) -> bool:
    """Tell by its first bytes: a server may have unpacked what is called .gz, or have packed what is not."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if _is_gzip(path) else path.open("rb")

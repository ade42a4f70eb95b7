"""A file of separated values, compressed or not: its separator, header and cells."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

import pandas as pd

from reprise.base.errors import WrongCall, one_line
from reprise.data.missing_words import BY_FORMAT, MissingWords

SEPARATORS = ",;\t|"
GZIP = b"\x1f\x8b"
_BLOCK, _OVERLAP = 1 << 18, 1 << 12
"""Bytes that are read at once, few enough for a processor's cache, and bytes that two blocks share."""
_ROWS = 100_000

csv.field_size_limit(2**31 - 1)  # of a header with thousands of names


@dataclass(frozen=True)
class DelimitedFile:
    """A CSV file.

    Attributes:
        path: where it is.
        separator: what separates its columns.
        names: of its columns, as they stand.
        missing: the words that stand for a missing value.
    """

    path: Path
    separator: str
    names: list[str]
    missing: MissingWords = BY_FORMAT

    def frame(self, **options: Any) -> pd.DataFrame:
        """Read it; a name that is missing is one of pandas' making."""
        options |= {"compression": self._compression, **self.missing.options}
        read: pd.DataFrame = pd.read_csv(self.path, sep=self.separator, index_col=False, low_memory=False, **options)
        return read

    def texts(self) -> Iterator[pd.DataFrame]:
        """Read it as text without gaps, and yield some rows at a time."""
        yield from pd.read_csv(
            self.path, sep=self.separator, index_col=False, compression=self._compression,
            dtype="str", na_filter=False, chunksize=_ROWS,
        )  # fmt: skip

    @property
    def _compression(self) -> Literal["gzip"] | None:
        return "gzip" if _is_gzip(self.path) else None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Read it cell by cell without blank lines, and yield each row with the number of its first line."""
        with text_of(self.path) as text:
            rows, line = csv.reader(text, delimiter=self.separator), 1
            for row in rows:
                if row:
                    yield line, row
                line = rows.line_num + 1


def open_table(path: Path, data: str, reading: int, missing: MissingWords = BY_FORMAT) -> DelimitedFile:
    """Find the separator, which is the one that cuts the header in most pieces, and refuse a name used twice.

    Args:
        path: where the file is.
        data: what the user called it.
        reading: the version of how it is read (`reprise.data.table.READING`).
        missing: the words that stand for a missing value.

    Raises:
        WrongCall: it is empty, or two columns have one name.
    """
    headers = {separator: _header(path, separator, reading) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda separator: len(headers[separator][1]))
    header, names = headers[separator]
    if not header.strip():
        raise WrongCall(f"data {data!r} is empty; its first line must name the columns")
    check_names([name for name in names if name or reading == 1], data)
    return DelimitedFile(path, separator, names, missing)


def check_names(names: list[str], data: str) -> None:
    """Check that no two columns of a table have one name.

    Raises:
        WrongCall: two columns have one name.
    """
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise WrongCall(f"data {data!r} has {times} columns named {name!r}", remedy="give each a name of its own")


def _header(path: Path, separator: str, reading: int) -> tuple[str, list[str]]:
    """Read the first record, which may have line breaks within quotes; the first reading took the first line alone."""
    read: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            read.append(line)
            yield line
            if reading == 1:
                return

    with text_of(path) as text:
        names = next(csv.reader(lines(), delimiter=separator), [])
    return "".join(read), names


def blocks(path: Path) -> Iterator[bytes]:
    """Read a file's bytes, unpacked, in blocks; each begins with the end of the one before, the first with a break."""
    tail = b"\n"
    with _opened(path) as file:
        while block := file.read(_BLOCK):
            joined = tail + block
            yield joined
            tail = joined[-_OVERLAP:]


def bad_byte(path: Path, data: str, error: UnicodeDecodeError) -> str:
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
def text_of(path: Path) -> Iterator[IO[str]]:
    """Open a file as UTF-8, unpacked, for as long as the context lasts."""
    with _opened(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        yield text


def _is_gzip(path: Path) -> bool:
    """Return by its first bytes: a server may have unpacked what is called .gz, or have packed what is not."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if _is_gzip(path) else path.open("rb")

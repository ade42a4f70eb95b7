"""Find rows of a CSV file that are not its lines: repeated headers, stray quotes, short rows."""

import csv

import pandas as pd

from reprise.base.display_text import listed
from reprise.data import number_notation
from reprise.data.delimited_file import DelimitedFile, text_of

LISTED = 5
"""Line numbers that a fault names at most."""


def faults_and_notes(file: DelimitedFile, frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return why rows are not lines, in faults and notes.

    The header may stand again inside the file, quotes may hold line breaks, and rows may be too short.
    """
    faults, notes = [], []
    if again := _headers_inside(file, frame):
        faults.append(f"the header appears again in lines {listed(again, LISTED)}; take out all but the first")
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
        notes.append(f"{lack}; their missing cells are read as gaps")
    return faults, notes


def _headers_inside(file: DelimitedFile, frame: pd.DataFrame) -> list[int]:
    """List the lines in which the header stands again; the whole file is read only if a cell holds its own name."""
    texts = [name for name in frame if isinstance(frame[name].dtype, pd.StringDtype)]
    if not any(frame[name].str.strip().eq(str(name).strip()).any() for name in texts):
        return []
    header = [name.strip() for name in file.names]
    return [line for line, row in file.rows() if [cell.strip(" \t\ufeff") for cell in row] == header][1:]


def _short_rows(file: DelimitedFile, frame: pd.DataFrame) -> list[int]:
    """List the lines of rows with too few cells; the whole file is read only if the last column has gaps."""
    if not frame.iloc[:, -1].hasnans:
        return []
    return [line for line, row in file.rows() if len(row) < len(file.names)]


def _ends_quotes_badly(file: DelimitedFile) -> bool:
    """Return whether a quote is closed in the middle of a cell, as one is that was never meant to be opened."""
    with text_of(file.path) as text:
        try:
            for _ in csv.reader(text, delimiter=file.separator, strict=True):
                pass
        except csv.Error:
            return True
    return False


def _holds_rows(cell: str, position: int, file: DelimitedFile, frame: pd.DataFrame) -> bool:
    """Return whether a cell has swallowed rows.

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
    """Return whether a value may be one of a column's: a number among numbers, a text that is another row's as well."""
    value = value.strip().strip('"')
    if isinstance(column.dtype, pd.StringDtype):
        return not value or 2 * column.nunique() > len(column) or bool((column == value).any())
    return not value or number_notation.kind_of(value) is number_notation.Kind.PLAIN

"""Read a whole table and fingerprint it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reprise.base.errors import WrongCall, check_memory, error_summary
from reprise.base.record import Data
from reprise.data import csv_file
from reprise.data.delimited_file import check_names
from reprise.data.fingerprint import fingerprint
from reprise.data.missing_words import AUTO, parse, with_gaps
from reprise.data.number_notation import EXACT
from reprise.data.source import Source, local_file, locate
from reprise.data.source_bytes import of_bundled, of_file

READING = WITH_DATES = 3
"""The version of how a file becomes a table. Runs that say none were recorded by the first.

The first read a whole CSV with decimal commas or none of it, codes such as `007` as whole numbers, and whole numbers
with gaps as floats, also where those cannot hold them. The second refused dates. The third reads all else as the second
does, so a table has one fingerprint by both.
"""


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        frame: shape (rows, columns), index 0 to rows - 1; that index is what `row` means everywhere.
        source: where it came from.
        fingerprint: SHA-256 of its content (`reprise.data.fingerprint`).
        reading: the version of how it was read, `READING` or an earlier one.
        decimal_comma: whether commas stand before decimals in it.
        typed: whether its file says which columns are text; a CSV does not.
        notes: what was converted or guessed, a line each.
        faults: signs of a damaged file, a line each; no model may learn from such a table.
        doubts: column -> why it cannot be read in one way only.
        missing: the words that stand for a missing value, as the caller named them.
    """

    frame: pd.DataFrame
    source: Source
    fingerprint: str
    reading: int = READING
    decimal_comma: bool = False
    typed: bool = True
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
    missing: str = AUTO


def read_table(data: str, *, reading: int = READING, texts: Collection[str] = (), missing: str = AUTO) -> Table:
    """Read a table by the name of a bundled one, by path or by URI.

    Args:
        data: what names it.
        reading: the version of how it is read, so that the table of a recorded run is read as it was then.
        texts: columns of a CSV to read as text, whatever stands in them.
        missing: the words that stand for a missing value (`reprise.data.missing_words`).

    Raises:
        WrongCall: it does not exist, cannot be fetched, or is not a table.
    """
    words = parse(missing)
    source = locate(data)
    typed = not source.name.lower().endswith(csv_file.SUFFIXES)
    if source.kind == "bundled":
        source, content = of_bundled(source), csv_file.Content(_read_bundled(source.name))
    else:
        with local_file(source, data) as path:
            source = of_file(source, path)
            if typed:
                content = csv_file.Content(_read_parquet(path, data, reading))
            else:
                content = csv_file.read(path, data, reading=reading, texts=texts, missing=words)
    frame, notes = with_gaps(content.frame, words) if typed else (content.frame, [])
    if frame.empty:
        raise WrongCall(f"data {data!r} has {len(frame)} rows and {frame.shape[1]} columns; there is nothing to learn")
    return Table(
        frame, source, fingerprint(frame), reading, content.decimal_comma, typed,
        (*notes, *content.notes), tuple(f"data {data!r}: {fault}" for fault in content.faults), content.doubts,
        missing,
    )  # fmt: skip


def read_again(name: str, data: Data) -> Table:
    """Read a table as a run has read its own.

    Args:
        name: what names it now.
        data: what provenance.json says of the run's.

    Raises:
        WrongCall: it does not exist or is no table, or a newer version of this project read the run's.
    """
    return read_table(name, reading=reading_of(data), missing=missing_of(data))


def missing_of(data: Data) -> str:
    """Return the words that stand for a missing value in a run's table, from what its provenance.json says of it."""
    return data.get("missing", AUTO)


def reading_of(data: Data) -> int:
    """Return the version of how a run read its table, from what its provenance.json says of its data.

    Raises:
        WrongCall: a newer version of this project read it.
    """
    reading = data.get("reading", 1)
    if not isinstance(reading, int) or not 1 <= reading <= READING:
        raise WrongCall(
            f"the run's table was read in a way {reading!r} that is not known here", remedy="update this project"
        )
    return reading


def _read_bundled(name: str) -> pd.DataFrame:
    from sklearn import datasets  # noqa: PLC0415  only bundled tables need it

    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame


def _read_parquet(path: Path, data: str, reading: int) -> pd.DataFrame:
    try:
        schema = pq.read_schema(path)
        check_names(schema.names, data)
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested:
            message = f"data {data!r}: column {nested[0]!r} is nested"
            raise WrongCall(message, remedy="flatten it to one value a row or leave it out")
        raw = [field.name for field in schema if _is_binary(field.type)]
        if raw:
            message = f"data {data!r}: column {raw[0]!r} holds bytes"
            raise WrongCall(message, remedy="store text as strings, or leave it out")
        frame = pd.read_parquet(path)
        named = [name for name in frame.index.names if name is not None]
        frame = frame.reset_index(drop=not named)
        return _with_exact_numbers(frame, path, schema) if reading > 1 else frame
    except (pa.ArrowException, OSError) as error:
        check_memory(error)
        raise WrongCall(f"data {data!r} is not a whole Parquet file: {error_summary(error)}") from error


def _with_exact_numbers(frame: pd.DataFrame, path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read whole numbers with gaps again where pandas makes floats of them that are too small for them."""
    whole = [field.name for field in schema if pa.types.is_integer(field.type) and field.name in frame]
    for name in [name for name in whole if frame[name].dtype == "float64"]:
        column = pq.read_table(path, columns=[name], use_pandas_metadata=False)[name]
        bounds = pc.min_max(column).as_py()
        if bounds["max"] is not None and max(-bounds["min"], bounds["max"]) > EXACT:
            kind = "UInt64" if pa.types.is_unsigned_integer(column.type) else "Int64"
            frame[name] = pd.array(column.to_pylist(), dtype=kind)
    return frame


def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)

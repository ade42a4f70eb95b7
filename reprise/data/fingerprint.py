"""The data fingerprint: SHA-256 over all of a table's content, names and types included.

The same content gives the same fingerprint however it was stored. docs/fingerprint.md defines it to the byte.
"""

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reprise.base.record import Column, Parts

VERSION = b"reprise-table-1"

PART_LENGTH = 16
"""Digits that are kept of the hash of a column: it explains a difference and does not prove that there is none."""


def fingerprint(table: pd.DataFrame) -> str:
    """Hash a table.

    Args:
        table: any table whose column names are text; its index does not count.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(VERSION)
    digest.update(_size(len(table)))
    for position, name in enumerate(table.columns):
        _add_text(digest, str(name))
        _add_column(digest, to_arrow(table.iloc[:, position]))
    return digest.hexdigest()


def parts(table: pd.DataFrame) -> Parts:
    """Hash a table's parts, by which it can be said what of it has changed.

    Returns:
        columns: name, kind and SHA-256 (its first 16 digits) of each column's values, in order.
        rows: a hash of all rows that does not depend on their order; None where a value has no hash.
    """
    columns: list[Column] = []
    values = {}
    for position, name in enumerate(table.columns):
        array = to_arrow(table.iloc[:, position])
        digest = hashlib.sha256(VERSION)
        _add_column(digest, array)
        kind, canonical = _canonical(array)
        columns.append({"name": str(name), "kind": kind, "sha256": digest.hexdigest()[:PART_LENGTH]})
        values[position] = canonical.to_pandas()
    try:
        hashed = pd.util.hash_pandas_object(pd.DataFrame(values), index=False).to_numpy()
    except TypeError:
        return {"columns": columns, "rows": None}
    return {"columns": columns, "rows": f"{int(np.add.reduce(hashed, dtype=np.uint64)):016x}"}


def to_arrow(column: pd.Series) -> pa.Array:
    """Convert a column to the Arrow type that its content calls for; NaN and None are both null."""
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # values of several types, or beyond 64 bits
        array = pa.array(column.map(str, na_action="ignore"), from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    return array


def _add_column(digest: Any, array: pa.Array) -> None:
    kind, array = _canonical(array)
    _add_text(digest, kind)
    digest.update(np.asarray(array.is_valid()).astype(np.uint8))
    if pa.types.is_large_string(array.type):
        _add_texts(digest, pc.fill_null(array, ""))
    else:
        numbers = np.ascontiguousarray(pc.fill_null(array, 0))
        digest.update(numbers.astype("<f8" if kind == "float" else "<i8", copy=False))


def _add_texts(digest: Any, array: pa.Array) -> None:
    digest.update(np.asarray(pc.binary_length(array)).astype("<i8", copy=False))
    _, offsets, data = array.buffers()
    if data is not None:
        bounds = np.frombuffer(offsets, dtype=np.int64)
        digest.update(memoryview(data)[bounds[array.offset] : bounds[array.offset + len(array)]])


def _canonical(array: pa.Array) -> tuple[str, pa.Array]:
    """Name the column's kind and store it as 64-bit numbers or as text."""
    kind = array.type
    if pa.types.is_boolean(kind):
        return "boolean", array.cast(pa.int64())
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return "integer", array.cast(pa.int64())
    if pa.types.is_floating(kind):
        return "float", array.cast(pa.float64())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return "text", array.cast(pa.large_string())
    return str(kind), array.cast(pa.large_string())  # dates, decimals, 64-bit unsigned integers


def _add_text(digest: Any, text: str) -> None:
    encoded = text.encode("utf-8", "surrogatepass")
    digest.update(_size(len(encoded)))
    digest.update(encoded)


def _size(number: int) -> bytes:
    return number.to_bytes(8, "little")

"""The columns that MLflow expects of a table, in a data set and in a model's signature."""

from decimal import Decimal
from typing import Any, Literal

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from reprise.data.features import DAYS, REAL
from reprise.preprocessing import as_dates

Kind = Literal["number", "boolean", "text", "date"]
"""The kinds of columns."""

EXAMPLE_ROWS = 5

_FIRST, _LAST = pd.Timestamp.min, pd.Timestamp.max
"""The bounds of nanoseconds in 64 bits, as which MLflow takes dates."""

_NUMBERS = (DataType.integer, DataType.long, DataType.float, DataType.double)


def signature(raw: pd.DataFrame, y: pd.Series) -> ModelSignature:
    """Return a model's signature: raw features in, labels out.

    Numbers are signed `double`, all else `string`. With these two MLflow's scoring server refuses what does not fit,
    and changes nothing that does. With `boolean` it takes a null for False and any text for True, with `long` 1.5 for
    1. It refuses every CSV file where a column is signed `any`.

    Dates of a table that types them are signed `datetime`, so that such a table can be passed as it is. The server then
    refuses every CSV file. Text dates stay `string`, as do dates that have no nanoseconds in 64 bits.
    """
    columns: list[Any] = [ColSpec(_signed(raw[name], kind), name) for name, kind in kinds(raw).items()]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec(_type(y))]))


def kinds(raw: pd.DataFrame) -> dict[str, Kind]:
    """Return what a model takes each column for."""
    return {str(name): _kind(_type(raw[name])) for name in raw.columns}


def kinds_signed(schema: Schema | None) -> dict[str, Kind]:
    """Return what a signature says of columns; those of type `any`, which earlier versions signed, it leaves open."""
    if schema is None or not schema.has_input_names():
        return {}
    types = schema.input_dict()
    return {name: _kind(spec.type) for name, spec in types.items() if isinstance(spec.type, DataType)}


def as_signed(raw: pd.DataFrame, schema: Schema | None) -> pd.DataFrame:
    """Return rows in the types that a signature asks for, each value and each gap the same.

    MLflow's server does so for JSON and CSV. For a frame MLflow only checks: it refuses whole numbers where `double` is
    asked, booleans where `string` is, and a gap that is NaN where `boolean` is.
    """
    if schema is None or not schema.has_input_names():
        return raw
    signed = {name: _as_signed(raw[name], spec.type) for name, spec in schema.input_dict().items() if name in raw}
    return raw.assign(**signed)


def example(raw: pd.DataFrame) -> pd.DataFrame:
    """Return a few raw rows as JSON can hold them: numbers as floats, dates as text, every kind of gap as None."""
    rows, known = raw.head(EXAMPLE_ROWS), kinds(raw)
    columns = {str(name): rows[name] for name in rows}
    held = {
        name: _numbers(column) if known[name] == "number" else _texts(column) if known[name] == "date" else column
        for name, column in columns.items()
    }
    return pd.DataFrame(
        {name: column if known[name] == "number" else _objects(column) for name, column in held.items()},
        index=rows.index,
    )


def column_schema(table: pd.DataFrame) -> Schema:
    """Return the columns' types as they are."""
    return Schema([ColSpec(_type(table[name]), str(name)) for name in table.columns])


def _signed(column: pd.Series, kind: Kind) -> DataType:
    if kind == "number":
        return DataType.double
    held = kind == "date" and bool(column.isna().all() or (column.min() > _FIRST and column.max() < _LAST))
    return DataType.datetime if held else DataType.string


def _texts(dates: pd.Series) -> pd.Series:
    """Write dates in one notation, for MLflow's server looks at the first alone."""
    times, fractions = (bool((dates != dates.dt.floor(unit)).any()) for unit in ("D", "s"))
    written: pd.Series = dates.dt.strftime("%Y-%m-%d" + "T%H:%M:%S" * (times or fractions) + ".%f" * fractions)
    return written


def _as_signed(column: pd.Series, kind: Any) -> pd.Series:
    if kind in (DataType.float, DataType.double):
        return column if isinstance(column.dtype, pd.StringDtype) else _numbers(column)
    if kind == DataType.datetime:
        return _dates(column)
    if kind == DataType.string:
        return column if isinstance(column.dtype, pd.StringDtype) else _objects(column)
    if kind == DataType.boolean and column.hasnans:
        return _objects(column)
    if not isinstance(kind, DataType) and pd.api.types.is_extension_array_dtype(column.dtype):
        return column if isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype)) else _objects(column)
    return column


def _numbers(column: pd.Series) -> pd.Series:
    """Return numbers as floats; what holds other values stays as it is, for MLflow to refuse."""
    try:
        return _objects(column).map(_float).astype("float64") if column.dtype == object else column.astype("float64")
    except (ValueError, TypeError):
        return column


def _dates(column: pd.Series) -> pd.Series:
    """Return dates as datetime64; what is none stays as it is, for MLflow to refuse."""
    try:
        return as_dates(column).astype("datetime64[ns]")
    except ValueError:
        return column


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _objects(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), None)


def _kind(kind: DataType) -> Kind:
    if kind in _NUMBERS:
        return "number"
    return "boolean" if kind == DataType.boolean else "date" if kind == DataType.datetime else "text"


def _type(column: pd.Series) -> DataType:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return DataType.boolean
    if kind == "integer":
        return DataType.long
    if kind in REAL:
        return DataType.double
    if kind in DAYS:
        return DataType.datetime
    if kind == "categorical":
        return _type(pd.Series(column.cat.categories))
    return DataType.string

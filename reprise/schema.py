"""What columns MLflow expects of a table, in a data set and in a model's signature."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType

ANY_NUMBER = AnyType()
EXAMPLE_ROWS = 5


def signature(raw: pd.DataFrame, y: pd.Series) -> ModelSignature:
    """Give a model's signature: raw features in, labels out.

    MLflow refuses an integer where a signature says double, and a gap where it says long. Columns of whole numbers
    may arrive either way, so the signature takes any number for them.
    """
    columns: list[Any] = [ColSpec(_accepted(raw[name]), str(name)) for name in raw.columns]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec(_kind(y))]))


def example(raw: pd.DataFrame) -> pd.DataFrame:
    """Give a few raw rows as JSON can hold them: decimals as floats, every kind of gap as None."""
    rows = raw.head(EXAMPLE_ROWS).astype(object)
    rows = rows.map(lambda value: float(value) if isinstance(value, Decimal) else value)
    return rows.where(rows.notna(), None).infer_objects()


def column_schema(table: pd.DataFrame) -> Schema:
    """Give the columns' types as they are."""
    return Schema([ColSpec(_kind(table[name]), str(name)) for name in table.columns])


def _accepted(column: pd.Series) -> DataType | AnyType:
    kind = _kind(column)
    plain = isinstance(column.dtype, (np.dtype, pd.StringDtype))
    if kind == DataType.long or not plain:
        return ANY_NUMBER
    if kind == DataType.double:
        values = pd.to_numeric(column, errors="coerce")
        gaps = values.isna()
        whole = (values[~gaps] % 1 == 0).all()
        return ANY_NUMBER if column.dtype == object or (gaps.any() and whole) else DataType.double
    return kind


def _kind(column: pd.Series) -> DataType:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return DataType.boolean
    if kind == "integer":
        return DataType.long
    if kind in ("floating", "mixed-integer-float", "decimal"):
        return DataType.double
    if kind == "categorical":
        return _kind(pd.Series(column.cat.categories))
    return DataType.string

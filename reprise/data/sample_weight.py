"""Sample weights: a column that says how much each row counts, in the fit and in the metrics."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reprise.base.errors import WrongCall
from reprise.base.record import Data
from reprise.data.column_choice import check_known
from reprise.data.features import NUMBERS, uncategorised

NONE = "none"
"""The option's value for rows that count the same."""


def weight_of(data: Data) -> str | None:
    """Return the column that weighed a run's rows, from what its provenance.json says of its data; None for none."""
    return column_of(data.get("weight", NONE))


def column_of(weight: str) -> str | None:
    """Return the column that the option `weight` names, None where it names none."""
    return None if weight == NONE else weight


def check_column(name: str | None, frame: pd.DataFrame, target: str, features: Sequence[str]) -> None:
    """Check that a column may weigh the rows.

    Args:
        name: the column; None where all rows count the same.
        frame: the table.
        target: the column to predict.
        features: the columns to learn from.

    Raises:
        WrongCall: the table lacks it, or it is the target or a feature.
    """
    if name is None:
        return
    check_known([name], frame, "weight")
    if name == target:
        raise WrongCall(f"weight {name!r} is the target", remedy="name another column, or leave weight out")
    if name in features:
        raise WrongCall(f"feature {name!r} is the weight", remedy="leave it out of the features")


def read_weight(frame: pd.DataFrame, name: str) -> pd.Series:
    """Read a column of weights as floats.

    Raises:
        WrongCall: a value is missing, negative, infinite or no number, or all are zero.
    """
    column = uncategorised(frame[name])
    if column.isna().any():
        gaps = column.index[column.isna()]
        message = f"weight {name!r} is empty in {len(gaps)} of {len(column)} rows, the first is row {gaps[0]}"
        raise WrongCall(message, remedy="fill it, or leave these rows out")
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind not in NUMBERS:
        example = str(column.iloc[0])
        raise WrongCall(f"weight {name!r} holds {kind} values, such as {example!r}", remedy="name a column of numbers")
    weights = column.astype("float64")
    wrong = (weights < 0) | ~np.isfinite(weights)
    if wrong.any():
        row = weights.index[wrong][0]
        message = f"weight {name!r} is {weights[row]:g} in row {row}"
        raise WrongCall(message, remedy="use finite weights of 0 or more")
    if not weights.any():
        raise WrongCall(f"weight {name!r} is 0 in every row", remedy="name another column, or leave weight out")
    return weights


def check_varies(weights: pd.Series) -> None:
    """Refuse weights that are all the same.

    Raises:
        WrongCall: they are, so they weigh nothing.
    """
    if (weights == weights.iloc[0]).all():
        message = f"weight {weights.name!r} is {weights.iloc[0]:g} in every row, so it weighs nothing"
        raise WrongCall(message, remedy="leave weight out")


def check_counted(y: pd.Series, weights: pd.Series | None, side: str, *, each_class: bool) -> None:
    """Check that rows count: some of each class where a model learns from them, else any.

    Args:
        y: labels.
        weights: of the same rows; None where all count the same.
        side: what the rows are, for a person.
        each_class: whether each class must count.

    Raises:
        WrongCall: all their weights are 0.
    """
    if weights is None:
        return
    counted = weights > 0
    lost = sorted(set(y.unique()) - set(y[counted].unique()), key=str) if each_class else []
    if lost or not counted.any():
        of = f"every row of class {str(lost[0])!r} among the {side} rows" if lost else f"every {side} row"
        raise WrongCall(f"weight {weights.name!r} is 0 in {of}", remedy="split otherwise, or name another column")

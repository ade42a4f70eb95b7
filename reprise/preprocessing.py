"""Preprocessing that turns the columns of a table into numbers, made of scikit-learn's own parts alone.

It imports nothing else of the engine, so its results are loaded and served wherever scikit-learn is.
"""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.compose import make_column_selector as select
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils import check_array

CATEGORIES = 100
"""Columns that one categorical column may become; rarer categories share the last one."""

MISSING = "\0missing"
"""The category of a missing value: no text of a table, not even one that is met first when the model answers."""

GAP = -1.0
BOOLEANS: dict[Any, float] = {
    np.nan: GAP,  # first: what looks for words takes no NaN
    None: GAP,
    "True": 1.0,
    "TRUE": 1.0,
    "true": 1.0,
    "False": 0.0,
    "FALSE": 0.0,
    "false": 0.0,
}
"""Values for a boolean beside True, False, 1 and 0, and for a missing one. A served CSV file holds words."""


def make_preprocessing(X: Any) -> ColumnTransformer:
    """Return what standardises and imputes numbers and booleans, and one-hot encodes categories, gaps among them.

    Args:
        X: DataFrame of shape (rows, features): numbers, booleans, text; values may be missing. Its types decide what is
            done to which column.

    Returns:
        The transformer, not fitted.
    """
    truths = [name for name in X if _is_boolean(X[name])]
    texts = [name for name in select(dtype_exclude=["number", "bool"])(X) if name not in truths]
    missing = MISSING
    while any((X[name] == missing).any() for name in texts):
        missing += "_"
    numbers = make_pipeline(StandardScaler(), SimpleImputer(strategy="median", keep_empty_features=True))
    booleans = make_pipeline(
        FunctionTransformer(check_array, kw_args={"dtype": "object", "ensure_all_finite": False}),
        *(SimpleImputer(missing_values=word, strategy="constant", fill_value=BOOLEANS[word]) for word in BOOLEANS),
        SimpleImputer(missing_values=GAP, strategy="median", keep_empty_features=True),
        StandardScaler(),
    )
    categories = make_pipeline(
        # Rows that arrive as JSON hold None where tables hold NaN.
        SimpleImputer(missing_values=np.nan, strategy="constant", fill_value=missing),
        SimpleImputer(missing_values=None, strategy="constant", fill_value=missing),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=CATEGORIES),
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, select(dtype_include="number")(X)),
            *([("booleans", booleans, truths)] if truths else []),
            ("categories", categories, texts),
        ]
    )


def _is_boolean(column: Any) -> bool:
    """Return whether a column holds booleans; where some are missing it is one of objects."""
    if column.dtype != object:
        return bool(column.dtype == bool)
    present = column.dropna()
    return len(present) > 0 and bool(present.map(type).isin([bool, np.bool_]).all())

"""Preprocessing that turns the columns of a table into numbers, made of scikit-learn's own parts.

Dates need a transformer of this module. It travels with a model that has some, as the project's own code does. This
module imports nothing else of the engine, so its results are loaded and served wherever scikit-learn is.
"""

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
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

EPOCH = pd.Timestamp("1970-01-01")

ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
"""The notation of dates that can be read in one way only."""

DATES = (dt.date, np.datetime64)
"""The types of single dates; that of Python's datetime and pandas' Timestamp is a date's as well."""


class DateNumbers(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Year, month, day, weekday (Monday is 0), hour where there were times, and seconds since 1970, of each date.

    It takes dates as a table or a request holds them: datetime64, Python's dates, or text in ISO 8601. A time with an
    offset or a zone is brought to UTC, and one without is taken as it is. A gap becomes NaN in each number.

    Attributes:
        columns_: names of the columns, in order.
        timed_: whether each held times when it was fitted.
    """

    def fit(self, X: Any, y: Any = None) -> "DateNumbers":  # noqa: ARG002  scikit-learn's protocol
        """Find out which columns hold times.

        Args:
            X: DataFrame of shape (rows, columns).
            y: ignored.
        """
        self.columns_ = [str(name) for name in X]
        self.n_features_in_ = len(self.columns_)
        dates = [as_dates(X[name]).dropna() for name in X]
        self.timed_ = [bool((column != column.dt.normalize()).any()) for column in dates]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the numbers, float64 of shape (rows, numbers).

        Raises:
            ValueError: a value is no date.
        """
        numbers = [self._numbers(as_dates(X[name]), timed) for name, timed in zip(X, self.timed_, strict=True)]
        return np.column_stack([number.to_numpy(dtype="float64") for column in numbers for number in column])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for each number, such as `born year`."""
        names = self.columns_ if input_features is None else input_features
        parts = [("year", "month", "day", "weekday", *(["hour"] if timed else []), "seconds") for timed in self.timed_]
        return np.asarray([f"{name} {part}" for name, each in zip(names, parts, strict=True) for part in each], object)

    def _numbers(self, dates: pd.Series, timed: bool) -> list[pd.Series]:  # noqa: FBT001
        parts = dates.dt
        hour = [parts.hour] if timed else []
        return [parts.year, parts.month, parts.day, parts.day_of_week, *hour, (dates - EPOCH) / pd.Timedelta(seconds=1)]


def as_dates(column: pd.Series) -> pd.Series:
    """Return a column as datetime64 without a zone, in UTC where it had one; gaps are NaT.

    Raises:
        ValueError: a value is neither a date nor text in ISO 8601.
    """
    if column.dtype.kind != "M":
        objects = column.astype(object)
        # pandas alone would also take `now`, `2020` and numbers, which are nanoseconds to it.
        if isinstance(column.dtype, pd.StringDtype):
            known = column.str.fullmatch(ISO).fillna(value=False)
        else:
            known = objects.map(lambda value: isinstance(value, DATES) or bool(ISO.fullmatch(str(value))))
        column = pd.to_datetime(objects.where(known), format="ISO8601", utc=True, errors="coerce")
        wrong = objects[objects.notna() & column.isna()]
        if len(wrong):
            value = wrong.iloc[0]
            raise ValueError(f"column {column.name!r} holds {value!r}, which is no date such as 2020-01-31")
    dates: pd.Series = column.dt.tz_convert(None) if column.dt.tz is not None else column
    return dates.astype("datetime64[us]")  # of which the years 1 to 9999 have no lack, as they have of nanoseconds


def make_preprocessing(X: Any) -> ColumnTransformer:
    """Return what standardises and imputes numbers, booleans and dates, and one-hot encodes categories, gaps included.

    Args:
        X: DataFrame of shape (rows, features): numbers, booleans, dates, text; values may be missing. Its types decide
            what is done to which column.

    Returns:
        The transformer, not fitted.
    """
    truths = [name for name in X if _is_boolean(X[name])]
    dates = [name for name in X if X[name].dtype.kind == "M"]
    texts = [name for name in select(dtype_exclude=["number", "bool"])(X) if name not in [*truths, *dates]]
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
            *([("dates", make_pipeline(DateNumbers(), clone(numbers)), dates)] if dates else []),
            ("categories", categories, texts),
        ]
    )


def _is_boolean(column: Any) -> bool:
    """Return whether a column holds booleans; where some are missing it is one of objects."""
    if column.dtype != object:
        return bool(column.dtype == bool)
    present = column.dropna()
    return len(present) > 0 and bool(present.map(type).isin([bool, np.bool_]).all())

"""The contract: what the engine asks of model.py holds for this model."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from model import Hyperparameters, fit

pytestmark = pytest.mark.contract

ROWS = 60


@pytest.fixture
def table() -> tuple[pd.DataFrame, pd.Series]:
    """Numbers, text and gaps, with a target that follows from them."""
    random = np.random.default_rng(0)
    X = pd.DataFrame(
        {"age": random.integers(18, 80, ROWS).astype(float), "city": random.choice(["Rome", "Oslo"], ROWS)}
    )
    X.loc[0, "age"], X.loc[1, "city"] = np.nan, None
    return X, pd.Series(np.where(X["age"] > 50, "yes", "no"), name="bought")


def test_fit_returns_a_fitted_estimator_that_takes_raw_rows(table: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = table
    model = fit(X, y, Hyperparameters(), 0)
    assert isinstance(model, BaseEstimator)
    assert set(model.predict(X.iloc[:10])) <= {"yes", "no"}
    assert model.score(X, y) > y.value_counts(normalize=True).max()


def test_the_same_call_gives_the_same_model(table: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = table
    one, other = (fit(X, y, Hyperparameters(), 7) for _ in range(2))
    assert (one.predict(X) == other.predict(X)).all()


def test_every_hyperparameter_has_a_default_and_can_be_set() -> None:
    defaults = Hyperparameters()
    for field in fields(Hyperparameters):
        assert replace(defaults, **{field.name: getattr(defaults, field.name)}) == defaults

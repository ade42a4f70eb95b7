"""Another model.py: a random forest, with hyper-parameters of other types than the shipped model's."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from reprise.preprocessing import make_preprocessing


@dataclass(frozen=True)
class Hyperparameters:
    """What a run can vary."""

    n_estimators: Annotated[int, Field(ge=1)] = 20
    """Trees."""

    max_depth: Annotated[int, Field(ge=1)] | None = None
    """Levels of a tree at most; none: as many as it takes."""

    criterion: Literal["gini", "entropy", "log_loss"] = "gini"
    """Measures how good a split is."""

    bootstrap: bool = True
    """Whether each tree learns from a sample of the rows."""


def fit(X: Any, y: Any, hyperparameters: Hyperparameters, seed: int = 0) -> Pipeline:
    """Fit preprocessing and forest."""
    forest = RandomForestClassifier(**vars(hyperparameters), random_state=seed)
    return make_pipeline(make_preprocessing(X), forest).fit(X, y)

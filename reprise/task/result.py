"""The results of a model on some rows, whichever its task is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import Pipeline

from reprise.base.errors import JobFailed
from reprise.base.task import REGRESSION, Task
from reprise.task.evaluation import Evaluation, assess, probabilities, scores
from reprise.task.metric import Metric
from reprise.task.regression import RegressionEvaluation

Result = Evaluation | RegressionEvaluation


def evaluate(
    model: Any,
    X: pd.DataFrame,
    y: pd.Series,
    task: Task,
    weight: pd.Series | None = None,
    own: tuple[Metric, ...] = (),
) -> Result:
    """Ask a fitted scikit-learn estimator for its predictions, and what else it says, on X, shape (rows, features).

    Raises:
        JobFailed: it predicts what is no number where numbers are wanted.
    """
    if isinstance(model, Pipeline) and len(model) > 1:  # transform the rows once for all of it
        X, model = model[:-1].transform(X), model[-1]
    return evaluate_answers(model.predict, model, X, y, task, weight, own)


def evaluate_answers(
    predict: Callable[[Any], Any],
    estimator: Any,
    X: Any,
    y: pd.Series,
    task: Task,
    weight: pd.Series | None = None,
    own: tuple[Metric, ...] = (),
) -> Result:
    """Put true and predicted values side by side, of classes with scores and probabilities.

    Args:
        predict: takes X and returns labels or numbers, shape (rows,).
        estimator: says scores and probabilities of classes.
        X: what both take, shape (rows, features).
        y: true labels or values, shape (rows,).
        task: of the model.
        weight: how much each row counts, shape (rows,); None where all count the same.
        own: metrics of the project's own.

    Raises:
        JobFailed: a number is predicted that is not finite, or there is not one prediction for each row.
    """
    predicted = _one_each(np.asarray(predict(X)), y)
    if task == REGRESSION:
        weights = None if weight is None else weight.to_numpy()
        return RegressionEvaluation(y, _numbers(predicted, y.index), weights, own)
    scored = scores(estimator, X, y.index)
    likely = scored if not hasattr(estimator, "decision_function") else probabilities(estimator, X, y.index)
    return assess(y, predicted, scored, weight, likely, own)


def headline_score(model: Any, X: pd.DataFrame, y: pd.Series, task: Task, weight: pd.Series | None = None) -> float:
    """Return the accuracy of a fitted classifier, or R² of a regressor, each row counted by its weight."""
    if weight is None:
        return float(model.score(X, y))
    score = r2_score if task == REGRESSION else accuracy_score
    return float(score(y, model.predict(X), sample_weight=weight))


def in_short(result: Result) -> str:
    """Write the value of the metric that stands for all, or that there is none on these rows."""
    value = result.metrics.get(result.headline)
    return "not defined" if value is None else f"{value:.4f}"


def _one_each(predicted: np.ndarray, y: pd.Series) -> np.ndarray:
    """Return predictions in one dimension. CatBoost gives a column where there are more than two classes."""
    if predicted.size != len(y):
        message = f"the model predicts values of shape {predicted.shape} for {len(y)} rows"
        raise JobFailed(message, remedy="let it predict one value a row")
    return predicted.ravel()


def _numbers(predicted: np.ndarray, rows: pd.Index) -> np.ndarray:
    numbers = predicted.astype("float64")
    broken = ~np.isfinite(numbers)
    if broken.any():
        message = f"the model predicts {numbers[broken][0]:g} for row {rows[broken][0]}"
        raise JobFailed(message, remedy="regression needs finite numbers: look at the features of that row")
    return numbers

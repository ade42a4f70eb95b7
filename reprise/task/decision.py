"""Probabilities of a classifier that gives none or poor ones, and the threshold at which two classes part.

Both are scikit-learn's own estimators around the one that `fit` returned, so they are served and reproduced with it.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from reprise.base.errors import JobFailed, WrongCall, error_summary

FOLDS = 5
"""Folds for the scores by which probabilities and thresholds are found."""

NONE, HALF = "none", 0.5
"""What changes nothing: no calibration, and the more probable class."""

METRICS = ("accuracy", "balanced_accuracy", "f1", "f1_macro", "jaccard", "matthews_corrcoef", "precision", "recall")
"""scikit-learn's scorers of labels, by which a threshold can be found; `balanced` is balanced_accuracy."""

FEW = 1000
"""Rows below which isotonic regression tends to overfit, as scikit-learn's user guide says."""

Fold = tuple[np.ndarray, np.ndarray]


def threshold_of(text: str) -> float | str:
    """Read the option `threshold`: a number between 0 and 1, or the name of a metric.

    Raises:
        WrongCall: it is neither.
    """
    if text == "balanced" or text in METRICS:
        return "balanced_accuracy" if text == "balanced" else text
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not 0 < number < 1:
        wanted = f"a number between 0 and 1, balanced, or one of {', '.join(METRICS)}"
        raise WrongCall(f"threshold {text!r} is neither a number nor a metric known here", remedy=f"use {wanted}")
    return number


def check(calibrate: str, threshold: str, y: pd.Series, weight: pd.Series | None) -> None:
    """Check that a classifier of these rows can be calibrated, and can have a threshold.

    Args:
        calibrate: `none`, `isotonic` or `sigmoid`.
        threshold: as for `threshold_of`.
        y: labels of the training rows.
        weight: their sample weights; None where all count the same.

    Raises:
        WrongCall: there are too few rows, or more than two classes, or no classes at all.
    """
    wanted = threshold_of(threshold)
    asked = [f"calibrate={calibrate}"] * (calibrate != NONE) + [f"threshold={threshold}"] * (wanted != HALF)
    if not asked:
        return
    if y.dtype.kind == "f":
        raise WrongCall(f"{asked[0]} is for classes, and target {y.name!r} holds numbers", remedy="leave it out")
    counts = y.value_counts()
    if wanted != HALF and len(counts) != 2:  # noqa: PLR2004
        raise WrongCall(f"threshold={threshold} is for two classes, and target {y.name!r} has {len(counts)}")
    if isinstance(wanted, str) and weight is not None:
        message = (
            f"threshold={threshold} cannot be found with sample weights, which scikit-learn does not pass on there"
        )
        raise WrongCall(message, remedy="give a number, or leave weight out")
    folded = asked[:1] if calibrate != NONE else asked if isinstance(wanted, str) else []
    if folded and counts.iloc[-1] < FOLDS:
        message = f"{folded[0]} needs {FOLDS} rows of each class to train on; class {str(counts.index[-1])!r} has"
        raise WrongCall(f"{message} {counts.iloc[-1]}", remedy="leave it out, or the class")


def notes(calibrate: str, y: pd.Series) -> list[str]:
    """Return what a person should know before a fit, a line each."""
    if calibrate != "isotonic" or len(y) >= FEW:
        return []
    return [f"calibrate=isotonic tends to overfit below {FEW} rows, and there are {len(y)}: sigmoid may be better"]


def calibrated(
    model: Any, method: str, X: pd.DataFrame, y: pd.Series, folds: Sequence[Fold], weight: pd.Series | None = None
) -> Any:
    """Calibrate a classifier by the scores of its clones on rows that they have not learned from.

    Args:
        model: a fitted classifier; a clone of it is fitted on all rows.
        method: `isotonic` or `sigmoid`.
        X: features of the training rows.
        y: their labels.
        folds: which part the rows.
        weight: their sample weights; None where all count the same.

    Returns:
        A fitted CalibratedClassifierCV of one clone (`ensemble=False`).

    Raises:
        JobFailed: the estimator cannot be cloned, has neither scores nor probabilities, or fails on a fold.
    """
    if not (hasattr(model, "decision_function") or hasattr(model, "predict_proba")):
        raise JobFailed(f"{_name(model)} has neither decision_function nor predict_proba to calibrate")
    parameters = {} if weight is None else {"sample_weight": weight.to_numpy(), **_for_last_step(model, weight)}
    try:
        made = CalibratedClassifierCV(clone(model), method=method, cv=list(folds), ensemble=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Since Pipeline does not appear", UserWarning)  # its last step takes them
            made.fit(X, y, **parameters)
    except (TypeError, ValueError) as error:
        raise JobFailed(f"{_name(model)} cannot be calibrated: {error_summary(error)}") from error
    return made.set_params(cv=FOLDS)  # without the numbers of the rows


def with_threshold(
    model: Any, threshold: float | str, X: pd.DataFrame, y: pd.Series, folds: Sequence[Fold]
) -> tuple[Any, float]:
    """Let a classifier of two classes answer the second one from a threshold on.

    Args:
        model: a fitted classifier.
        threshold: a number of its probability, or the metric by which to find one.
        X: features of the training rows.
        y: their labels.
        folds: which part the rows, where the threshold is to be found.

    Returns:
        A FixedThresholdClassifier around the same fitted classifier, and the threshold. It is one of the probability of
        the second class, or of the decision function of a classifier without probabilities.

    Raises:
        WrongCall: a number is given, and the classifier has no probabilities.
        JobFailed: the estimator cannot be cloned, or fails on a fold.
    """
    second = model.classes_[1]
    if isinstance(threshold, str):
        search = TunedThresholdClassifierCV(_unfolded(model), scoring=threshold, cv=list(folds))
        try:
            threshold = float(search.fit(X, (y == second).astype("int64")).best_threshold_)
        except (TypeError, ValueError) as error:
            raise JobFailed(f"{_name(model)} gets no threshold: {error_summary(error)}") from error
    elif not hasattr(model, "predict_proba"):
        message = f"threshold={threshold:g} is one of a probability, which {_name(model)} does not give"
        raise WrongCall(message, remedy="add calibrate=sigmoid, or threshold=balanced")
    made = FixedThresholdClassifier(FrozenEstimator(model), threshold=threshold, pos_label=_plain(second))
    return made.fit(X, y), threshold


def within(model: Any) -> Any:
    """Return the estimator that `fit` made, out of what was put around it here."""
    model = _without_threshold(model)
    if isinstance(model, CalibratedClassifierCV) and len(model.calibrated_classifiers_) == 1:
        model = model.calibrated_classifiers_[0].estimator
    return model


def is_calibrated(model: Any) -> bool:
    """Return whether a model was calibrated here."""
    return isinstance(_without_threshold(model), CalibratedClassifierCV)


def _without_threshold(model: Any) -> Any:
    thresholded = isinstance(model, FixedThresholdClassifier) and isinstance(model.estimator, FrozenEstimator)
    return model.estimator.estimator if thresholded else model


def _unfolded(model: Any) -> Any:
    """Clone an estimator."""
    try:
        return clone(model)
    except TypeError as error:
        raise JobFailed(f"{_name(model)} gets no threshold: {error_summary(error)}") from error


def _for_last_step(model: Any, weight: pd.Series) -> dict[str, Any]:
    """Return the argument by which a pipeline hands weights to its last step."""
    if isinstance(model, Pipeline) and has_fit_parameter(model[-1], "sample_weight"):
        return {f"{model.steps[-1][0]}__sample_weight": weight.to_numpy()}
    return {}


def _plain(label: Any) -> Any:
    """Turn numpy's labels into Python's, as which an option is stored."""
    return label.item() if hasattr(label, "item") else label


def _name(model: Any) -> str:
    return type(model[-1] if isinstance(model, Pipeline) else model).__name__

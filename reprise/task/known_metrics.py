"""The metrics that the engine itself computes. Their names are those of scikit-learn's scorers, without `neg_`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_absolute_percentage_error,
    median_absolute_error,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

from reprise.task.metric import Metric


def one_vs_rest(
    truth: Any, scores: Any, labels: Any, sample_weight: Any = None
) -> list[tuple[Any, np.ndarray, np.ndarray]]:
    """Return label, truth (boolean) and score for each class whose curve is defined; for two, the second alone.

    Args:
        truth: labels, shape (rows,).
        scores: shape (rows, classes), or (rows,) of the second of two classes.
        labels: the classes, shape (classes,).
        sample_weight: shape (rows,); rows of weight 0 define no curve.
    """
    columns = [(labels[-1], scores)] if scores.ndim == 1 else list(zip(labels, scores.T, strict=True))
    curves = [(label, np.asarray(truth == label), score) for label, score in columns]
    counted = slice(None) if sample_weight is None else sample_weight > 0
    return [one for one in curves if one[1][counted].any() and not one[1][counted].all()]


def _mean_over_classes(
    area: Callable[..., Any], truth: Any, scores: Any, labels: Any, sample_weight: Any = None
) -> float | None:
    curves = one_vs_rest(truth, scores, labels, sample_weight)
    areas = [area(true, score, sample_weight=sample_weight) for _, true, score in curves]
    return float(np.mean(areas)) if areas else None


def _balanced_accuracy(truth: Any, predicted: Any, sample_weight: Any = None) -> float:
    """Return the mean recall over the classes that the rows hold, as scikit-learn defines it, without its warning."""
    held = np.unique(truth if sample_weight is None else truth[sample_weight > 0])
    recalls = recall_score(truth, predicted, labels=held, average=None, zero_division=0, sample_weight=sample_weight)
    return float(np.mean(recalls))


def _of_known_classes(
    loss: Callable[..., Any], truth: Any, probabilities: Any, labels: Any, sample_weight: Any = None
) -> float | None:
    """Return a loss of probabilities; None where the rows hold a class that the model does not know."""
    if not np.isin(truth, labels).all():
        return None
    return float(loss(truth, probabilities, labels=labels, sample_weight=sample_weight))


def _r2(truth: Any, predicted: Any, sample_weight: Any = None) -> float | None:
    counted = truth if sample_weight is None else truth[sample_weight > 0]
    if len(np.unique(counted)) == 1:
        return None
    return float(r2_score(truth, predicted, sample_weight=sample_weight))


def _percentage_error(truth: Any, predicted: Any, sample_weight: Any = None) -> float | None:
    """Return the mean of relative errors; None where a true value is zero, by which none can be divided."""
    if not np.all(truth):
        return None
    return float(mean_absolute_percentage_error(truth, predicted, sample_weight=sample_weight))


SHARE, ABOVE_ZERO = (0.0, 1.0), (0.0, None)

CLASSIFICATION = (
    Metric("accuracy", accuracy_score, SHARE),
    Metric("balanced_accuracy", _balanced_accuracy, SHARE),
    Metric("f1_macro", partial(f1_score, average="macro", zero_division=0), SHARE),
    Metric("roc_auc", partial(_mean_over_classes, roc_auc_score), SHARE, needs="scores"),
    Metric("average_precision", partial(_mean_over_classes, average_precision_score), SHARE, needs="scores"),
    Metric("log_loss", partial(_of_known_classes, log_loss), ABOVE_ZERO, False, "probabilities"),  # noqa: FBT003
    Metric("brier_score", partial(_of_known_classes, brier_score_loss), (0.0, 2.0), False, "probabilities"),  # noqa: FBT003
)
"""ROC AUC (Fawcett 2006, doi:10.1016/j.patrec.2005.10.010) and average precision are means over the classes, each
against the rest, for which the rows hold examples and counter-examples. The Brier score (Brier 1950,
doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2) of two classes is up to 1, of more up to 2."""

REGRESSION = (
    Metric("mean_absolute_error", mean_absolute_error, ABOVE_ZERO, False, "values"),  # noqa: FBT003
    Metric("root_mean_squared_error", root_mean_squared_error, ABOVE_ZERO, False, "values"),  # noqa: FBT003
    Metric("r2", _r2, (None, 1.0), needs="values"),
    Metric("median_absolute_error", median_absolute_error, ABOVE_ZERO, False, "values"),  # noqa: FBT003
    Metric("mean_absolute_percentage_error", _percentage_error, ABOVE_ZERO, False, "values"),  # noqa: FBT003
)
"""R² is not defined where all true values are the same, the percentage error not where one is zero."""

KNOWN = {metric.name: metric for metric in (*CLASSIFICATION, *REGRESSION)}
"""All of them by name."""

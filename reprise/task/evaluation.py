"""Judge a classifier on rows that it has not learned from: metrics, a table per class, predictions.

scikit-learn computes the metrics. `mlflow.models.evaluate` took more than a fifth of the whole `evaluate` command on
iris (2.1 of some 10 CPU seconds), and gives no ROC curve of a classifier without probabilities.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    roc_auc_score,
)
from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Evaluation:
    """The results of a classifier on some rows.

    Attributes:
        classes: the labels that the model knows or the rows hold, sorted, shape (classes,).
        truth: true labels, shape (rows,); the index is the row number in the table.
        predicted: predicted labels, shape (rows,).
        scores: decision values or probabilities, one column a class the model knows, shape (rows, classes);
            None for a model that gives labels only. For two classes the first column is minus the second.
        weight: sample weights, shape (rows,), by which the metrics count the rows; None where all count the same.
    """

    classes: np.ndarray
    truth: pd.Series
    predicted: np.ndarray
    scores: pd.DataFrame | None
    weight: np.ndarray | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Accuracy, balanced accuracy, macro F1 and macro one-vs-rest ROC AUC, each from 0 to 1.

        ROC AUC (Fawcett 2006, doi:10.1016/j.patrec.2005.10.010) is the mean over the classes for which the rows hold
        examples and counter-examples; without scores, or without such a class, it is left out. Rows whose weights are
        all 0 have no metrics.
        """
        if self.weight is not None and not self.weight.any():
            return {}
        counted = {"sample_weight": self.weight}
        metrics = {
            "accuracy": accuracy_score(self.truth, self.predicted, **counted),
            "balanced_accuracy": self._balanced_accuracy(),
            "f1_macro": f1_score(self.truth, self.predicted, average="macro", zero_division=0, **counted),
        }
        areas = [roc_auc_score(truth, score, **counted) for _, truth, score in self.one_vs_rest()]
        if areas:
            metrics["roc_auc"] = np.mean(areas)
        return {name: float(value) for name, value in metrics.items()}

    @property
    def confusion(self) -> np.ndarray:
        """Counts of rows, unweighted, shape (classes, classes): true classes down, predicted ones across."""
        counts: np.ndarray = confusion_matrix(self.truth, self.predicted, labels=self.classes)
        return counts

    @property
    def per_class(self) -> pd.DataFrame:
        """Precision, recall, F1, rows and, where they have weights, weight of each class."""
        columns = precision_recall_fscore_support(
            self.truth, self.predicted, labels=self.classes, zero_division=0, sample_weight=self.weight
        )
        names = ["precision", "recall", "f1", "rows" if self.weight is None else "weight"]
        table = pd.DataFrame(
            {"class": [str(label) for label in self.classes], **dict(zip(names, columns, strict=True))}
        )
        if self.weight is not None:
            table.insert(4, "rows", self.confusion.sum(axis=1))
        return table

    @property
    def predictions(self) -> pd.DataFrame:
        """Every row: its number in the table, truth, prediction, and a score for each class."""
        table = pd.DataFrame(
            {"row": self.truth.index.to_numpy(), "truth": self.truth.to_numpy(), "prediction": self.predicted}
        )
        if self.weight is not None:
            table["weight"] = self.weight
        if self.scores is None:
            return table
        return pd.concat([table, self.scores.reset_index(drop=True).add_prefix("score_")], axis=1)

    def one_vs_rest(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return label, truth (boolean) and score for each class whose curve is defined; for two, the second alone."""
        if self.scores is None:
            return []
        labels = {str(label): label for label in self.classes}
        names = list(self.scores.columns)[1:] if self.scores.shape[1] == 2 else list(self.scores.columns)  # noqa: PLR2004
        curves = [(name, (self.truth == labels[name]).to_numpy(), self.scores[name].to_numpy()) for name in names]
        counted = slice(None) if self.weight is None else self.weight > 0
        return [one for one in curves if one[1][counted].any() and not one[1][counted].all()]

    @property
    def counted_classes(self) -> pd.DataFrame:
        """The part of `per_class` whose classes the rows hold, with a weight above 0."""
        table = self.per_class
        return table[table["rows" if self.weight is None else "weight"] > 0]

    def _balanced_accuracy(self) -> float:
        # The mean recall over the classes that the rows hold, as scikit-learn defines it, without its warning.
        if self.weight is None and np.isin(self.predicted, self.truth.unique()).all():
            return float(balanced_accuracy_score(self.truth, self.predicted))
        return float(self.counted_classes["recall"].mean())


def accuracy(model: Any, X: pd.DataFrame, y: pd.Series, weight: pd.Series | None = None) -> float:
    """Return the accuracy of a fitted scikit-learn classifier, each row counted by its weight."""
    if weight is None:
        return float(model.score(X, y))
    return float(accuracy_score(y, model.predict(X), sample_weight=weight))


def evaluate(model: Any, X: pd.DataFrame, y: pd.Series, weight: pd.Series | None = None) -> Evaluation:
    """Ask a fitted scikit-learn classifier for its predictions and scores on X, shape (rows, features)."""
    if isinstance(model, Pipeline) and len(model) > 1:  # transform the rows once for both
        X, model = model[:-1].transform(X), model[-1]
    return assess(y, model.predict(X), scores(model, X, y.index), weight)


def assess(
    truth: pd.Series, predicted: np.ndarray, scored: pd.DataFrame | None, weight: pd.Series | None = None
) -> Evaluation:
    """Put truth, predictions, scores and weights side by side."""
    classes = np.unique(np.concatenate([truth.to_numpy(), predicted]))
    if scored is not None:
        known = scored.attrs["classes"]
        classes = np.unique(np.concatenate([classes, known]))
    return Evaluation(classes, truth, np.asarray(predicted), scored, None if weight is None else weight.to_numpy())


def scores(model: Any, X: Any, index: pd.Index) -> pd.DataFrame | None:
    """Return decision values, else probabilities, with a column a class; None where the model has neither.

    Args:
        model: a fitted classifier.
        X: what it takes, shape (rows, features).
        index: the rows' numbers.
    """
    if hasattr(model, "decision_function"):
        values = np.asarray(model.decision_function(X))
    elif hasattr(model, "predict_proba"):
        values = np.asarray(model.predict_proba(X))
    else:
        return None
    if values.ndim == 1:
        values = np.column_stack([-values, values])
    table = pd.DataFrame(values, columns=[str(label) for label in model.classes_], index=index)
    table.attrs["classes"] = model.classes_
    return table

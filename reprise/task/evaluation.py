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
    """

    classes: np.ndarray
    truth: pd.Series
    predicted: np.ndarray
    scores: pd.DataFrame | None

    @property
    def metrics(self) -> dict[str, float]:
        """Accuracy, balanced accuracy, macro F1 and macro one-vs-rest ROC AUC, each from 0 to 1.

        ROC AUC (Fawcett 2006, doi:10.1016/j.patrec.2005.10.010) is the mean over the classes for which the rows hold
        examples and counter-examples; without scores, or without such a class, it is left out.
        """
        metrics = {
            "accuracy": accuracy_score(self.truth, self.predicted),
            "balanced_accuracy": self._balanced_accuracy(),
            "f1_macro": f1_score(self.truth, self.predicted, average="macro", zero_division=0),
        }
        areas = [roc_auc_score(truth, score) for _, truth, score in self.one_vs_rest()]
        if areas:
            metrics["roc_auc"] = np.mean(areas)
        return {name: float(value) for name, value in metrics.items()}

    @property
    def confusion(self) -> np.ndarray:
        """Counts, shape (classes, classes): true classes down, predicted ones across."""
        counts: np.ndarray = confusion_matrix(self.truth, self.predicted, labels=self.classes)
        return counts

    @property
    def per_class(self) -> pd.DataFrame:
        """Precision, recall, F1 and rows of each class."""
        columns = precision_recall_fscore_support(self.truth, self.predicted, labels=self.classes, zero_division=0)
        names = ["precision", "recall", "f1", "rows"]
        return pd.DataFrame({"class": [str(label) for label in self.classes], **dict(zip(names, columns, strict=True))})

    @property
    def predictions(self) -> pd.DataFrame:
        """Every row: its number in the table, truth, prediction, and a score for each class."""
        table = pd.DataFrame(
            {"row": self.truth.index.to_numpy(), "truth": self.truth.to_numpy(), "prediction": self.predicted}
        )
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
        return [(name, truth, score) for name, truth, score in curves if truth.any() and not truth.all()]

    def _balanced_accuracy(self) -> float:
        # The mean recall over the classes that the rows hold, as scikit-learn defines it, without its warning.
        known = np.isin(self.predicted, self.truth.unique())
        if known.all():
            return float(balanced_accuracy_score(self.truth, self.predicted))
        table = self.per_class
        return float(table.loc[table["rows"] > 0, "recall"].mean())


def evaluate(model: Any, X: pd.DataFrame, y: pd.Series) -> Evaluation:
    """Ask a fitted scikit-learn classifier for its predictions and scores on X, shape (rows, features)."""
    if isinstance(model, Pipeline) and len(model) > 1:  # transform the rows once for both
        X, model = model[:-1].transform(X), model[-1]
    return assess(y, model.predict(X), scores(model, X, y.index))


def assess(truth: pd.Series, predicted: np.ndarray, scored: pd.DataFrame | None) -> Evaluation:
    """Put truth, predictions and scores side by side."""
    classes = np.unique(np.concatenate([truth.to_numpy(), predicted]))
    if scored is not None:
        known = scored.attrs["classes"]
        classes = np.unique(np.concatenate([classes, known]))
    return Evaluation(classes, truth, np.asarray(predicted), scored)


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

"""Judge a classifier on rows that it has not learned from: metrics, a table per class, predictions.

scikit-learn computes the metrics. `mlflow.models.evaluate` took more than a fifth of the whole `evaluate` command on
iris (2.1 of some 10 CPU seconds), and gives no ROC curve of a classifier without probabilities.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from reprise.base import artifact
from reprise.base.portable_property import portable_property
from reprise.base.task import CLASSIFICATION, Task
from reprise.task import known_metrics
from reprise.task.answers import Answers
from reprise.task.judged_rows import JudgedRows
from reprise.task.metric import Metric


@dataclass(frozen=True)
class Evaluation(JudgedRows):
    """The results of a classifier on some rows.

    Attributes:
        classes: the labels that the model knows or the rows hold, sorted, shape (classes,).
        truth: true labels, shape (rows,); the index is the row number in the table.
        predicted: predicted labels, shape (rows,).
        scores: decision values or probabilities, one column a class the model knows, shape (rows, classes);
            None for a model that gives labels only. For two classes the first column is minus the second.
        weight: sample weights, shape (rows,), by which the metrics count the rows; None where all count the same.
        probabilities: as scores; None for a model that gives none.
        own: metrics of the project's own.
        whole: whether these are all rows that a model is judged on; on some of them an own metric may not be defined.
    """

    task: ClassVar[Task] = CLASSIFICATION
    known: ClassVar[tuple[Metric, ...]] = known_metrics.CLASSIFICATION
    headline: ClassVar[str] = "accuracy"
    table_file: ClassVar[str] = artifact.PER_CLASS

    classes: np.ndarray
    truth: pd.Series
    predicted: np.ndarray
    scores: pd.DataFrame | None
    weight: np.ndarray | None = None
    probabilities: pd.DataFrame | None = None
    own: tuple[Metric, ...] = ()
    whole: bool = True

    @property
    def table(self) -> pd.DataFrame:
        """What a table of the rows' parts shows: `per_class`."""
        return self.per_class

    def part(self, kept: np.ndarray) -> "Evaluation":
        """Keep some rows.

        Args:
            kept: boolean, shape (rows,).
        """
        scores = None if self.scores is None else self.scores[kept]
        probabilities = None if self.probabilities is None else self.probabilities[kept]
        weight = None if self.weight is None else self.weight[kept]
        truth, predicted = self.truth[kept], self.predicted[kept]
        return Evaluation(self.classes, truth, predicted, scores, weight, probabilities, self.own, whole=False)

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
        """Every row: its number in the table, truth, prediction, weight if any, and a score for each class."""
        table = super().predictions
        if self.scores is None:
            return table
        return pd.concat([table, self.scores.reset_index(drop=True).add_prefix("score_")], axis=1)

    def one_vs_rest(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return label, truth (boolean) and score for each class whose curve is defined; for two, the second alone."""
        answers = self.answers
        if answers.scores is None:
            return []
        curves = known_metrics.one_vs_rest(answers.truth, answers.scores, answers.labels, self.weight)
        return [(str(label), truth, score) for label, truth, score in curves]

    @property
    def counted_classes(self) -> pd.DataFrame:
        """The part of `per_class` whose classes the rows hold, with a weight above 0."""
        table = self.per_class
        return table[table["rows" if self.weight is None else "weight"] > 0]

    @portable_property
    def answers(self) -> Answers:
        """What a metric takes."""
        if self.scores is None:
            return super().answers
        known = {str(label): label for label in self.classes}
        labels = np.array([known[name] for name in self.scores.columns], dtype=self.classes.dtype)
        scores = self.scores.to_numpy()
        probabilities = None if self.probabilities is None else self.probabilities.to_numpy()
        scores = scores[:, 1] if scores.shape[1] == 2 else scores  # noqa: PLR2004
        return Answers(self.truth.to_numpy(), self.predicted, labels, scores, probabilities, self.weight)


def assess(
    truth: pd.Series,
    predicted: np.ndarray,
    scored: pd.DataFrame | None,
    weight: pd.Series | None = None,
    likely: pd.DataFrame | None = None,
    own: tuple[Metric, ...] = (),
) -> Evaluation:
    """Put truth, predictions, scores, weights, probabilities and own metrics side by side."""
    classes = np.unique(np.concatenate([truth.to_numpy(), predicted]))
    if scored is not None:
        known = scored.attrs["classes"]
        classes = np.unique(np.concatenate([classes, known]))
    weights = None if weight is None else weight.to_numpy()
    return Evaluation(classes, truth, np.asarray(predicted), scored, weights, likely, own)


def scores(model: Any, X: Any, index: pd.Index) -> pd.DataFrame | None:
    """Return decision values, else probabilities, with a column a class; None where the model has neither.

    Args:
        model: a fitted classifier.
        X: what it takes, shape (rows, features).
        index: the rows' numbers.
    """
    if hasattr(model, "decision_function"):
        return _by_class(model, model.decision_function(X), index)
    return probabilities(model, X, index)


def probabilities(model: Any, X: Any, index: pd.Index) -> pd.DataFrame | None:
    """Return the probabilities of each class, as `scores` does; None where the model has none."""
    return _by_class(model, model.predict_proba(X), index) if hasattr(model, "predict_proba") else None


def _by_class(model: Any, found: Any, index: pd.Index) -> pd.DataFrame:
    values = np.asarray(found)
    if values.ndim == 1:
        values = np.column_stack([-values, values])
    table = pd.DataFrame(values, columns=[str(label) for label in model.classes_], index=index)
    table.attrs["classes"] = model.classes_
    return table

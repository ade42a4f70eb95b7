"""What the results of a model on some rows have in common, whichever its task is."""

from typing import ClassVar

import numpy as np
import pandas as pd

from reprise.base.portable_property import portable_property
from reprise.base.task import Task
from reprise.task.answers import Answers
from reprise.task.metric import Metric


class JudgedRows:
    """The metrics and the predictions of a model on some rows.

    Attributes:
        task: of the model.
        known: the engine's metrics of that task.
        truth: true labels or values, shape (rows,); the index is the row number in the table.
        predicted: predicted ones, shape (rows,).
        weight: sample weights, shape (rows,), by which the metrics count the rows; None where all count the same.
        own: metrics of the project's own.
        whole: whether these are all rows that a model is judged on; on some of them an own metric may not be defined.
    """

    task: ClassVar[Task]
    known: ClassVar[tuple[Metric, ...]]

    truth: pd.Series
    predicted: np.ndarray
    weight: np.ndarray | None
    own: tuple[Metric, ...]
    whole: bool

    @property
    def answers(self) -> Answers:
        """What a metric takes."""
        return Answers(self.truth.to_numpy(), self.predicted, weight=self.weight)

    @portable_property
    def metrics(self) -> dict[str, float]:
        """The metrics that are defined on these rows, by name; none where all weights are 0.

        Raises:
            JobFailed: a metric of the project's own fails.
        """
        answers = self.answers
        found = answers.values(self.known)
        own = [metric for metric in self.own if metric.task == self.task]
        return found | (answers.own_values(own, strict=self.whole) if found else {})

    @property
    def predictions(self) -> pd.DataFrame:
        """Every row: its number in the table, truth, prediction and, where there is one, weight."""
        table = pd.DataFrame(
            {"row": self.truth.index.to_numpy(), "truth": self.truth.to_numpy(), "prediction": self.predicted}
        )
        return table if self.weight is None else table.assign(weight=self.weight)

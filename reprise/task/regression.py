"""Judge a regressor on rows that it has not learned from: metrics, a table per segment of the target, predictions."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd

from reprise.base import artifact
from reprise.base.portable_property import portable_property
from reprise.base.task import REGRESSION, Task
from reprise.task import known_metrics
from reprise.task.judged_rows import JudgedRows
from reprise.task.metric import Metric

QUANTILES = (0.25, 0.5, 0.75)
"""Where the true values are cut into segments."""


@dataclass(frozen=True)
class RegressionEvaluation(JudgedRows):
    """The results of a regressor on some rows.

    Attributes:
        truth: true values, shape (rows,); the index is the row number in the table.
        predicted: predicted values, shape (rows,).
        weight: sample weights, shape (rows,), by which the metrics count the rows; None where all count the same.
        own: metrics of the project's own.
        whole: whether these are all rows that a model is judged on; on some of them an own metric may not be defined.
    """

    task: ClassVar[Task] = REGRESSION
    known: ClassVar[tuple[Metric, ...]] = known_metrics.REGRESSION
    headline: ClassVar[str] = "r2"
    table_file: ClassVar[str] = artifact.PER_SEGMENT

    truth: pd.Series
    predicted: np.ndarray
    weight: np.ndarray | None = None
    own: tuple[Metric, ...] = ()
    whole: bool = True

    @property
    def residuals(self) -> np.ndarray:
        """Predicted minus true values, shape (rows,)."""
        return np.asarray(self.predicted - self.truth.to_numpy())

    @portable_property
    def segments(self) -> np.ndarray:
        """The number of each row's segment, from 0, shape (rows,).

        Segments are the quarters of the true values. Equal values are in one segment, so there may be fewer.
        """
        truth = self.truth.to_numpy()
        borders = np.unique(np.quantile(truth, QUANTILES))
        return np.unique(np.searchsorted(borders, truth), return_inverse=True)[1]

    @portable_property
    def per_segment(self) -> pd.DataFrame:
        """Range of the true values, rows, errors and mean residual of each segment, in order; weights if there are."""
        truth, weights = self.truth.to_numpy(), np.ones(len(self.truth)) if self.weight is None else self.weight
        rows = []
        for number in range(self.segments.max() + 1):
            kept = self.segments == number
            errors, counted = self.residuals[kept], weights[kept]
            mean = partial(np.average, weights=counted) if counted.any() else np.mean
            rows.append(
                {
                    "from": truth[kept].min(),
                    "to": truth[kept].max(),
                    "rows": len(errors),
                    "weight": counted.sum(),
                    "mean_absolute_error": mean(np.abs(errors)),
                    "root_mean_squared_error": np.sqrt(mean(np.square(errors))),
                    "bias": mean(errors),
                }
            )
        table = pd.DataFrame(rows)
        return table.drop(columns="weight") if self.weight is None else table

    @property
    def counted_segments(self) -> pd.DataFrame:
        """The part of `per_segment` whose rows count, with a weight above 0."""
        table = self.per_segment
        return table if self.weight is None else table[table["weight"] > 0]

    @property
    def table(self) -> pd.DataFrame:
        """What a table of the rows' parts shows: `per_segment`."""
        return self.per_segment

    def part(self, kept: np.ndarray) -> "RegressionEvaluation":
        """Keep some rows.

        Args:
            kept: boolean, shape (rows,).
        """
        weight = None if self.weight is None else self.weight[kept]
        return RegressionEvaluation(self.truth[kept], self.predicted[kept], weight, self.own, whole=False)

"""A metric: its name, bounds, direction and function. What shows, limits or compares a metric takes it from here."""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from reprise.base.task import CLASSIFICATION, REGRESSION, Task

Needs = Literal["labels", "scores", "probabilities", "values"]
"""What a metric compares the truth with: predicted labels, decision values, probabilities, or predicted numbers."""


WEIGHTS = "sample_weight"
"""The argument of a function that takes weights of rows, as scikit-learn calls it."""


@dataclass(frozen=True)
class Metric:
    """A metric of a model's answers on some rows.

    Attributes:
        name: as it is recorded, after `test_`.
        function: takes the truth, shape (rows,), and what it needs: labels or values, shape (rows,); probabilities,
            shape (rows, classes); scores, shape (rows, classes), or (rows,) of the second of two classes. It is given
            the classes, in the order of the columns, as `labels` where it takes that, and weights of the rows as
            `sample_weight`. It returns a number, or None
            where it is not defined on these rows.
        bounds: the least and the greatest value that there is, None where there is no such bound.
        greater_is_better: whether more is better.
        needs: what it compares the truth with; `values` makes it a metric of regression.
    """

    name: str
    function: Callable[..., Any]
    bounds: tuple[float | None, float | None] = (None, None)
    greater_is_better: bool = True
    needs: Needs = "labels"

    @property
    def task(self) -> Task:
        """The task whose models it is for."""
        return REGRESSION if self.needs == "values" else CLASSIFICATION

    @property
    def scorer(self) -> str:
        """The name of its scorer, of which more is better, as scikit-learn would call it."""
        return self.name if self.greater_is_better else f"neg_{self.name}"


@dataclass(frozen=True)
class Answers:
    """What a model has answered on some rows.

    Attributes:
        truth: labels or numbers, shape (rows,).
        predicted: the same, as the model predicts them.
        labels: the classes of the columns below; None where there are none.
        scores: decision values or probabilities, shape (rows, classes), or (rows,) for the second of two classes.
        probabilities: shape (rows, classes).
        weight: how much each row counts, shape (rows,); None where all count the same.
    """

    truth: Any
    predicted: Any
    labels: Any = None
    scores: Any = None
    probabilities: Any = None
    weight: Any = None

    def value(self, metric: Metric) -> float | None:
        """Return a metric's value; None where it is not defined, or the model does not answer what it needs."""
        needed = {"scores": self.scores, "probabilities": self.probabilities}.get(metric.needs, self.predicted)
        if needed is None:
            return None
        given = {} if self.weight is None else {WEIGHTS: self.weight}
        if metric.needs in ("scores", "probabilities"):
            given["labels"] = self.labels
        known = inspect.signature(metric.function).parameters
        found = metric.function(self.truth, needed, **{name: given[name] for name in given if name in known})
        return None if found is None else float(found)

    def values(self, metrics: Iterable[Metric]) -> dict[str, float]:
        """Return the values of those metrics that are defined, by name; none where no row counts."""
        if self.weight is not None and not self.weight.any():
            return {}
        found = {metric.name: self.value(metric) for metric in metrics}
        return {name: value for name, value in found.items() if value is not None and not math.isnan(value)}

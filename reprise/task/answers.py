"""What a model has answered on some rows, and the values of metrics there."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reprise.base.errors import JobFailed, error_summary
from reprise.contract.project_model import WEIGHTS, accepted
from reprise.task.metric import Metric


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
        found = metric.function(self.truth, needed, **accepted(metric.function, given))
        return None if found is None else float(found)

    def values(self, metrics: Iterable[Metric]) -> dict[str, float]:
        """Return the values of the engine's metrics that are defined, by name; none where no row counts."""
        if self.weight is not None and not self.weight.any():
            return {}
        found = {metric.name: self.value(metric) for metric in metrics}
        return {name: value for name, value in found.items() if value is not None and not math.isnan(value)}

    def own_value(self, metric: Metric) -> float | None:
        """Return the value of a project's own metric; None where it is not defined.

        Raises:
            JobFailed: it raises, or its value is no finite number.
        """
        rows, named = len(self.truth), f"metric {metric.name!r} of model.py"
        try:
            value = self.value(metric)
        except Exception as error:  # whatever the project's function raises
            cause = f"{type(error).__name__}: {error_summary(error)}"
            raise JobFailed(f"{named} fails on {rows} rows: {cause}", remedy="correct its function") from error
        if value is not None and not math.isfinite(value):
            message = f"{named} is {value} on {rows} rows"
            raise JobFailed(message, remedy="let its function return None where it is not defined")
        return value

    def own_values(self, metrics: Iterable[Metric], *, strict: bool) -> dict[str, float]:
        """Return the values of a project's own metrics that are defined, by name.

        Args:
            metrics: of the project.
            strict: whether one that fails is an error; else it is not defined, as on the few rows of a slice.

        Raises:
            JobFailed: one fails.
        """
        found: dict[str, float] = {}
        for metric in metrics:
            try:
                value = self.own_value(metric)
            except JobFailed:
                if strict:
                    raise
                continue
            found |= {} if value is None else {metric.name: value}
        return found

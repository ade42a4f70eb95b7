"""A metric: its name, bounds, direction and function. What shows, limits or compares a metric takes it from here.

This module travels with a model whose model.py declares metrics, so it imports little.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from reprise.base.task import CLASSIFICATION, REGRESSION, Task

Needs = Literal["labels", "scores", "probabilities", "values"]
"""What a metric compares the truth with: predicted labels, decision values, probabilities, or predicted numbers."""


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

"""The two tasks that a table can be for, as scikit-learn names them."""

from typing import Literal

Task = Literal["classification", "regression"]

CLASSIFICATION: Task = "classification"
REGRESSION: Task = "regression"
TASKS: tuple[Task, ...] = (CLASSIFICATION, REGRESSION)

FORMERLY = CLASSIFICATION
"""The task of a run, a search or a model that was recorded without one."""


def other(task: Task) -> Task:
    """Return the other one of the two."""
    return REGRESSION if task == CLASSIFICATION else CLASSIFICATION

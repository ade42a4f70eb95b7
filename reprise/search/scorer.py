"""The scorer of a search: more of it is always better."""

from difflib import get_close_matches

from sklearn.metrics import get_scorer, get_scorer_names

from reprise.base.errors import WrongCall
from reprise.base.task import CLASSIFICATION, REGRESSION, Task, other

AUTO = "auto"
"""The metric that stands for the usual one of the task."""

EXAMPLES: dict[Task, tuple[str, ...]] = {
    CLASSIFICATION: ("accuracy", "balanced_accuracy", "f1_macro"),
    REGRESSION: ("r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"),
}
"""Names of scorers, for a person."""

USUAL: dict[Task, str] = {CLASSIFICATION: "accuracy", REGRESSION: "r2"}


def check_metric(metric: str) -> None:
    """Make sure that scikit-learn has a scorer of that name.

    Raises:
        WrongCall: it has none.
    """
    names = get_scorer_names()
    if metric not in names:
        near = get_close_matches(metric, names, 3, 0.4) or list(EXAMPLES[CLASSIFICATION])
        raise WrongCall(f"metric {metric!r} is no scorer of scikit-learn; did you mean {', '.join(near)}?")


def metric_for(metric: str, task: Task) -> str:
    """Return the scorer's name for a task, `auto` replaced.

    Raises:
        WrongCall: it is a scorer of the other task.
    """
    if metric == AUTO:
        return USUAL[task]
    function = getattr(get_scorer(metric), "_score_func", None)
    of_regression = getattr(function, "__module__", "") == "sklearn.metrics._regression"
    if of_regression != (task == REGRESSION):
        message = f"metric {metric!r} is for {other(task)}, and the task is {task}"
        raise WrongCall(message, remedy=f"use {' or '.join(EXAMPLES[task])}, or leave metric out")
    return metric

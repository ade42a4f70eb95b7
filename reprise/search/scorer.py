"""The scorer of a search: more of it is always better."""

import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

from sklearn.metrics import get_scorer, get_scorer_names

from reprise.base.errors import WrongCall
from reprise.base.task import CLASSIFICATION, REGRESSION, Task, other
from reprise.task.metric import Metric
from reprise.task.result import evaluate

AUTO = "auto"
"""The metric that stands for the usual one of the task."""

EXAMPLES: dict[Task, tuple[str, ...]] = {
    CLASSIFICATION: ("accuracy", "balanced_accuracy", "f1_macro"),
    REGRESSION: ("r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"),
}
"""Names of scorers, for a person."""

USUAL: dict[Task, str] = {CLASSIFICATION: "accuracy", REGRESSION: "r2"}


def check_metric(metric: str, own: Sequence[Metric] = ()) -> None:
    """Make sure that scikit-learn has a scorer of that name, or that the project has.

    Args:
        metric: the scorer's name.
        own: metrics of the project's own; the scorer of one of which less is better is called `neg_` and its name.

    Raises:
        WrongCall: neither has.
    """
    mine = [each.scorer for each in own]
    names = [*mine, *get_scorer_names()]
    if metric not in names:
        near = get_close_matches(metric, names, 3, 0.4) or list(EXAMPLES[CLASSIFICATION])
        known = "scorer of scikit-learn" + (f", nor {', '.join(mine)} of model.py" if mine else "")
        raise WrongCall(f"metric {metric!r} is no {known}; did you mean {', '.join(near)}?")


def metric_for(metric: str, task: Task, own: Sequence[Metric] = ()) -> str:
    """Return the scorer's name for a task, `auto` replaced.

    Raises:
        WrongCall: it is a scorer of the other task.
    """
    if metric == AUTO:
        return USUAL[task]
    mine = next((each for each in own if each.scorer == metric), None)
    of = mine.task if mine else _task(metric)
    if of != task and (mine or task == REGRESSION):  # classes that are numbers have errors too
        message = f"metric {metric!r} is for {other(task)}, and the task is {task}"
        raise WrongCall(message, remedy=f"use {' or '.join(EXAMPLES[task])}, or leave metric out")
    return metric


def _task(metric: str) -> Task:
    function = getattr(get_scorer(metric), "_score_func", None)
    return REGRESSION if getattr(function, "__module__", "") == "sklearn.metrics._regression" else CLASSIFICATION


def find(metric: str, own: Sequence[Metric] = ()) -> Callable[..., Any]:
    """Return the scorer of a name: it takes a fitted estimator, X, y and sample weights by name."""
    mine = next((each for each in own if each.scorer == metric), None)
    return partial(_score, mine) if mine else get_scorer(metric)


def _score(metric: Metric, model: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
    """Score an estimator by a project's own metric."""
    value = evaluate(model, X, y, metric.task, sample_weight).answers.own_value(metric)
    return math.nan if value is None else value if metric.greater_is_better else -value

"""Check the metrics that a project declares."""

import re
from collections.abc import Collection
from typing import Any, get_args

from reprise.base.errors import WrongCall
from reprise.task.metric import Metric, Needs


def checked(declared: Any, taken: Collection[str]) -> tuple[Metric, ...]:
    """Check the metrics that a project declares.

    Args:
        declared: METRICS of its model.py.
        taken: names of the engine's own metrics.

    Raises:
        WrongCall: one is none, or has the name of another, or what it declares cannot be.
    """
    if not isinstance(declared, (list, tuple)):
        raise WrongCall(f"model.py: METRICS is {declared!r}", remedy="write a list of Metric(name, function, ...)")
    names: list[str] = []
    for metric in declared:
        if not isinstance(metric, Metric):
            raise WrongCall(f"model.py: METRICS holds {metric!r}", remedy="write Metric(name, function, ...)")
        if problem := _problem(metric, [*taken, *names]):
            raise WrongCall(f"model.py: METRICS: {metric.name!r} {problem[0]}", remedy=problem[1])
        names.append(metric.name)
    return tuple(declared)


def _problem(metric: Metric, taken: Collection[str]) -> tuple[str, str] | None:
    """Return what is wrong with a metric and what to do, or None."""
    if not isinstance(metric.name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", metric.name):
        return "is no name", "use letters, digits and _, a letter first"
    if metric.name in taken:
        return "is the name of another metric", "choose another name"
    if not callable(metric.function):
        return f"has {metric.function!r} as its function", "name a function of truth and predictions"
    if metric.needs not in get_args(Needs):
        return f"needs {metric.needs!r}", f"choose one of {', '.join(get_args(Needs))}"
    try:
        least, greatest = metric.bounds
        ordered = least is None or greatest is None or least < greatest
    except (TypeError, ValueError):
        ordered = False
    return None if ordered else (f"has the bounds {metric.bounds!r}", "write (least, greatest), None for no bound")

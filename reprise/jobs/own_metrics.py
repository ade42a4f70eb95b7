"""The metrics that a project declares as METRICS in model.py."""

import json
from collections.abc import Iterable

from reprise.base import tag
from reprise.contract import project_model
from reprise.task.declared_metrics import checked
from reprise.task.known_metrics import KNOWN
from reprise.task.metric import Metric


def own_metrics() -> tuple[Metric, ...]:
    """Read the metrics of the project's own.

    Raises:
        WrongCall: what it declares is no metric, or has the name of another.
    """
    return checked(project_model.declared_metrics(), KNOWN)


def all_metrics() -> dict[str, Metric]:
    """Return the metrics of the engine and of the project, by name.

    Raises:
        WrongCall: as `own_metrics`.
    """
    return KNOWN | {metric.name: metric for metric in own_metrics()}


def tags_of(metrics: Iterable[Metric]) -> dict[str, str]:
    """Return the tag that keeps bounds and direction of a project's own metrics; none where it has none."""
    kept = {metric.name: {"bounds": metric.bounds, "greater_is_better": metric.greater_is_better} for metric in metrics}
    return {tag.METRICS: json.dumps(kept)} if kept else {}

"""The best run of an experiment by a metric, among training runs and trials."""

import math
import re
from collections.abc import Iterator
from typing import Literal

import mlflow

from reprise.base import tag, untrusted_text
from reprise.base.errors import WrongCall, error_summary
from reprise.base.terminal import labelled
from reprise.store.experiment import existing_id
from reprise.store.paging import every

Direction = Literal["auto", "maximize", "minimize"]

JOBS = ("train", "trial")
MORE_IS_BETTER = {"accuracy", "precision", "recall", "f1", "auc", "score", "r2", "jaccard", "kappa", "neg", "variance"}
"""Parts of metrics' names by which more is better; every scikit-learn scorer is so, losses beginning with `neg`."""
LESS_IS_BETTER = {"loss", "error", "seconds", "std", "mse", "rmse", "mae", "mape", "deviance", "brier"}
PREFIX = re.compile("^(test|train)_")
"""The prefixes of metrics of a training run."""
PAGE = 100


def best_run(metric: str, where: str = "", direction: Direction = "auto") -> mlflow.entities.Run:
    """Find the finished training run or trial with the best value of a metric; of equal ones, the oldest.

    Args:
        metric: its name, such as `test_accuracy`, or `cv_accuracy` of trials.
        where: more of a condition, in the language of mlflow.search_runs, such as `params.kernel = 'rbf'`.
        direction: whether more or less is better; `auto` tells it by the name.

    Raises:
        WrongCall: no run has the metric as a finite number, the condition cannot be read, or the name does not tell.
    """
    experiment = existing_id()
    if direction == "auto":
        direction = _declared(metric, experiment) or direction_of(metric)
    for run in _ranked(metric, where, experiment, maximize=direction == "maximize"):
        if metric not in run.data.metrics:  # nor have those that follow
            break
        if math.isfinite(run.data.metrics[metric]) and run.data.tags.get(tag.JOB) in JOBS:
            return run
    condition = f" where {where}" if where else ""
    message = f"experiment {experiment} has no finished training run or trial with a finite {metric}{condition}"
    raise WrongCall(message)


def _declared(metric: str, experiment: str) -> Direction | None:
    """Return which direction the newest run declares of a metric of the project's own; None where none does."""
    name = PREFIX.sub("", metric)
    declaring = f"tags.`{tag.METRICS}` LIKE '%\"{name}\"%'"
    if not re.fullmatch(r"\w+", name):
        return None
    newest = ["attributes.start_time DESC"]
    for run in mlflow.MlflowClient().search_runs([experiment], declaring, max_results=1, order_by=newest):
        try:
            declared = untrusted_text.parse_json(run.data.tags[tag.METRICS])
            return "maximize" if declared[name]["greater_is_better"] else "minimize"
        except (ValueError, KeyError, TypeError):
            return None
    return None


def direction_of(metric: str) -> Direction:
    """Return by a metric's name whether more or less of it is better.

    Raises:
        WrongCall: the name does not tell.
    """
    parts = set(re.split(r"[^a-z0-9]+", metric.lower()))
    if parts & LESS_IS_BETTER and not ("neg" in parts and "std" not in parts):
        return "minimize"
    if parts & MORE_IS_BETTER or metric.startswith("cv_"):  # the scorer of a trial
        return "maximize"
    raise WrongCall(f"the name of metric {metric!r} does not tell whether more is better", remedy="say --direction")


def _ranked(metric: str, where: str, experiment: str, *, maximize: bool) -> Iterator[mlflow.entities.Run]:
    """Return the finished runs, the best first."""
    condition = "attributes.status = 'FINISHED'" + (f" and {where}" if where else "")
    order = [f"metrics.`{metric}` {'DESC' if maximize else 'ASC'}", "attributes.start_time ASC"]
    try:
        yield from every(mlflow.MlflowClient().search_runs, [experiment], condition, order_by=order, size=PAGE)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        raise WrongCall(f"where {where!r} cannot be read: {error_summary(error)}") from error


def run_lines(run: mlflow.entities.Run, metric: str) -> list[str]:
    """List, a line each, which run it is, how good, and with which parameters."""
    parent = run.data.tags.get(tag.PARENT)
    lines = {
        "run": f"{run.info.run_id} {run.info.run_name or ''}",
        "job": run.data.tags[tag.JOB] + (f" of run {parent}" if parent else ""),
        metric: f"{run.data.metrics[metric]:.6g}",
        **{f"param {name}": value for name, value in sorted(run.data.params.items())},
    }
    return labelled(lines)

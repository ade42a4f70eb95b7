"""Gather the evidence for a policy: metrics, comparison with the champion, provenance, files and speed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import mlflow
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from reprise.base import project, project_settings, tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.code.checkout import in_branch
from reprise.data.dataset import to_judge
from reprise.governance.judgement import Comparison, Evidence, Slice
from reprise.governance.paired_test import paired
from reprise.governance.policy import OriginRule, Policy
from reprise.governance.verdict import NO_CHAMPION
from reprise.models import registry
from reprise.models.held_out import HeldOutRows, held_out_by
from reprise.models.logged_model import Subject, load
from reprise.task import known_metrics
from reprise.task.evaluation import Evaluation
from reprise.task.metric import Metric
from reprise.task.regression import RegressionEvaluation
from reprise.task.result import Result, evaluate_answers

TIMED = 20
"""Times that one row is predicted to tell how long that takes."""

MANY = 50
"""Values of a column that slices are made of at most: a column with more is no grouping."""


@dataclass(frozen=True)
class Champion:
    """The model to compare with.

    Attributes:
        uri: by which it was found.
        identity: its logged model `m-…`, or where its files are.
        subject: the model, loaded; None where it is the challenger itself or does not load.
        problem: why it does not load.
    """

    uri: str
    identity: str
    subject: Subject | None = None
    problem: str | None = None


def find_champion(uri: str, challenger: Subject, *, trusted: bool = False) -> Champion | None:
    """Find the model to compare with; None for `none`, and where nothing has the alias yet.

    Args:
        uri: `champion`, which is that of this project, `models:/name@alias`, `models:/name/3`, or `none`.
        challenger: the model that is judged.
        trusted: as in `reprise.models.logged_model.load`.

    Raises:
        WrongCall: the URI is of another kind, or names a version that does not exist.
    """
    if uri == NO_CHAMPION:
        return None
    uri = project_settings.current().model_uri(uri)
    if not uri.startswith("models:/") or not set(uri.removeprefix("models:/")) & set("@/"):
        raise WrongCall(f"champion {uri!r} is neither models:/name@alias, nor models:/name/version, nor none")
    version = registry.of_uri(uri)
    if version is None and "@" not in uri:
        raise WrongCall(f"champion {uri!r} does not exist", remedy="name another version, models:/name@alias, or none")
    if version is None:
        return None
    identity = version.model_id or version.source
    if version.model_id and version.model_id == challenger.model_id:
        return Champion(version.uri, identity)
    try:
        return Champion(version.uri, identity, load(version.uri, trusted=trusted))
    except (WrongCall, JobFailed) as error:
        return Champion(version.uri, identity, problem=error.message)


def gather(
    subject: Subject, rows: HeldOutRows, evaluation: Result, champion: Champion | None, policy: Policy
) -> Evidence:
    """Gather all evidence.

    Args:
        subject: the model that is judged.
        rows: what it is judged on.
        evaluation: what it did on them.
        champion: the model to compare with; None where there is none.
        policy: says which slices to make and which branch to look at.

    Raises:
        WrongCall: the policy names a column that the table does not have, or has too many values.
    """
    return Evidence(
        rows=len(rows.dataset.y),
        held_out=rows.held_out,
        data=rows.table.fingerprint,
        metrics=evaluation.metrics,
        worst_class=_worst_class(evaluation) if isinstance(evaluation, Evaluation) else None,
        comparison=_compare(rows, evaluation, champion) if champion else None,
        slices={column: _slices(column, rows, evaluation) for column in policy.slices},
        provenance=_provenance(subject, policy.provenance),
        model_size=subject.files.size,
        prediction_time=_prediction_time(subject, rows.dataset.raw) if policy.prediction_time else None,
        task=evaluation.task,
        worst_segment=_worst_segment(evaluation) if isinstance(evaluation, RegressionEvaluation) else None,
        metric_tasks={metric.name: metric.task for metric in (*known_metrics.KNOWN.values(), *evaluation.own)},
    )


def _worst_class(evaluation: Evaluation) -> tuple[str, float]:
    present = evaluation.counted_classes
    worst = present.iloc[int(present["recall"].argmin())]
    return str(worst["class"]), float(worst["recall"])


def _worst_segment(evaluation: RegressionEvaluation) -> tuple[str, float]:
    table = evaluation.counted_segments
    worst = table.iloc[int(table["mean_absolute_error"].argmax())]
    whole = evaluation.metrics["mean_absolute_error"]
    return f"{worst['from']:.4g} to {worst['to']:.4g}", float(worst["mean_absolute_error"] / whole) if whole else 1.0


def _compare(rows: HeldOutRows, evaluation: Result, champion: Champion) -> Comparison:
    if champion.subject is None:
        return Comparison(champion.uri, problem=champion.problem, itself=champion.problem is None)
    if champion.subject.task != evaluation.task:
        message = f"the champion is for {champion.subject.task}, this model for {evaluation.task}"
        return Comparison(champion.uri, problem=f"{message}: give them names of their own, or champion=none")
    try:
        common = _unseen(champion.subject, rows)
        theirs = _on(champion.subject, rows, common, evaluation.own) if common.any() else None
    except (WrongCall, JobFailed) as error:
        message = f"the champion cannot be judged on this table: {error.message}"
        return Comparison(champion.uri, problem=message)
    if theirs is None:
        message = "no row was held out by both: train with the champion's seed and test_size"
        return Comparison(champion.uri, problem=message)
    ours = evaluation.part(common)
    others = theirs.part(np.ones(len(theirs.truth), dtype=bool)).metrics  # an own metric may not be defined for it
    change = {name: value - others[name] for name, value in ours.metrics.items() if name in others}
    worse, better = paired(ours, theirs)
    return Comparison(champion.uri, int(common.sum()), change, worse, better)


def _unseen(champion: Subject, rows: HeldOutRows) -> np.ndarray:
    """Return the rows that the champion has not learned from, as far as its record tells."""
    held_out = held_out_by(champion, rows.table)
    if held_out is None:
        return np.ones(len(rows.dataset.y), dtype=bool)
    return np.asarray(rows.dataset.y.index.isin(held_out))


def _on(model: Subject, rows: HeldOutRows, kept: np.ndarray, own: tuple[Metric, ...]) -> Result:
    y = rows.dataset.y[kept]
    known = to_judge(rows.table, rows.dataset.target, model.features or list(rows.dataset.raw.columns), model.known)
    X = model.as_served(known.raw.loc[y.index])  # it may know other columns than the challenger
    weight = None if rows.dataset.weight is None else rows.dataset.weight[kept]
    return evaluate_answers(model.predict, model.classifier, X, y, model.task, weight, own)


def _slices(column: str, rows: HeldOutRows, evaluation: Result) -> tuple[Slice, ...]:
    frame = rows.table.frame
    if column not in frame:
        raise WrongCall(f"policy: slices: {column!r} is not a column of {rows.table.source.name}")
    values = frame.loc[rows.dataset.y.index, column].astype(object)
    counts = values.value_counts(dropna=False)
    if len(counts) > MANY:
        message = f"policy: slices: column {column!r} has {len(counts)} values here; at most {MANY} make slices"
        raise WrongCall(message)
    found = []
    for value, count in counts.items():
        kept = (values.isna() if pd.isna(value) else values == value).to_numpy(dtype=bool)
        found.append(Slice("missing" if pd.isna(value) else str(value), int(count), evaluation.part(kept).metrics))
    return tuple(found)


def _provenance(subject: Subject, wanted: OriginRule) -> Mapping[str, tuple[str, bool]]:
    tags = mlflow.get_run(subject.run_id).data.tags if subject.run_id else {}
    commit = tags.get(tag.COMMIT)
    patch = tags.get(tag.PATCH, "not recorded")
    clean = commit is not None and tags.get(tag.DIRTY) == "false"
    tree = "no commit" if commit is None else "clean" if clean else f"patch {patch}"
    recorded = clean or (commit is not None and patch == "complete")
    branch = "no commit" if commit is None else ""
    if commit and wanted.branch:
        branch = in_branch(project.FOLDER, commit, wanted.branch)
    fingerprint = tags.get(tag.DATA_FINGERPRINT, "")
    matches = tags.get(tag.ENVIRONMENT_MATCHES, "not recorded")
    signature = subject.features is not None
    reproduction = tags.get(tag.REPRODUCTION, "not tried")
    return {
        "tree": (tree, recorded if wanted.tree == "recorded" else clean),
        "branch": (branch, branch == "yes"),
        "fingerprint": (fingerprint[:12] or "not recorded", bool(fingerprint)),
        "lock": ("matches" if matches == "true" else "differs" if matches == "false" else matches, matches == "true"),
        "signature": ("yes" if signature else "none", signature),
        "skops": ("a pickle" if subject.pickled else "yes", not subject.pickled),
        "reproduction": (reproduction, reproduction.partition(",")[0] == "reproduced"),
    }


def _prediction_time(subject: Subject, raw: pd.DataFrame) -> float:
    """Measure the milliseconds of CPU time that one row takes.

    The least of some counts: other processes of a busy machine only add to the clock's time, and to a cache that is
    cold. One thread computes, so that none is counted which only waits.
    """
    seconds = []
    with threadpool_limits(1), subject.space.entered():
        for row in range(TIMED):
            one = raw.iloc[[row % len(raw)]]
            begin = time.process_time()
            subject.predict(one)
            seconds.append(time.process_time() - begin)
    return min(seconds) * 1000

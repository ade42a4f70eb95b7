"""Rerun a recorded run, and report whether its results are the same."""

from typing import Literal

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

from reprise.base import artifact, scratch, tag
from reprise.base.credentials import without_credentials
from reprise.base.errors import Irreproducible, JobFailed
from reprise.base.terminal import note, say, summary
from reprise.contract.command import current
from reprise.contract.parameters import TrustModel
from reprise.proof import preparation, registered_versions, reproduction
from reprise.proof.bisection import bisect
from reprise.proof.outcome import ReproductionOutcome
from reprise.store import provenance, recorded


def reproduce(
    run: str = "latest",
    repository: str = "recorded",
    env_manager: Literal["recorded", "uv", "virtualenv", "conda", "local"] = "recorded",
    commits: str = "none",
    metric: str = "any",
    *,
    trust_model: TrustModel = False,
    published: bool = False,
    apply_patch: bool = True,
) -> None:
    """Rerun a recorded run at its commit, compare the results of both, and record a verdict.

    Args:
        run: A run id, any MLflow model URI, or latest (training run).
        repository: The URL or path of the repository; recorded: the recorded one.
        env_manager: The environment manager of the rerun; recorded: the run's own.
        commits: A..B: find the first commit at which a metric differs.
        metric: The metric that --commits compares.
        published: yes: refuse a commit that no branch or tag of the repository contains.
        apply_patch: no: refuse a run with recorded uncommitted changes.

    Example: python -m reprise job reproduce --run models:/reprise/3
    """
    subject = registered_versions.subject(run)
    how = current()
    origin = provenance.collect(command=how.command)
    tags = origin.tags() | {tag.REPRODUCES: subject.run.info.run_id}
    with tracking.start_run("reproduce", how.parameters, tags) as active:
        where = (repository, env_manager, active.info.experiment_id)
        if commits != "none":
            _bisect(subject, where, commits, metric)
            return
        verdict = reproduction.reproduce(
            subject, *where, _announce, trusted=trust_model, apply_patch=apply_patch, published=published
        )
        reproduction.keep(verdict, active.info.run_id)

    say("", *verdict.table().splitlines(), "")
    if verdict.outcome is ReproductionOutcome.IRREPRODUCIBLE:
        raise Irreproducible(f"run {verdict.run_id} cannot be reproduced: {verdict.reason}")
    if verdict.outcome is ReproductionOutcome.DIVERGED:
        raise JobFailed(f"run {verdict.run_id} diverged: {verdict.reason}")


def _bisect(subject: registered_versions.Subject, where: tuple[str, str, str], commits: str, metric: str) -> None:
    with scratch.folder("bisect") as folder:
        run = recorded.read(subject.run, folder / "recorded")
        plan = preparation.prepare(run, *where)
        _announce(plan)
        found = bisect(run, plan, commits, metric, note)
    summary(
        {
            "first": f"{found.commit} {found.subject}",
            **{finding.name: f"{finding.recorded}, there {finding.again}" for finding in found.findings},
        }
    )


def _announce(plan: preparation.Plan) -> None:
    """Report whose code is about to be run."""
    request = plan.request
    repository = without_credentials(request.place.repository)
    note(f"runs {request.entry_point} of {repository} at {request.place.version}")
    if request.patch:
        changes = f"uncommitted changes of {len(request.patch)} bytes"
        note(f"with {changes}, which come from the store and not from the repository ({artifact.PATCH} of the run)")
    if given := [f"{name}={value}" for name, value in request.variables.items() if value is not None]:
        note(f"with {' '.join(given)}, as the run had it")
    if plan.lacks:
        note(plan.lacks)

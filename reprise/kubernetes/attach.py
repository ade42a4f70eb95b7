"""Follow a Job whose launcher has ended."""

import re
from http import HTTPStatus

import mlflow

from reprise.base import tag
from reprise.base.errors import WrongCall
from reprise.base.terminal import say
from reprise.kubernetes.api_server import Refused, ask, connect
from reprise.kubernetes.conclusion import KubernetesJobFailed, end_with_job
from reprise.kubernetes.job_follower import JobPlace
from reprise.kubernetes.manifest import RUN_LABEL
from reprise.kubernetes.settings import START_TIMEOUT
from reprise.running.entry_point_run import end
from reprise.store.recorded import existing

_NAMES = re.compile(r"([a-z0-9-]+)/([a-z0-9.-]+)")


def attach(run_id: str, context: str | None) -> None:
    """Follow a run's Job to its end in place of the process that started it.

    Args:
        run_id: of the run.
        context: of kubeconfig; None for the one that the Job was made with.

    Raises:
        WrongCall: there is no such run, it is deleted, it is not on Kubernetes, or it names what is not its own Job.
        KubernetesJobFailed: the Job failed, or is gone.
    """
    run = existing(run_id)
    tags = run.data.tags
    if tag.KUBERNETES_JOB not in tags:
        raise WrongCall(f"run {run_id} has no Job on Kubernetes; it was started by backend {tags.get(tag.BACKEND)}")
    place = _place(run_id, tags[tag.KUBERNETES_JOB])
    server = connect(context or tags.get(tag.KUBERNETES_CONTEXT))
    try:
        job = ask(server, "GET", place.path)
        if (job["metadata"].get("labels") or {}).get(RUN_LABEL) != run_id:
            other = f"Job {place.name} in namespace {place.namespace}"
            message = f"{other} is not of run {run_id}, whose tag {tag.KUBERNETES_JOB} names it"
            raise WrongCall(f"{message}; nothing was done")
    except Refused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        if run.info.status in ("RUNNING", "SCHEDULED"):
            reason = f"Job {place.name} no longer exists, so its end is unknown"
            end(run_id, "FAILED", reason)
            raise KubernetesJobFailed(run_id, reason, 1) from refused
    else:
        end_with_job(server, place, run_id, START_TIMEOUT)
    say(f"run {run_id} {mlflow.get_run(run_id).info.status}")


def _place(run_id: str, named: str) -> JobPlace:
    """Read where a run says that its Job is: two names, which become part of a path at the API server."""
    found = _NAMES.fullmatch(named)
    if found is None:
        said = f"its tag {tag.KUBERNETES_JOB} is {named!r:.200}, not <namespace>/<name>"
        raise WrongCall(f"run {run_id} names no Job: {said}")
    return JobPlace(found[1], found[2])

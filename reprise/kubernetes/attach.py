"""A Job that goes on without the process that started it, followed again."""

from http import HTTPStatus

import mlflow

from reprise.errors import WrongCall
from reprise.kubernetes.api_server import Refused, ask, connect
from reprise.kubernetes.conclusion import CONTEXT_TAG, JOB_TAG, KubernetesJobFailed, see_to_the_end
from reprise.kubernetes.following import JobPlace
from reprise.kubernetes.settings import START_TIMEOUT
from reprise.recorded import existing
from reprise.running.job import end
from reprise.terminal import say


def attach(run_id: str, context: str | None) -> None:
    """Follow a run's Job to its end, as the process that started it would have done.

    Args:
        run_id: of the run.
        context: of kubeconfig; None for the one that the Job was made with.

    Raises:
        WrongCall: there is no such run, it is deleted, or it is not on Kubernetes.
        KubernetesJobFailed: the Job failed, or is gone.
    """
    run = existing(run_id)
    tags = run.data.tags
    if JOB_TAG not in tags:
        raise WrongCall(
            f"run {run_id} has no Job on Kubernetes; it was started by backend {tags.get('mlflow.project.backend')}"
        )
    place = JobPlace(*tags[JOB_TAG].split("/"))
    server = connect(context or tags[CONTEXT_TAG])
    try:
        ask(server, "GET", place.path)
    except Refused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        if run.info.status in ("RUNNING", "SCHEDULED"):
            reason = f"Job {place.name} is gone, and nobody saw how it ended"
            end(run_id, "FAILED", reason)
            raise KubernetesJobFailed(run_id, reason, 1) from refused
    else:
        see_to_the_end(server, place, run_id, START_TIMEOUT)
    say(f"run {run_id} {mlflow.get_run(run_id).info.status}")

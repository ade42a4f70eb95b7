"""End a Job's run with the status and the reason of the Job."""

from contextlib import suppress

import mlflow
from mlflow.exceptions import MlflowException

from reprise.base import tag
from reprise.base.errors import JobFailed
from reprise.base.interruption import terminated_as_interrupted
from reprise.base.terminal import note
from reprise.kubernetes.api_server import ApiServer, Unreachable
from reprise.kubernetes.job_follower import JobPlace, delete, follow
from reprise.kubernetes.manifest import COMPONENT_LABEL, RUN_LABEL, WORKER
from reprise.kubernetes.pod_status import Ended
from reprise.running.entry_point_run import end
from reprise.running.search_workers import takes_workers

REASONS = (tag.FAILURE, tag.EXIT_CODE)


class KubernetesJobFailed(JobFailed):
    """The Job itself failed."""

    def __init__(self, run_id: str, reason: str, exit_code: int) -> None:
        super().__init__(f"run {run_id} failed: {reason}")
        self.run_id = run_id
        self.exit_code = exit_code  # type: ignore[misc]


def end_with_job(server: ApiServer, place: JobPlace, run_id: str, start_timeout: float) -> None:
    """Follow a Job, end its run as the Job ended, and delete the Job.

    Raises:
        KubernetesJobFailed: it failed.
        JobFailed: the cluster has been away for too long; the Job is left, and so is the run.
        KeyboardInterrupt: this process was interrupted, or asked to terminate; the Job is deleted, the run KILLED.
    """
    try:
        with terminated_as_interrupted():
            ended = follow(server, place, start_timeout, _workers(run_id))
    except KeyboardInterrupt:
        note(f"interrupted: deleting Job {place.name}, and waiting for its pods to end …")
        abandon(server, place)
        end(run_id, "KILLED", "interrupted", overwrite=True)
        raise
    except Unreachable as error:
        message = f"{error.format_message()}; the Job may still be running"
        raise JobFailed(message, remedy=f"follow it with: reprise attach {run_id}") from error
    conclude(server, place, run_id, ended)


def _workers(run_id: str) -> dict[str, str] | None:
    """Return the selector of a run's worker pods, or None for a run without workers."""
    with suppress(MlflowException):  # what the launcher says of them is not worth a run
        if takes_workers(mlflow.get_run(run_id)):
            return {"labelSelector": f"{RUN_LABEL}={run_id},{COMPONENT_LABEL}={WORKER}"}
    return None


def conclude(server: ApiServer, place: JobPlace, run_id: str, ended: Ended) -> None:
    """Delete a Job, then end its run. In this order no pod logs to the run later.

    Raises:
        KubernetesJobFailed: it failed.
    """
    abandon(server, place)
    if ended.cause is None:
        forget_reasons(run_id)  # of a pod that was lost, which may say so when its successor runs already
        end(run_id, "FINISHED")
        return
    reason = _own_reason(run_id) if ended.by_exit else None
    end(run_id, "FAILED", reason or ended.cause, overwrite=True)
    raise KubernetesJobFailed(run_id, reason or ended.cause, ended.exit_code or 1)


def abandon(server: ApiServer, place: JobPlace) -> None:
    """Delete a Job, or report why not. A pod that starts later finds its run ended and does nothing."""
    try:
        delete(server, place)
    except JobFailed as error:
        note(f"Job {place.name} in namespace {place.namespace} could not be deleted: {error.format_message()}")


def forget_reasons(run_id: str) -> None:
    """Delete the reason of a failed attempt from a run."""
    client = mlflow.MlflowClient()
    for name in set(REASONS) & set(client.get_run(run_id).data.tags):
        client.delete_tag(run_id, name)


def _own_reason(run_id: str) -> str | None:
    """Return the reason that the job itself recorded before it ended."""
    reason: str | None = mlflow.get_run(run_id).data.tags.get(tag.FAILURE)
    return reason

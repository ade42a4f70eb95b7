"""One attempt of a Job's pod: run a project at a commit, in an existing run."""

import os
import socket
from collections.abc import Mapping

import mlflow
from mlflow.entities import Run, RunTag

from reprise.base import artifact, process, tag
from reprise.base.errors import JobFailed
from reprise.base.terminal import note
from reprise.code.project_uri import parse
from reprise.kubernetes.conclusion import forget_reasons
from reprise.running.child import as_shell_says
from reprise.running.commit_run import run_at_commit
from reprise.running.run_request import RunRequest


def attempt(run_id: str, uri: str, entry_point: str, parameters: Mapping[str, str], env_manager: str) -> int:
    """Fill a run. The process that follows the Job ends the run.

    Returns:
        The entry point's exit code, as a shell says it where a signal ended it; 1 where the run was ended already.

    Raises:
        JobFailed: an earlier attempt has logged results, and the job is not marked as one that continues with them.
        WrongCall, JobFailed: as `run_at_commit`.
    """
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    me = os.environ.get("REPRISE_POD", socket.gethostname())
    before = run.data.tags.get(tag.KUBERNETES_POD)
    if _was_ended(run):
        note(f"run {run_id} was ended before pod {me} started")  # whose reason stays
        return 1
    if before and not _is_resumable(run) and _holds_results(run):
        raise JobFailed(f"pod {before} was lost after it had logged results, which pod {me} would log twice")
    if before:
        forget_reasons(run_id)
        client.update_run(run_id, status="RUNNING")
    client.log_batch(
        run_id, tags=[RunTag(name, value) for name, value in {tag.KUBERNETES_POD: me, **process.tags()}.items()]
    )
    request = RunRequest(
        parse(uri), entry_point, parameters, env_manager, experiment_id=run.info.experiment_id, run_id=run_id
    )  # fmt: skip
    return as_shell_says(run_at_commit(request).exit_code)


def _was_ended(run: Run) -> bool:
    """Return whether somebody ended a run other than a pod that was told to terminate. Such a pod records its exit."""
    status, tags = run.info.status, run.data.tags
    return status != "RUNNING" if tag.KUBERNETES_POD not in tags else status == "KILLED" and tag.EXIT_CODE not in tags


def _is_resumable(run: Run) -> bool:
    return bool(run.data.tags.get(tag.RESUMABLE) == "true")


def _holds_results(run: Run) -> bool:
    outputs = run.outputs.model_outputs if run.outputs else []
    artifacts = [item.path for item in mlflow.MlflowClient().list_artifacts(run.info.run_id)]
    return bool(run.data.metrics or outputs or set(artifacts) - {artifact.FOLDER})  # where a failure's traceback is

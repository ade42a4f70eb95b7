"""MLflow's project backend `kubernetes-commit`: `mlflow run <repository>#<commit> -b kubernetes-commit`."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
from mlflow.projects import SubmittedRun
from mlflow.projects.backend.abstract_backend import AbstractBackend

from reprise.backends.commit import Done, order_of
from reprise.base import tag
from reprise.base.errors import WrongCall
from reprise.base.interruption import terminated_as_interrupted
from reprise.base.terminal import accept_every_letter, note
from reprise.code.at_commit import KUBERNETES
from reprise.code.clone import cloned
from reprise.code.git import succeeds
from reprise.code.repository import Commit, find
from reprise.environment.pinned_engine import has_engine, pin_in
from reprise.kubernetes import manifest, reach, settings, template
from reprise.kubernetes.admission import has_secret, secrets_of, see_that_they_are_admitted
from reprise.kubernetes.api_server import ApiServer, ask, connect
from reprise.kubernetes.conclusion import abandon, see_to_the_end
from reprise.kubernetes.following import JobPlace
from reprise.kubernetes.manifest import Task
from reprise.kubernetes.published import see_that_it_is_pushed, takes_credentials
from reprise.running import key
from reprise.running.job import Job, ended_well, load, make_run
from reprise.running.play import Order, job_at
from reprise.running.rendezvous import HERE, MODULE_FILE

MANAGERS = ("uv", "local")
LAUNCHER = "reprise/kubernetes/attempt.py"


class KubernetesCommitBackend(AbstractBackend):
    """MLflow's plugin: the group `mlflow.project_backend`, the name `kubernetes-commit`."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, str] | None,
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> SubmittedRun:
        """Run a project as `mlflow run` asks for it; MLflow does not wait for plugins, so this does.

        Raises:
            KubernetesJobFailed: the Job failed; its exit code becomes that of `mlflow run`.
            WrongCall: the call, the template or the repository is not right; nothing was made.
            JobFailed: the cluster forbids, refuses or does not answer.
        """
        accept_every_letter()
        chosen = settings.read(backend_config)
        job_template = template.read(chosen.template)
        uri = reach.tracking_uri(tracking_uri, job_template)
        reach.artifacts(mlflow.get_experiment(experiment_id).artifact_location, job_template)
        manager = _manager(backend_config.get("ENV_MANAGER"))
        order = order_of(project_uri, entry_point, params, version, experiment_id, manager)
        commit = find(order.place, version)
        reach.repository(commit.url, job_template)
        see_that_it_is_pushed(order.place, commit)
        server = connect(chosen.context)
        return _submit(server, job_template, chosen, order, commit, uri)


def _submit(
    server: ApiServer,
    job_template: template.Manifest,
    chosen: settings.Settings,
    order: Order,
    commit: Commit,
    uri: str,
) -> SubmittedRun:
    namespace = (job_template.get("metadata") or {}).get("namespace") or server.namespace
    with cloned(commit) as clone:
        job = job_at(order, commit, clone)
        loaded = load(job)
        task = Task(
            uuid.uuid4().hex, loaded.name or commit.url.rpartition("/")[2], commit.url, commit.sha, commit.subdirectory,
            order.entry_point, order.parameters, str(order.env_manager), uri,
            chosen.launcher or _launcher(commit, job.folder),
        )  # fmt: skip
        _see_that_it_can_be_fetched(server, namespace, job_template, commit)
        workers = chosen.workers if _takes_workers(loaded, job) else 0
        task = replace(task, has_key=bool(workers) and not template.brings_key(job_template))
        _see_that_all_is_admitted(server, namespace, job_template, task, workers)
    run_id = make_run(loaded, replace(job, tags={**job.tags, **_tags(server)}), str(order.env_manager))
    with terminated_as_interrupted(), ended_well(run_id):
        task = replace(task, run_id=run_id)
        body = manifest.build(job_template, task)
        place = JobPlace(namespace, body["metadata"]["name"])
        try:
            mlflow.MlflowClient().set_tag(run_id, tag.KUBERNETES_JOB, f"{place.namespace}/{place.name}")
            made = ask(server, "POST", place.collection, body=body)
            if task.has_key:
                secret = manifest.build_key(job_template, task, key.make().decode(), made)
                ask(server, "POST", secrets_of(namespace), body=secret)
            if workers:
                ask(server, "POST", place.collection, body=manifest.build_workers(job_template, task, workers, made))
        except BaseException:  # the Job may have been made
            abandon(server, place)
            raise
    beside = f", and {workers} workers beside it" if workers else ""
    note(f"run {run_id} is Job {place.name} in namespace {namespace}{beside}")
    see_to_the_end(server, place, run_id, chosen.start_timeout)
    return Done(run_id)


def _see_that_all_is_admitted(
    server: ApiServer, namespace: str, job_template: template.Manifest, task: Task, workers: int
) -> None:
    jobs = [manifest.build(job_template, task)]
    jobs += [manifest.build_workers(job_template, task, workers)] if workers else []
    secret = manifest.build_key(job_template, task, "") if task.has_key else None
    see_that_they_are_admitted(server, namespace, jobs, secret)


def _manager(asked: str | None) -> str:
    if asked not in (None, *MANAGERS):
        raise WrongCall(f"--env-manager {asked} is not for Kubernetes; use uv, or local for what the image holds")
    return asked or MANAGERS[0]


def _tags(server: ApiServer) -> dict[str, str | None]:
    return {
        tag.BACKEND: KUBERNETES,
        tag.KUBERNETES_CONTEXT: server.context,
        tag.PROCESS: None,  # the pod's process fills the run, not this one
    }


def _takes_workers(loaded: Any, job: Job) -> bool:
    """Tell whether a job is a search to which workers come, and the commit has what a worker runs."""
    given, _ = loaded.get_entry_point(job.entry_point).compute_parameters(dict(job.parameters), storage_dir=None)
    return given.get("scheduler") == HERE and has_engine(job.folder, MODULE_FILE)


def _launcher(commit: Commit, folder: Path) -> str:
    """Give what this launcher can be installed from, if a pod can have it: the project's own repository, or its pin."""
    url = commit.url if "://" in commit.url else f"ssh://{commit.url.replace(':', '/', 1)}"
    if url.startswith(("https:", "ssh:")) and succeeds(commit.git_dir, "cat-file", "-e", f"{commit.sha}:{LAUNCHER}"):
        return f"git+{url}@{commit.sha}"
    pin = pin_in(folder)
    return "" if pin is None or "file:" in (pin.url or "") else str(pin)


def _see_that_it_can_be_fetched(
    server: ApiServer, namespace: str, job_template: template.Manifest, commit: Commit
) -> None:
    """See that a pod has some Secret for a repository that is not everybody's."""
    named = template.secrets(job_template)
    if takes_credentials(commit) and not any(has_secret(server, namespace, name) is not False for name in named):
        missing = f"; of those it names, none is in namespace {namespace}: {', '.join(named)}" if named else ""
        raise WrongCall(
            f"repository {commit.url} takes credentials, and the job template names no Secret for them{missing}; "
            "docs/kubernetes.md says how to make one"
        )

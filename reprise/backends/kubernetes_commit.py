"""MLflow's project backend `kubernetes-commit`: `mlflow run <repository>#<commit> -b kubernetes-commit`."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
from mlflow.projects import SubmittedRun
from mlflow.projects.backend.abstract_backend import AbstractBackend

from reprise.backends.commit import Done, request_of
from reprise.base import project_settings, tag
from reprise.base.errors import WrongCall
from reprise.base.interruption import terminated_as_interrupted
from reprise.base.terminal import accept_every_letter, note
from reprise.code.clone import cloned
from reprise.code.git import succeeds
from reprise.code.project_uri import KUBERNETES_BACKEND, ProjectUri
from reprise.code.repository import Commit, find
from reprise.environment.pinned_engine import has_engine, pin_in, place_in
from reprise.kubernetes import manifest, reach, template
from reprise.kubernetes.admission import check_admitted, has_secret, secrets_of
from reprise.kubernetes.api_server import ApiServer, ask, connect
from reprise.kubernetes.conclusion import abandon, end_with_job
from reprise.kubernetes.job_follower import JobPlace
from reprise.kubernetes.manifest import PodSettings
from reprise.kubernetes.published import check_pushed, takes_credentials
from reprise.kubernetes.settings import KubernetesSettings
from reprise.running import search_key
from reprise.running.backend_settings import read_settings
from reprise.running.commit_run import workspace_at
from reprise.running.entry_point_run import ended_well, given_parameters, in_experiment, load, make_run
from reprise.running.run_request import RunRequest
from reprise.running.search_workers import HERE, MODULE_FILE

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
        chosen = read_settings(KubernetesSettings, backend_config)
        job_template = template.read(Path(chosen.kube_job_template_path))
        uri = reach.tracking_uri(tracking_uri, job_template)
        reach.artifacts(mlflow.get_experiment(experiment_id).artifact_location, job_template)
        manager = _manager(backend_config.get("ENV_MANAGER"))
        request = request_of(project_uri, entry_point, params, version, experiment_id, manager)
        commit = find(request.place, version)
        reach.repository(commit.url, job_template)
        check_pushed(request.place, commit)
        server = connect(chosen.kube_context)
        return _submit(server, job_template, chosen, request, commit, uri)


def _submit(
    server: ApiServer,
    job_template: template.Manifest,
    chosen: KubernetesSettings,
    request: RunRequest,
    commit: Commit,
    uri: str,
) -> SubmittedRun:
    namespace = (job_template.get("metadata") or {}).get("namespace") or server.namespace
    with cloned(commit) as clone:
        workspace = workspace_at(request, commit, clone)
        engine_place = place_in(workspace.folder)
        reach.engine(engine_place, job_template)
        loaded = load(request, workspace)
        workers = chosen.workers if _takes_workers(loaded, request, workspace.folder) else 0
        pods = PodSettings(
            project_settings.read(workspace.folder).name or loaded.name or commit.url.rpartition("/")[2],
            uri,
            chosen.launcher or _launcher(commit, workspace.folder),
            workers,
            has_key=bool(workers) and not template.brings_key(job_template),
        )
        request = in_experiment(request, workspace)
        pinned = replace(request, place=ProjectUri(commit.url, commit.sha, commit.subdirectory))
        for url in (commit.url, *([engine_place] if engine_place else [])):
            _see_that_it_can_be_fetched(server, namespace, job_template, url)
        _see_that_all_is_admitted(server, namespace, job_template, replace(pinned, run_id=uuid.uuid4().hex), pods)
    run_id = make_run(loaded, replace(request, tags={**request.tags, **_tags(server)}), workspace).run_id
    with terminated_as_interrupted(), ended_well(run_id):
        filling = replace(pinned, run_id=run_id)
        body = manifest.build(job_template, filling, pods)
        place = JobPlace(namespace, body["metadata"]["name"])
        try:
            mlflow.MlflowClient().set_tag(run_id, tag.KUBERNETES_JOB, f"{place.namespace}/{place.name}")
            made = ask(server, "POST", place.collection, body=body)
            if pods.has_key:
                secret = manifest.build_key(job_template, filling, pods, search_key.make().decode(), made)
                ask(server, "POST", secrets_of(namespace), body=secret)
            if workers:
                beside = manifest.build_workers(job_template, filling, pods, made)
                ask(server, "POST", place.collection, body=beside)
        except BaseException:  # the Job may have been made
            abandon(server, place)
            raise
    more = f", and {workers} workers beside it" if workers else ""
    note(f"run {run_id} is Job {place.name} in namespace {namespace}{more}")
    end_with_job(server, place, run_id, chosen.start_timeout)
    return Done(run_id)


def _see_that_all_is_admitted(
    server: ApiServer, namespace: str, job_template: template.Manifest, request: RunRequest, pods: PodSettings
) -> None:
    jobs = [manifest.build(job_template, request, pods)]
    jobs += [manifest.build_workers(job_template, request, pods)] if pods.workers else []
    secret = manifest.build_key(job_template, request, pods, "") if pods.has_key else None
    check_admitted(server, namespace, jobs, secret)


def _manager(asked: str | None) -> str:
    if asked not in (None, *MANAGERS):
        raise WrongCall(
            f"--env-manager {asked} is not for Kubernetes", remedy="use uv, or local for what the image holds"
        )
    return asked or MANAGERS[0]


def _tags(server: ApiServer) -> dict[str, str | None]:
    return {
        tag.BACKEND: KUBERNETES_BACKEND,
        tag.KUBERNETES_CONTEXT: server.context,
        tag.PROCESS: None,  # the pod's process fills the run, not this one
    }


def _takes_workers(loaded: Any, request: RunRequest, folder: Path) -> bool:
    """Return whether a run is a search to which workers come, and the commit has what a worker runs."""
    given, _ = given_parameters(loaded, request)
    return given.get("scheduler") == HERE and has_engine(folder, MODULE_FILE)


def _launcher(commit: Commit, folder: Path) -> str:
    """Return what a pod can install this launcher from: the project's own repository, or its pin."""
    url = commit.url if "://" in commit.url else f"ssh://{commit.url.replace(':', '/', 1)}"
    if url.startswith(("https:", "ssh:")) and succeeds(commit.git_dir, "cat-file", "-e", f"{commit.sha}:{LAUNCHER}"):
        return f"git+{url}@{commit.sha}"
    pin = pin_in(folder)
    return "" if pin is None or "file:" in (pin.url or "") else str(pin)


def _see_that_it_can_be_fetched(server: ApiServer, namespace: str, job_template: template.Manifest, url: str) -> None:
    """Ensure that a pod has some Secret for a repository, the project's or its engine's, that is not everybody's."""
    named = template.secrets(job_template)
    if takes_credentials(url) and not any(has_secret(server, namespace, name) is not False for name in named):
        missing = f"; of those it names, none is in namespace {namespace}: {', '.join(named)}" if named else ""
        raise WrongCall(
            f"repository {url} takes credentials, and the job template names no Secret for them{missing}; "
            "docs/kubernetes.md says how to make one"
        )

"""The manifests of a run: its Job, the Job of its workers, and the Secret with the key of both."""

import re
from copy import deepcopy
from dataclasses import dataclass

from reprise.kubernetes.template import Manifest, container, pod
from reprise.running.run_request import RunRequest
from reprise.running.search_workers import HOST, KEY

NAME_LENGTH = 63
"""Characters that a name or a label's value may have (RFC 1123)."""

POD_SUFFIX = 6
"""Characters that Kubernetes appends to the Job's name for the name of a pod."""

RUN_LABEL = "reprise/run-id"
COMPONENT_LABEL = "app.kubernetes.io/component"
RUN, WORKER = "run", "worker"
"""The components."""

LOSSES = 6
"""Times that each worker may fail, on an average; what Kubernetes grants a Job of one pod that does not say."""

KEY_FOLDER, KEY_FILE = "/run/reprise", "key.pem"
"""The path of the search's key in a pod."""

DEFAULTS = {
    "backoffLimit": 0,
    "activeDeadlineSeconds": 24 * 3600,
    "ttlSecondsAfterFinished": 3 * 24 * 3600,
}
"""For a template that does not say."""

_LAUNCH = """\
command -v reprise >/dev/null && exec reprise "$@"
[ -n "$0" ] || { echo "the image has no reprise, and the backend's configuration names no launcher to install" >&2; exit 2; }
exec uv tool run --quiet --from "$0" reprise "$@"
"""  # noqa: E501


@dataclass(frozen=True)
class PodSettings:
    """The settings of a run's pods, besides the request that they run.

    Attributes:
        project: the project's name, for a person.
        tracking_uri: where a pod finds the run.
        launcher: what pip would install this launcher from, for an image that lacks it; "" for none.
        workers: how many pods work for the run, which is a search then; 0 for none.
        has_key: whether there is a Secret with a key, by which the pods of a search know one another.
    """

    project: str
    tracking_uri: str
    launcher: str = ""
    workers: int = 0
    has_key: bool = False


def build(template: Manifest, request: RunRequest, pods: PodSettings) -> Manifest:
    """Put a run into a template.

    Args:
        template: of the Job.
        request: what it runs. The place is the URL of a repository and a full SHA, and the run exists.
        pods: the settings of its pod.
    """
    parameters = [f"-P{name}={value}" for name, value in request.parameters.items()]
    options = [f"--env-manager={request.env_manager}", *parameters]
    arguments = ["fill", request.run_id, str(request.place), f"--entry-point={request.entry_point}", *options]
    run: dict[str, object] = {"name": "MLFLOW_RUN_ID", "value": verbatim(request.run_id)}  # it gets a reason to fail
    job = _put_in(template, request, pods, arguments, RUN, [run])
    if pods.has_key:
        _mount_key(job, _name(template, request, pods))
    return job


def build_key(
    template: Manifest, request: RunRequest, pods: PodSettings, content: str, run: Manifest | None = None
) -> Manifest:
    """Put the key of a search into a Secret, which all its pods mount: those too that take a lost one's place.

    Args:
        template: of the run's own Job.
        request: of the run's own Job.
        pods: of the run's own Job.
        content: of the key's file.
        run: the Job of the run as the cluster has made it, with which it deletes this one; None for a dry run.
    """
    labels = {"app.kubernetes.io/managed-by": "reprise", RUN_LABEL: request.run_id}
    metadata: Manifest = {"name": _name(template, request, pods), "labels": labels, **_owned_by(run)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata,
        "stringData": {KEY_FILE: content},
    }


def build_workers(template: Manifest, request: RunRequest, pods: PodSettings, run: Manifest | None = None) -> Manifest:
    """Put the workers of a run, which is a search, into the same template; where one is lost, another is started.

    Args:
        template: of the run's own Job.
        request: of the run's own Job.
        pods: of the run's own Job.
        run: the Job of the run as the cluster has made it, with which it deletes this one; None for a dry run.
    """
    named = deepcopy(template)
    metadata = named["metadata"] = named.get("metadata") or {}
    metadata["name"] = f"workers-{metadata.get('name') or pods.project}"
    arguments = ["work", request.run_id, f"--env-manager={request.env_manager}"]
    job = _put_in(named, request, pods, arguments, WORKER, [])
    job["spec"].pop("completions", None)  # each ends by itself when the search has ended
    job["spec"] |= {"parallelism": pods.workers, "backoffLimit": LOSSES * pods.workers}
    job["metadata"] |= _owned_by(run)
    if pods.has_key:
        _mount_key(job, _name(template, request, pods))
    return job


def _name(template: Manifest, request: RunRequest, pods: PodSettings) -> str:
    """Return the name of the run's own Job, and of what belongs to it."""
    return job_name((template.get("metadata") or {}).get("name") or pods.project, request.run_id)


def _owned_by(run: Manifest | None) -> Manifest:
    if run is None:
        return {}
    owner = {"apiVersion": "batch/v1", "kind": "Job"} | {key: run["metadata"][key] for key in ("name", "uid")}
    return {"ownerReferences": [owner]}


def _mount_key(job: Manifest, secret: str) -> None:
    """Mount the key in the first container alone. Any user of it may read the key if its group is not known."""
    of_group = "fsGroup" in (pod(job).get("securityContext") or {})
    source = {"secretName": secret, "defaultMode": 0o440 if of_group else 0o444}
    pod(job)["volumes"] = [*(pod(job).get("volumes") or []), {"name": "reprise-key", "secret": source}]
    first = container(job)
    mount = {"name": "reprise-key", "mountPath": KEY_FOLDER, "readOnly": True}
    first["volumeMounts"] = [*(first.get("volumeMounts") or []), mount]
    first["env"] = [*first["env"], {"name": KEY, "value": f"{KEY_FOLDER}/{KEY_FILE}"}]


def _put_in(
    template: Manifest,
    request: RunRequest,
    pods: PodSettings,
    arguments: list[str],
    component: str,
    variables: list[dict[str, object]],
) -> Manifest:
    job = deepcopy(template)
    commit = str(request.place.version)
    labels = {
        "app.kubernetes.io/managed-by": "reprise",
        COMPONENT_LABEL: component,
        RUN_LABEL: request.run_id,
        "reprise/commit": commit[:NAME_LENGTH],
        "reprise/entry-point": _slug(request.entry_point, NAME_LENGTH) or "script",
    }
    annotations = {
        "reprise/repository": request.place.repository,
        "reprise/commit": commit,
        "reprise/entry-point": request.entry_point,
    }
    metadata = job["metadata"] = job.get("metadata") or {}
    of_pod = job["spec"]["template"]["metadata"] = job["spec"]["template"].get("metadata") or {}
    metadata["name"] = job_name(metadata.pop("name", None) or pods.project, request.run_id)
    for place in (metadata, of_pod):
        place["labels"] = {**(place.get("labels") or {}), **labels}
        place["annotations"] = {**(place.get("annotations") or {}), **annotations}
    for field, value in DEFAULTS.items():
        job["spec"].setdefault(field, value)
    pod(job)["restartPolicy"] = "Never"
    first = container(job)
    first.setdefault("name", "run")
    first["command"] = [verbatim(word) for word in ("sh", "-c", _LAUNCH, pods.launcher)]
    first["args"] = [verbatim(word) for word in arguments]
    given = first.get("env") or []
    names = {one["name"] for one in given}
    open_ones = [one for one in (*variables, *_variables(pods)) if one["name"] not in names]
    first["env"] = [*given, *open_ones]
    return job


def verbatim(text: str) -> str:
    """Write a text so that Kubernetes gives it to a container as it is.

    In `command`, `args` and the values of `env` it puts a variable's value for `$(NAME)`, and makes one `$` of `$$`.
    """
    return text.replace("$", "$$")


def job_name(title: str, run_id: str) -> str:
    """Make a valid name of any title; the run's id makes it unique."""
    slug = _slug(title, NAME_LENGTH - POD_SUFFIX - len(run_id) - 1)
    return f"{slug or 'reprise'}-{run_id}"


def _slug(text: str, length: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:length].strip("-")


def _variables(pods: PodSettings) -> list[dict[str, object]]:
    """Return the variables of every pod that the template may override."""
    return [
        {"name": "REPRISE_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": HOST, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "MLFLOW_TRACKING_URI", "value": verbatim(pods.tracking_uri)},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
    ]

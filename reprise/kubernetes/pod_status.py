"""The reasons in a pod's status why it does not start or has failed, and the end of a Job."""

from dataclasses import dataclass
from typing import Any

from reprise.base.errors import one_line

Status = dict[str, Any]

NEVER_STARTS = frozenset(
    {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
"""Reasons for which a container waits in vain."""

IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"})
"""Reasons that a short absence of the registry causes too."""

GATED = "SchedulingGated"
"""The reason of a pod that waits for admission."""


@dataclass(frozen=True)
class Ended:
    """The end of a Job.

    Attributes:
        cause: why it failed; None where it completed.
        exit_code: the container's; 1 where something else than its exit is the cause.
        by_exit: whether the exit code is all that Kubernetes knows.
    """

    cause: str | None = None
    exit_code: int = 0
    by_exit: bool = False


def of_job(job: Status, pods: list[Status]) -> Ended | None:
    """Return how a Job has ended; None while it has not."""
    for condition in job.get("status", {}).get("conditions") or []:
        if condition.get("status") != "True":
            continue
        if condition["type"] == "Complete":
            return Ended()
        if condition["type"] == "Failed":
            if condition.get("reason") == "DeadlineExceeded":
                seconds = job["spec"].get("activeDeadlineSeconds")
                return Ended(f"it ran longer than activeDeadlineSeconds, {seconds} s (DeadlineExceeded)", 1)
            return _of_failed_pods(pods) or Ended(f"{condition.get('reason')}: {condition.get('message')}", 1)
    return None


def _of_failed_pods(pods: list[Status]) -> Ended | None:
    failed = [pod for pod in pods if pod.get("status", {}).get("phase") == "Failed"]
    newest = max(failed, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), default=None)
    return of_pod(newest) if newest else None


def of_pod(pod: Status) -> Ended:
    """Return why a pod has failed."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    disruption = _condition(pod, "DisruptionTarget")
    if disruption.get("status") == "True":  # since Kubernetes 1.26
        return Ended(f"pod {name} was taken away: {disruption.get('reason')}: {disruption.get('message')}", 1)
    state = _state(pod).get("terminated") or {}
    code = state.get("exitCode")
    if state.get("reason") == "OOMKilled" and code:
        limit = pod["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory", "the node's memory")
        return Ended(f"pod {name} ran out of memory; its limit is {limit} (OOMKilled)", code)
    if status.get("reason"):  # Evicted, NodeLost, NodeShutdown, Preempting, UnexpectedAdmissionError …
        return Ended(f"pod {name}: {status['reason']}: {status.get('message', '')}".rstrip(": "), 1)
    if state.get("reason") in ("ContainerCannotRun", "StartError", "ContainerStatusUnknown"):
        return Ended(f"pod {name}: {state['reason']}: {state.get('message', '')}".rstrip(": "), code or 1)
    if code is None:
        return Ended(f"pod {name} failed, and its node does not say why", 1)
    return Ended(f"pod {name} ended with exit code {code}", code, by_exit=True)


def of_waiting(pod: Status) -> tuple[str, str] | None:
    """Return why a pod has not started, as a reason of Kubernetes and its message, or None if it starts."""
    for one in [*(pod.get("status", {}).get("initContainerStatuses") or []), *_containers(pod)]:
        waiting = one.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in NEVER_STARTS | IMAGE:
            image = f"image {one.get('image')}: " if waiting["reason"] in IMAGE else ""
            return waiting["reason"], f"{image}{one_line(waiting.get('message', ''))}"
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason")), str(scheduled.get("message", ""))
    return None


def is_suspended(job: Status) -> bool:
    """Return whether a Job is held and gets no pods, as by a queue such as Kueue until there is quota."""
    return bool(job["spec"].get("suspend")) or _condition(job, "Suspended").get("status") == "True"


def resumed_at(job: Status) -> str:
    """Return when a Job was last resumed, as the API server writes times; empty where it never was."""
    suspended = _condition(job, "Suspended")
    return str(suspended.get("lastTransitionTime", "")) if suspended.get("status") == "False" else ""


def is_gated(pod: Status) -> bool:
    """Return whether a pod has scheduling gates left, which somebody has to take away before it gets a node."""
    scheduled = _condition(pod, "PodScheduled")
    return scheduled.get("status") == "False" and scheduled.get("reason") == GATED


def has_started(pod: Status) -> bool:
    """Return whether the container runs or has run."""
    state = _state(pod)
    return "running" in state or "terminated" in state


def runs(pod: Status) -> bool:
    """Return whether the container runs."""
    return "running" in _state(pod)


def has_ended(pod: Status) -> bool:
    """Return whether the container has run."""
    return "terminated" in _state(pod)


def _state(pod: Status) -> Status:
    name = pod["spec"]["containers"][0]["name"]
    found: Status = next((one.get("state", {}) for one in _containers(pod) if one.get("name") == name), {})
    return found


def _containers(pod: Status) -> list[Status]:
    return pod.get("status", {}).get("containerStatuses") or []


def _condition(pod: Status, kind: str) -> Status:
    conditions = pod.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})

"""Follow a Job from its start to its end."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from reprise.base.errors import JobFailed
from reprise.base.terminal import note
from reprise.kubernetes import pod_status
from reprise.kubernetes.api_server import ApiServer, Refused, Unreachable, ask
from reprise.kubernetes.pod_status import Ended
from reprise.kubernetes.watch import Event, print_log, watch

IMAGE_TIMEOUT = 60.0
"""Seconds in which an image that cannot be pulled is tried again."""

LAST_LINES = 10.0
"""Seconds for a log's last lines after the Job has ended."""

DELETION = 120.0
"""Seconds for the pods of a deleted Job to end. A lost node never reports their end."""


class JobPlace(NamedTuple):
    """The namespace and the name of a Job."""

    namespace: str
    name: str

    @property
    def collection(self) -> str:
        """Return the path of the Jobs of its namespace."""
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs"

    @property
    def path(self) -> str:
        """Return the Job's path at the API server."""
        return f"{self.collection}/{self.name}"

    @property
    def pods(self) -> str:
        """Return the path of the pods of its namespace."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def selector(self) -> dict[str, str]:
        """Return what chooses its own pods."""
        return {"labelSelector": f"job-name={self.name}"}


@dataclass
class _Seen:
    """The known state of a Job.

    Attributes:
        since: when it began to wait for a pod to run, on the clock of `time.monotonic`.
        held: why it waits for admission; empty where it does not.
        resumed: when it was last resumed, as the API server says.
        reasons: what it waits for -> since when.
        job: its last state; None before it is known.
        gone: whether somebody has deleted it.
        pods: by name.
        logs: by pod.
        workers: what has been said of the pods of workers.
    """

    since: float
    held: str = ""
    resumed: str = ""
    reasons: dict[str, float] = field(default_factory=dict)
    job: dict[str, Any] | None = None
    gone: bool = False
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, threading.Thread] = field(default_factory=dict)
    workers: set[str] = field(default_factory=set)


def follow(server: ApiServer, place: JobPlace, start_timeout: float, workers: dict[str, str] | None = None) -> Ended:
    """Print the logs of a Job's pods, and wait until the API server reports its end.

    Args:
        server: whom to ask.
        place: of the Job.
        start_timeout: seconds that a pod may wait before it starts, counted from the Job's admission.
        workers: what chooses the pods of workers beside it, of which only is said why they wait or have failed.

    Raises:
        Unreachable: the server has been away for too long; the Job may still run.
    """
    heard: queue.Queue[tuple[str, Event | JobFailed]] = queue.Queue()
    over = threading.Event()
    named = {"fieldSelector": f"metadata.name={place.name}"}
    _listen(heard, over, "job", lambda: watch(server, place.collection, named))
    _listen(heard, over, "pod", lambda: watch(server, place.pods, place.selector))
    if workers:
        _listen(heard, over, "worker", lambda: watch(server, place.pods, workers))
    try:
        return _hear(server, place, heard, start_timeout)
    finally:
        over.set()


def _hear(
    server: ApiServer, place: JobPlace, heard: queue.Queue[tuple[str, Event | JobFailed]], start_timeout: float
) -> Ended:
    seen = _Seen(time.monotonic())
    while True:
        limit = _limit(seen, start_timeout)
        try:
            what, event = heard.get(timeout=None if limit is None else max(0.0, limit - time.monotonic()))
        except queue.Empty:
            return Ended(
                f"{_waits_for(server, place, seen)}; it did not start in {time.monotonic() - seen.since:.0f} s", 1
            )
        if isinstance(event, JobFailed):
            raise event
        _take(seen, what, event)
        _print_logs(server, place, seen)
        if ended := _end(server, place, seen):
            for log in seen.logs.values():
                log.join(LAST_LINES)
            return ended


def delete(server: ApiServer, place: JobPlace) -> None:
    """Delete a Job, and wait until its pods have ended: until then they may log to its run."""
    options = {"propagationPolicy": "Background", "kind": "DeleteOptions", "apiVersion": "v1"}
    try:
        ask(server, "DELETE", place.path, body=options)
    except Refused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
    waiting = threading.Thread(target=_wait_for_pods, args=(server, place, time.monotonic() + DELETION), daemon=True)
    waiting.start()
    waiting.join(DELETION)


def _wait_for_pods(server: ApiServer, place: JobPlace, until: float) -> None:
    left: set[str] = set()
    with suppress(Refused, Unreachable):
        for event in watch(server, place.pods, place.selector):
            if time.monotonic() > until:
                return
            if event.kind == "LISTED":
                left = set()
            left -= {pod["metadata"]["name"] for pod in event.objects}
            if event.kind != "DELETED":
                left |= {pod["metadata"]["name"] for pod in event.objects if pod_status.runs(pod)}
            if not left:
                return


def _listen(
    heard: queue.Queue[tuple[str, Event | JobFailed]], over: threading.Event, what: str, events: Callable[[], Any]
) -> None:
    def listen() -> None:
        try:
            for event in events():
                if over.is_set():
                    return
                heard.put((what, event))
        except (Unreachable, Refused) as error:
            heard.put((what, error))

    threading.Thread(target=listen, daemon=True).start()


def _take(seen: _Seen, what: str, event: Event) -> None:
    if what == "job":
        seen.gone = event.kind == "DELETED" or not event.objects
        seen.job = event.objects[0] if event.objects else seen.job
        _note_admission(seen)
        return
    if what == "worker":
        _note_workers(seen, event)
        return
    ran = _runs(seen)
    known = {pod["metadata"]["name"]: pod for pod in event.objects}
    lost = set(seen.pods) - set(known) if event.kind == "LISTED" else set(known) if event.kind == "DELETED" else set()
    for name in lost:
        pod = known.pop(name, None) or seen.pods[name]
        if seen.pods.pop(name, None) and not pod_status.has_ended(pod):
            note(f"pod {name} was deleted")
    seen.pods |= known
    if ran or _runs(seen):
        seen.since = time.monotonic()
    _note_admission(seen)
    _note_reasons(seen)


def _runs(seen: _Seen) -> bool:
    return any(map(pod_status.runs, seen.pods.values()))


def _note_admission(seen: _Seen) -> None:
    """Report when the Job waits for admission and when it is admitted. Its time to start is counted from then."""
    held = _held(seen)
    if held and held != seen.held:
        note(f"{held} and waits for admission, for example by a queue; Ctrl-C deletes the Job")
    elif seen.held and not held:
        note("the Job is admitted")
    resumed = pod_status.resumed_at(seen.job) if seen.job else ""
    if held or seen.held or resumed != seen.resumed:
        seen.since = time.monotonic()
    seen.held, seen.resumed = held, resumed


def _held(seen: _Seen) -> str:
    if seen.job and pod_status.is_suspended(seen.job):
        return f"Job {seen.job['metadata']['name']} is suspended"
    gated = [name for name, pod in seen.pods.items() if pod_status.is_gated(pod)]
    return f"pod {gated[0]} has scheduling gates" if gated else ""


def _note_reasons(seen: _Seen) -> None:
    """Keep the reasons for which the pods wait, and report each new one."""
    waiting = dict(
        filter(None, (pod_status.of_waiting(pod) for pod in seen.pods.values() if not pod_status.has_started(pod)))
    )
    kinds = {"image" if reason in pod_status.IMAGE else reason: text for reason, text in waiting.items()}
    for kind, text in kinds.items():
        if kind not in seen.reasons and kind != pod_status.GATED:
            note(f"the pod waits: {text}")
    now = time.monotonic()
    seen.reasons = {kind: seen.reasons.get(kind, now) for kind in kinds}


def _note_workers(seen: _Seen, event: Event) -> None:
    """Report once why pods of workers wait or have failed; the run goes on without them."""
    for pod in event.objects:
        waiting = None if pod_status.has_started(pod) else pod_status.of_waiting(pod)
        said = f"a worker's pod waits: {waiting[1]}" if waiting else ""
        if pod.get("status", {}).get("phase") == "Failed":
            said = f"a worker was lost: {pod_status.of_pod(pod).cause}"
        if said and said not in seen.workers:
            seen.workers.add(said)
            note(said)


def _limit(seen: _Seen, start_timeout: float) -> float | None:
    """Return the time at which a Job that does not run is given up; None while it runs or waits for admission."""
    if _runs(seen) or seen.held:
        return None
    limit = seen.since + start_timeout
    for kind, since in seen.reasons.items():
        patience = 0.0 if kind in pod_status.NEVER_STARTS else IMAGE_TIMEOUT if kind == "image" else start_timeout
        limit = min(limit, since + patience)
    return limit


def _waits_for(server: ApiServer, place: JobPlace, seen: _Seen) -> str:
    """Return why no pod has started: its own reason, or why there is none."""
    for pod in seen.pods.values():
        if waiting := pod_status.of_waiting(pod):
            return f"pod {pod['metadata']['name']} cannot start: {waiting[0]}: {waiting[1]}"
    selector = f"involvedObject.kind=Job,involvedObject.name={place.name},type=Warning"
    try:
        path = f"/api/v1/namespaces/{place.namespace}/events"
        events = ask(server, "GET", path, {"fieldSelector": selector})["items"]
    except (Refused, Unreachable):
        events = []
    said = events[-1]["message"] if events else "the cluster does not say why"
    return f"Job {place.name} has no pod that starts: {said}"


def _print_logs(server: ApiServer, place: JobPlace, seen: _Seen) -> None:
    for name, pod in seen.pods.items():
        if name not in seen.logs and pod_status.has_started(pod):
            container = pod["spec"]["containers"][0]["name"]
            seen.logs[name] = threading.Thread(
                target=print_log, args=(server, place.namespace, name, container), daemon=True
            )
            seen.logs[name].start()


def _end(server: ApiServer, place: JobPlace, seen: _Seen) -> Ended | None:
    if seen.gone:
        return Ended(f"Job {place.name} was deleted", 1)
    if seen.job is None or not pod_status.of_job(seen.job, []):
        return None
    try:  # the two watches are not in step: the pods' last state is asked for
        pods = ask(server, "GET", place.pods, place.selector)["items"]
    except Unreachable:
        return None  # the watches begin anew as well, and tell it again
    _take(seen, "pod", Event("LISTED", pods))
    _print_logs(server, place, seen)
    return pod_status.of_job(seen.job, pods)

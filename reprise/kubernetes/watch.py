"""Streams of the API server that survive its restarts: the changes of a resource, the log of a container."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from reprise.base.terminal import note, say
from reprise.kubernetes.api_server import WATCHED, ApiServer, Refused, Unreachable, ask, lines, parsed
from reprise.kubernetes.pod_status import has_ended

PATIENCE = 600
"""Seconds that the API server may be away while a Job is followed."""


class Event(NamedTuple):
    """A change of a collection.

    Attributes:
        kind: `LISTED` (all there is), `ADDED`, `MODIFIED` or `DELETED`.
        objects: those that it is about.
    """

    kind: str
    objects: list[dict[str, Any]]


def watch(server: ApiServer, path: str, selector: dict[str, str]) -> Iterator[Event]:
    """Follow a collection without end.

    Args:
        server: whom to ask.
        path: of the collection.
        selector: `labelSelector` or `fieldSelector`.

    Raises:
        Unreachable: the server has been away for `PATIENCE`.
        Refused: it forbids.
    """
    away = 0.0
    while True:
        try:
            listed = ask(server, "GET", path, selector)
            away = 0.0
            yield Event("LISTED", listed["items"])
            yield from _changes(server, path, selector, listed["metadata"]["resourceVersion"])
        except Unreachable as error:
            away = wait_for_server(away or time.monotonic(), error)


def print_log(server: ApiServer, namespace: str, pod: str, container: str) -> None:
    """Print a log to its end; where the connection breaks, from where it broke, no line twice."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
    last, away = b"", 0.0
    while True:
        query = {"container": container, "follow": "true", "timestamps": "true"}
        if last:
            query["sinceTime"] = last.decode()
        try:
            for line in lines(server, f"{path}/log", query):
                stamp, _, text = line.partition(b" ")  # of fixed width, so that they compare as text
                if stamp > last:
                    say(text.decode(errors="replace").rstrip("\r\n").expandtabs())
                    last = stamp
                away = 0.0
            if has_ended(ask(server, "GET", path)):
                return
            time.sleep(1)  # the log was rotated or the kubelet restarted
        except Unreachable as error:
            try:
                away = wait_for_server(away or time.monotonic(), error)
            except Unreachable:
                return  # who follows the Job hears the same
        except Refused:
            return  # the pod is gone


def wait_for_server(since: float, error: Unreachable) -> float:
    """Wait a moment before a server that is away is asked again; the longer it is away, the longer.

    Returns:
        Since when it is away, on the clock of `time.monotonic`.

    Raises:
        Unreachable: it has been away for too long.
    """
    gone = time.monotonic() - since
    if gone > PATIENCE:
        raise error
    if gone < 1:
        note("the cluster does not answer; the Job goes on meanwhile")
    time.sleep(min(0.5 + gone / 2, 15))
    return since


def _changes(server: ApiServer, path: str, selector: dict[str, str], version: str) -> Iterator[Event]:
    query = {**selector, "watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCHED)}
    for line in lines(server, path, query, silence=WATCHED + 30):
        event = parsed(server, line)
        if event["type"] == "ERROR":  # the version is too old by now: to be listed again
            return
        yield Event(event["type"], [event["object"]])

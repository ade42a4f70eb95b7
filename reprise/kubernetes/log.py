"""A container's log, printed while it is written."""

import time

from reprise.base.terminal import say
from reprise.kubernetes.api_server import ApiServer, Refused, Unreachable, ask, lines
from reprise.kubernetes.cause import has_ended
from reprise.kubernetes.watch import wait_for_server


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

"""A stand-in for a cluster's API server: it lists and watches Jobs and pods whose states a test writes.

For what a real cluster of the tests cannot show: Kubernetes 1.20 knows neither suspended Jobs nor scheduling gates.
"""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from reprise.kubernetes.api_server import ApiServer

Object = dict[str, Any]


class Cluster:
    """What the API server knows: `jobs` and `pods` by name."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = {"jobs": {}, "pods": {}}
        self._watchers: list[tuple[str, queue.Queue[Object | None]]] = []
        self._lock = threading.Lock()

    def put(self, kind: str, name: str, spec: Object, status: Object) -> None:
        """Make an object or change it, and tell all that watch."""
        with self._lock:
            known = name in self.objects[kind]
            self.objects[kind][name] = {"metadata": {"name": name}, "spec": spec, "status": status}
            self._tell(kind, "MODIFIED" if known else "ADDED", self.objects[kind][name])

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, and tell all that watch."""
        with self._lock:
            self._tell(kind, "DELETED", self.objects[kind].pop(name))

    def listed(self, kind: str) -> Object:
        """Return the answer to a list."""
        with self._lock:
            return {"items": list(self.objects[kind].values()), "metadata": {"resourceVersion": "1"}}

    def watch(self, kind: str) -> Iterator[Object]:
        """Yield all that there is, then every change."""
        heard: queue.Queue[Object | None] = queue.Queue()
        with self._lock:
            self._watchers.append((kind, heard))
            for one in self.objects[kind].values():
                heard.put({"type": "MODIFIED", "object": one})
        while event := heard.get():
            yield event

    def close(self) -> None:
        """End all watches, with an event by which those that are over notice it."""
        for _, heard in self._watchers:
            heard.put({"type": "MODIFIED", "object": {}})
            heard.put(None)

    def _tell(self, kind: str, what: str, found: Object) -> None:
        for watched, heard in self._watchers:
            if watched == kind:
                heard.put({"type": what, "object": found})


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            above, _, kind = address.path.rpartition("/")
            single = cluster.objects.get(above.rpartition("/")[2], {}).get(kind)
            found = kind in cluster.objects
            self.send_response(200 if found or single else 404)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if found and "watch" in parse_qs(address.query):
                for event in cluster.watch(kind):
                    self._send(event)
            else:
                self._send(cluster.listed(kind) if found else single or {"message": "not found"})
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, content: Object) -> None:
            """Send a line as a chunk of its own, so that a client has it at once."""
            line = json.dumps(content).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()

        def log_message(self, *_: object) -> None: ...

    return Handler


@contextmanager
def stand_in() -> Iterator[tuple[Cluster, ApiServer]]:
    """Serve a cluster without objects on this machine."""
    cluster = Cluster()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        nobody = SimpleNamespace(auth_settings=dict)
        url = f"http://127.0.0.1:{server.server_port}"
        yield cluster, ApiServer("stand-in", "here", url, nobody, urllib3.PoolManager())
        cluster.close()
        server.shutdown()

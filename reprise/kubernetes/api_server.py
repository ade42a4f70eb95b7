"""Requests to a cluster's API server, by its own paths and in JSON.

The package `kubernetes` reads kubeconfig, logs in and speaks TLS. Its typed models are not used. Those of a new client
may refuse the answers of an old server, while these paths and their JSON have not changed since Kubernetes 1.20.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from reprise.base import untrusted_text
from reprise.base.errors import JobFailed, WrongCall, one_line

TIMEOUT = (5, 30)
"""Seconds to connect, and for an answer."""

WATCHED = 240
"""Seconds after which a watch is begun anew, so that a connection which died silently is noticed."""

JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Asks for an object's name and labels alone: a secret's content does not leave the cluster."""


class Unreachable(JobFailed):
    """The API server does not answer."""


class Refused(JobFailed):
    """The API server refuses the request."""

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


@dataclass(frozen=True)
class ApiServer:
    """The address of an API server, and the credentials for it.

    Attributes:
        context: of kubeconfig; `in-cluster` for a pod's own service account.
        namespace: the context's.
        url: the server's.
        configuration: the package's, which knows the credentials and renews them.
        pool: connections.
    """

    context: str
    namespace: str
    url: str
    configuration: Any
    pool: Any


def connect(context: str | None = None) -> ApiServer:
    """Read kubeconfig; nothing is sent yet.

    Args:
        context: one of kubeconfig's; None for its current one.

    Raises:
        WrongCall: the package, kubeconfig or the context is missing.
    """
    try:
        from kubernetes import client, config  # noqa: PLC0415  an extra of the launcher
    except ImportError as error:
        raise WrongCall(
            "the package kubernetes is not installed",
            remedy="install the launcher with it: pip install -e '.[launcher,kubernetes]'",
        ) from error
    configuration = client.Configuration()
    configuration.keep_alive = True  # so that the system notices a connection that died silently
    file = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
    try:
        if _is_in_pod(file):
            config.load_incluster_config(client_configuration=configuration)
            namespace = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read_text(encoding="utf-8")
            context = "in-cluster"
        else:
            contexts, current = config.list_kube_config_contexts(file)
            context, namespace = _choose(contexts, context or (current or {}).get("name"), file)
            config.load_kube_config(file, context, client_configuration=configuration)
    except (config.ConfigException, OSError, ValueError, TypeError) as error:
        message = one_line(error)
        raise WrongCall(f"no cluster to run on: {message}", remedy=f"set KUBECONFIG, or write {file}") from error
    pool = client.ApiClient(configuration).rest_client.pool_manager
    return ApiServer(context, namespace, configuration.host.rstrip("/"), configuration, pool)


def _is_in_pod(file: str) -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ and not Path(file).exists()


def _choose(contexts: list[dict[str, Any]], name: str | None, file: str) -> tuple[str, str]:
    by_name = {one["name"]: one.get("context") or {} for one in contexts}
    if name not in by_name:
        raise WrongCall(f"context {name!r} is not in {file}; it has {', '.join(sorted(by_name)) or 'none'}")
    return str(name), str(by_name[name].get("namespace") or "default")


def ask(
    server: ApiServer,
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    accept: str = JSON,
) -> dict[str, Any]:
    """Send a request and return the answer.

    Raises:
        Unreachable: there is none.
        Refused: it is a refusal.
    """
    with _speaking(server):
        response = _send(server, method, path, query or {}, body, accept, TIMEOUT)
        content = response.data
    return parsed(server, content)


def parsed(server: ApiServer, content: bytes) -> dict[str, Any]:
    """Parse what the server has sent.

    Raises:
        Unreachable: it is cut off, or of something else than an API server.
    """
    try:
        answer = untrusted_text.parse_json(content)
    except ValueError as error:
        answer = one_line(error)
    if not isinstance(answer, dict):
        raise Unreachable(f"{server.url} of context {server.context!r} answers as no cluster does: {answer!r:.100}")
    return answer


def lines(server: ApiServer, path: str, query: Mapping[str, str], silence: float | None = None) -> Iterator[bytes]:
    """Return the lines of an answer as they come: a watch's events, or a log.

    Args:
        server: whom to ask.
        path: of the resource.
        query: of the request.
        silence: seconds without a line after which the connection is taken for dead; None for never.

    Raises:
        Unreachable: the connection breaks.
        Refused: there is no such answer.
    """
    with _speaking(server):
        response = _send(server, "GET", path, query, None, JSON, (TIMEOUT[0], silence))
        try:
            yield from response
        finally:
            response.close()


def _send(
    server: ApiServer,
    method: str,
    path: str,
    query: Mapping[str, str],
    body: Mapping[str, Any] | None,
    accept: str,
    timeout: tuple[float, float | None],
) -> Any:
    import urllib3  # noqa: PLC0415

    headers = {"Accept": accept, "Content-Type": JSON, "User-Agent": "reprise"}
    for setting in server.configuration.auth_settings().values():
        if setting["value"]:
            headers[setting["key"]] = setting["value"]
    response = server.pool.request(
        method,
        f"{server.url}{path}?{urlencode(query)}",
        headers=headers,
        body=json.dumps(body) if body is not None else None,
        timeout=urllib3.Timeout(connect=timeout[0], read=timeout[1]),
        retries=False,
        preload_content=False,
    )
    if response.status >= HTTPStatus.BAD_REQUEST:
        raise _refused(server, response.status, response.data)
    return response


class _speaking:  # noqa: N801  a context manager, named as one
    """Raise errors of the connection as one line: the server does not answer."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        if isinstance(error, (HTTPError, OSError)):
            reason = one_line(error)
            raise Unreachable(
                f"the cluster {self.server.url} of context {self.server.context!r} does not answer: {reason}; "
                "check that it runs, or name another context"
            ) from error


def _refused(server: ApiServer, status: int, content: bytes) -> Refused:
    try:
        said = str(untrusted_text.parse_json(content)["message"])
    except (ValueError, KeyError, TypeError):
        said = content.decode(errors="replace")[:500]
    said = one_line(said)
    if status == HTTPStatus.UNAUTHORIZED:
        message = f"the cluster refuses the credentials of context {server.context!r}: have they expired? Log in again"
    else:
        message = f"the cluster refuses: {said}"
    return Refused(message, status, said)

"""TLS for Dask's scheduler and workers of a search. Only holders of its key connect, and no other port is open."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from distributed import Scheduler, Security, Worker

from reprise.base.errors import WrongCall, one_line
from reprise.running import search_key
from reprise.running.search_key import SearchKey

PROTOCOL = "tls://"


class OnePortScheduler(Scheduler):
    """A scheduler without Dask's HTTP server, which starts even where the dashboard is off, and asks for no key."""

    def start_http_server(self, *_arguments: Any, **_named: Any) -> None:
        """Start nothing."""


class OnePortWorker(Worker):
    """A worker without Dask's HTTP server."""

    def start_http_server(self, *_arguments: Any, **_named: Any) -> None:
        """Start nothing."""


@contextmanager
def of_search() -> Iterator[tuple[Security, SearchKey | None]]:
    """Return the key of a search: Dask's own TLS configuration, a given key, or a new one.

    Yields:
        The settings of TLS, and the key; None where Dask's own configuration says it all.

    Raises:
        WrongCall: the key that was given cannot be used.
        JobFailed: there is no room for a new one.
    """
    if own := configured():
        yield own, None
        return
    found = search_key.given()
    with nullcontext(found) if found else search_key.kept() as used:
        yield by(used), used


def of_worker(run_id: str) -> tuple[Security | None, SearchKey | None]:
    """Find what a worker shows to a search: Dask's own configuration of TLS, or the search's key; None for neither.

    Raises:
        WrongCall: the key cannot be used.
    """
    if own := configured():
        return own, None
    found = search_key.find(run_id)
    return by(found) if found else None, found


def configured() -> Security | None:
    """Read Dask's own configuration; None where it names no certificates. Where it does, all must be encrypted."""
    own: Any = Security()
    if not own.tls_ca_file:
        return None
    own.require_encryption = True
    return cast("Security", own)


def by(used: SearchKey) -> Security:
    """Turn a key into settings of TLS, by which both sides of a connection must have the key.

    Raises:
        WrongCall: the file cannot be read, or holds no key.
    """
    file = str(used.file)
    roles = ("client", "scheduler", "worker")
    files = {"tls_ca_file": file, **{f"tls_{role}_cert": file for role in roles}}
    security = Security(require_encryption=True, **files, **{f"tls_{role}_key": None for role in roles})
    try:
        security.get_connection_args("worker")
    except (OSError, ssl.SSLError) as error:
        message = f"the key in {file} cannot be used: {one_line(error)}"
        raise WrongCall(message, remedy="copy the whole file that the search has named") from error
    return security

"""A worker that joins a search and stops when the search ends: `python -m reprise.search.worker RUN_ID`.

It fits and scores what the search's process sends. If that process is lost, the worker waits for its successor, which
continues the search in the same run and with a scheduler of its own.
"""

import asyncio
import logging
import os
import ssl
import sys
import time

import click
import mlflow

try:
    from distributed import Security, Worker, rpc
    from distributed.comm.addressing import get_address_host_port
    from distributed.utils import get_ip
except ModuleNotFoundError:
    sys.exit(
        "Error: a worker needs distributed, which this environment lacks: add it to [dependency-groups] project in "
        "pyproject.toml, then run reprise lock"
    )

from reprise.base import tag
from reprise.base.entry_point import INTERRUPTED, main
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.base.terminal import note, say
from reprise.running.search_workers import HOST
from reprise.search import dask_tls
from reprise.search.dask_cluster import ENVIRONMENT, describe_worker, differences

ANSWER_SECONDS = 5
PAUSE = 2

LOST = 600
"""Seconds without a scheduler after which a worker of a search that is RUNNING gives up: its successor may need a new
node, and its environment."""

ENDED = 120
"""The same for a search that has failed, because a successor may continue it."""


def work(run_id: str) -> None:
    """Work for a search until it is FINISHED, or has otherwise ended for good.

    Raises:
        JobFailed: no scheduler answers for too long, or this environment is another one than the search's.
        WrongCall: this worker has no key of the search, or another one.
    """
    client, alone_since = mlflow.MlflowClient(), time.monotonic()
    while True:
        run = client.get_run(run_id)
        if run.info.status == "FINISHED":
            return
        address = run.data.tags.get(tag.TUNE_SCHEDULER)
        if address and asyncio.run(_serve(run_id, address)):
            alone_since = time.monotonic()
        is_open = run.info.status in ("RUNNING", "SCHEDULED")
        if time.monotonic() - alone_since > (LOST if is_open else ENDED):
            if is_open:
                raise JobFailed(
                    f"no scheduler of search {run_id} has answered at {address or 'any address'} for {LOST} s"
                )
            return
        time.sleep(PAUSE)


async def _serve(run_id: str, address: str) -> bool:
    """Work for the scheduler at an address until the connection ends; return whether there was one."""
    security = await _admitted(run_id, address)  # asked anew each time: a successor may have made another key
    if security is None:
        return False
    options = {"timeout": ANSWER_SECONDS, "connection_args": security.get_connection_args("worker")}
    try:
        async with rpc(address, **options) as scheduler:
            wanted = await scheduler.get_metadata(keys=[ENVIRONMENT], default=None)
    except OSError:
        return False
    except (TypeError, RuntimeError) as error:  # of TLS, for which Dask's configuration lacks a part
        raise JobFailed(f"this worker cannot speak to {address} by Dask's configuration: {error}") from error
    if wanted and (other := differences(wanted, describe_worker(list(wanted))[0])):
        raise JobFailed(f"this worker has another environment than the search: {other}")
    host = os.environ.get(HOST) or get_ip(get_address_host_port(address)[0])
    # Without a limit of Dask's own, which would pause the worker: the pod's and the machine's hold.
    worker: Worker = dask_tls.OnePortWorker(
        address, nthreads=1, host=host, memory_limit=0, security=security, death_timeout=ANSWER_SECONDS
    )
    try:
        async with worker:
            note(f"working for the search at {address}")
            await worker.finished()
    except (OSError, ValueError) as error:  # the scheduler ended in between
        note(f"this worker could not join the search at {address}: {error}")
        return False
    note(f"the search at {address} has ended or released this worker")
    return True


async def _admitted(run_id: str, address: str) -> Security | None:
    """Find what admits this worker to the scheduler at an address, and check it; None if there is no answer.

    Raises:
        WrongCall: this worker has no key of the search, or another one.
        JobFailed: the address is none, or not encrypted. Any writer of the run may have put it there.
    """
    if not address.startswith(dask_tls.PROTOCOL):
        raise JobFailed(f"search {run_id} names {address}, which is not encrypted; workers do not connect to it")
    try:
        host, port = get_address_host_port(address)
    except (ValueError, NotImplementedError) as error:
        raise JobFailed(f"search {run_id} names {address}, which is no address: {error}") from error
    security, key = dask_tls.of_worker(run_id)
    context = security.get_connection_args("worker")["ssl_context"] if security else None
    get_it = f"copy the key file that the search named, readable by you alone: reprise work {run_id} --key FILE"
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port, ssl=context), ANSWER_SECONDS)
    except ssl.SSLError as error:
        shown = f"the key in {key.file}" if key else "Dask's configuration"
        message = f"{shown} does not admit this worker to {address} ({one_line(error, 200)}); {get_it}"
        raise WrongCall(message) from error
    except (OSError, TimeoutError):
        return None
    writer.close()
    if security is None:
        raise WrongCall(f"this worker has no key to the search at {address}", remedy=f"{get_it}")
    return security


@click.command(epilog="Example: python -m reprise.search.worker 0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d")
@click.argument("run_id")
def worker(run_id: str) -> None:
    """Work for a search. `reprise work` starts this in the search's environment."""
    for logger in ("distributed", "distributed.client"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)  # of a lost connection Dask prints tracebacks
    try:
        work(run_id)
    except KeyboardInterrupt:
        say("interrupted", err=True)
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # without waiting for a fit, which nobody can interrupt; the search tries it elsewhere


if __name__ == "__main__":
    main(worker)

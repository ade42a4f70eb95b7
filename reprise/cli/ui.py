"""Start MLflow's web interface on a local store."""

import os
import subprocess
import sys

import mlflow

from reprise.base.errors import JobFailed, WrongCall
from reprise.base.terminal import say
from reprise.store import mlflow_server


def serve(run_id: str | None, store: str | None, port: int) -> None:
    """Serve the interface until interrupted, and print the address of a run.

    Args:
        run_id: the run to show; None for the list of experiments.
        store: MLflow's backend store; None for the current tracking URI.
        port: of this machine alone; 0 for any free one.

    Raises:
        WrongCall: there is no such run.
        JobFailed: neither full mlflow nor uv is at hand, or the port is taken.
    """
    if store:
        mlflow.set_tracking_uri(store)
    store = mlflow.get_tracking_uri()
    page = _page(run_id)
    if store.startswith("http"):
        say(f"{store.rstrip('/')}/{page}")
        return
    port = mlflow_server.free_port(port)
    command = mlflow_server.command(store, port)
    say("starting MLflow's server (its first start installs it) … Ctrl-C ends it", err=True)
    with subprocess.Popen(command, stdout=sys.stderr, env={**mlflow_server.LEAN, **os.environ}) as server:
        try:
            if mlflow_server.answers(server, port):
                say(f"http://{mlflow_server.HOST}:{port}/{page}")
            server.wait()
        finally:
            server.terminate()
    if server.returncode > 0:
        raise JobFailed(f"MLflow's server ended with exit code {server.returncode}")


def _page(run_id: str | None) -> str:
    if run_id is None:
        return ""
    try:
        run = mlflow.get_run(run_id)
    except mlflow.exceptions.MlflowException as error:
        raise WrongCall(f"run {run_id!r} is not in {mlflow.get_tracking_uri()}", remedy="name its store") from error
    return f"#/experiments/{run.info.experiment_id}/runs/{run_id}"

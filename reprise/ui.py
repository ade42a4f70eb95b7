"""MLflow's web interface on a local store: the launcher is too lean to hold it, so uv runs it from full mlflow."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version

import mlflow

from reprise.errors import JobFailed, WrongCall
from reprise.terminal import say

HOST = "127.0.0.1"


def serve(run_id: str | None, store: str | None, port: int) -> None:
    """Serve the interface until interrupted, and print the address of a run.

    Args:
        run_id: the run to show; None for the list of experiments.
        store: MLflow's backend store; None for the tracking URI that is in force.
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
    port = _free_port(port)
    command = [*_mlflow_command(), "server", "--backend-store-uri", store, "--host", HOST, "--port", str(port)]
    say("starting MLflow's server (its first start installs it) … Ctrl-C ends it", err=True)
    with subprocess.Popen([*command, "--workers", "1"], stdout=sys.stderr) as server:
        try:
            if _answers(server, port):
                say(f"http://{HOST}:{port}/{page}")
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
        raise WrongCall(f"run {run_id!r} is not in {mlflow.get_tracking_uri()}; name its store") from error
    return f"#/experiments/{run.info.experiment_id}/runs/{run_id}"


def _mlflow_command() -> list[str]:
    uv = shutil.which("uv")
    if uv is None:
        raise JobFailed("uv is not on the PATH; install it, or activate the launcher's environment")
    return [uv, "tool", "run", "--quiet", "--from", f"mlflow=={version('mlflow-skinny')}", "mlflow"]


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise JobFailed(f"port {port} is taken; name another with --port, 0 for any") from error
        return int(probe.getsockname()[1])


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers, or has ended."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False

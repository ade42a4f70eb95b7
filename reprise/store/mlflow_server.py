"""Run MLflow's server on the loopback. The launcher has only mlflow-skinny, so uv runs full mlflow."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from importlib.metadata import version

from reprise.base.errors import JobFailed

HOST = "127.0.0.1"

LEAN = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Variables of a server that starts no processes for jobs of its own. It starts sooner without them."""


def command(store: str, port: int, *options: str) -> list[str]:
    """Return the command that serves a store, in the version of this process's own MLflow.

    Raises:
        JobFailed: uv is not at hand.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise JobFailed("uv is not on the PATH", remedy="install it, or activate the launcher's environment")
    mlflow = [uv, "tool", "run", "--quiet", "--from", f"mlflow=={version('mlflow-skinny')}", "mlflow"]
    place = ["--backend-store-uri", store, "--host", HOST, "--port", str(port)]
    return [*mlflow, "server", *place, "--workers", "1", *options]


def free_port(port: int = 0) -> int:
    """Return the port if it is free, or any free one for 0.

    Raises:
        JobFailed: it is taken.
    """
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise JobFailed(f"port {port} is taken", remedy="name another with --port, 0 for any") from error
        return int(probe.getsockname()[1])


def answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers, or has ended."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False

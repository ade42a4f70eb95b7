"""A stand-in for a Databricks workspace: the endpoints that MLflow's project backend calls, and no more.

It keeps what is uploaded, runs what is submitted on this machine, and passes MLflow's own calls on to a real MLflow
server. It has no clusters, no DBFS and no access rules beyond one token: what only a workspace can show, it cannot.
"""

import json
import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from conftest import environment

TOKEN = "dapi-of-the-stand-in"  # noqa: S105


@dataclass
class Workspace:
    """What the stand-in has received.

    Attributes:
        folder: holds `dbfs/`, where uploads go, and `databricks/`, where jobs work.
        mlflow: the address of the MLflow server behind it; None to answer MLflow's calls with 404.
        executes: whether submitted commands are run.
    """

    folder: Path
    mlflow: str | None = None
    executes: bool = True
    submitted: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def tarballs(self) -> list[Path]:
        return sorted((self.folder / "dbfs").rglob("*.tar.gz"))

    def submit(self, payload: dict[str, Any]) -> dict[str, Any]:
        self.submitted.append(payload)
        if self.executes:
            self.jobs.append(self._execute(**payload["shell_command_task"]))
        return {"run_id": len(self.submitted)}

    def _execute(self, command: list[str], env_vars: dict[str, str]) -> subprocess.Popen[bytes]:
        """Run a command as a cluster would; the folders at its root are folders of the stand-in."""
        moved = [part.replace(" /dbfs/", f" {self.folder}/dbfs/") for part in command]
        moved = [part.replace("/databricks/mlflow", f"{self.folder}/databricks/mlflow") for part in moved]
        login = {"DATABRICKS_HOST": self.address, "DATABRICKS_TOKEN": TOKEN}
        shell = {name: os.environ[name] for name in ("MLFLOW_ENV_ROOT",) if name in os.environ}
        log = (self.folder / "job.log").open("wb")
        variables = environment(**env_vars, **login, **shell, HOME=str(self.folder))
        return subprocess.Popen(moved, env=variables, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)

    def get(self, number: int) -> dict[str, Any]:
        state: dict[str, str] = {"life_cycle_state": "RUNNING"}
        if self.executes and (code := self.jobs[number - 1].poll()) is not None:
            state = {"life_cycle_state": "TERMINATED", "result_state": "FAILED" if code else "SUCCESS"}
        return {"run_id": number, "job_id": 7, "run_page_url": f"{self.address}/#job/7/run/{number}", "state": state}


class Handler(BaseHTTPRequestHandler):
    workspace: Workspace

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815  the names that http.server calls

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/.well-known/databricks-config":
            self._send(200, {"oidc_endpoint": f"{self.workspace.address}/oidc"})
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(403, {"error_code": "PERMISSION_DENIED", "message": "Invalid access token."})
            return
        url = urlsplit(self.path)
        if url.path == "/api/2.0/dbfs/get-status":
            path = json.loads(body)["path"]
            found = (self.workspace.folder / "dbfs" / path.lstrip("/")).exists()
            self._send(200, {"path": path} if found else {"error_code": "RESOURCE_DOES_NOT_EXIST"})
        elif url.path.startswith("/dbfs/"):
            place = self.workspace.folder / url.path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
            self._send(200, {})
        elif url.path == "/api/2.0/jobs/runs/submit":
            self._send(200, self.workspace.submit(json.loads(body)))
        elif url.path == "/api/2.0/jobs/runs/get":
            self._send(200, self.workspace.get(int(parse_qs(url.query)["run_id"][0])))
        elif self.workspace.mlflow and "/mlflow/" in url.path:
            self._pass_on(body)
        else:
            self._send(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"the stand-in has no {url.path}"})

    def _pass_on(self, body: bytes) -> None:
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        address = f"{self.workspace.mlflow}{self.path}"
        asked = urllib.request.Request(address, body or None, headers, method=self.command)
        try:
            with urllib.request.urlopen(asked) as answer:
                self._send(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            self._send(error.code, error.read())

    def _send(self, status: int, content: dict[str, Any] | bytes) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Report nothing."""


@contextmanager
def stand_in(workspace: Workspace) -> Iterator[Workspace]:
    """Serve a workspace on this machine until the block ends, its jobs too."""
    handler = type("Handler", (Handler,), {"workspace": workspace})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        workspace.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield workspace
        finally:
            for job in workspace.jobs:
                job.terminate()
                job.wait(60)
            server.shutdown()

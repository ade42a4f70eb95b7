"""What the tests on a cluster share: a tracking server and a git server on this machine, and a template for its node.

`KUBECONFIG` names a cluster whose node is this machine (pods share its network), `TEST_IMAGE` an image of
deploy/Dockerfile that it can pull.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from conftest import PROJECT, commit_all, environment, git, put_store

from reprise.backends.kubernetes_commit import KubernetesCommitBackend
from reprise.store.mlflow_server import LEAN

LACKING = [name for name in ("KUBECONFIG", "TEST_IMAGE") if name not in os.environ]
LACKING += [program for program in ("kubectl", "uv") if not shutil.which(program)]
NEEDS_CLUSTER = [
    pytest.mark.kubernetes,
    pytest.mark.integration,
    pytest.mark.skipif(bool(LACKING), reason=f"needs a cluster on this machine, and {', '.join(LACKING)}"),
]

HOST = "127.0.0.1"
SETTINGS = ("UV_", "PIP_", "SSL_CERT_", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
"""Variables by which this machine reaches package indexes, its pods like it."""

FOREIGN = """
name: Someone's project, with a name that is far too long for Kubernetes, ünd not plain
entry_points:
  main:
    parameters: {word: {type: string, default: hello}}
    command: "echo said {word} && cat value.txt"
  fail: {command: "echo about to fail; exit 7"}
  memory: {command: 'python3 -c "x = b'' '' * 3 * 10**9; print(len(x))"'}
  disk: {command: "head -c 64M /dev/zero > $HOME/zeros; echo wrote; sleep 120"}
  wait: {command: "trap 'exit 5' TERM INT; echo waiting; for i in $(seq 600); do sleep 0.2; done"}
  count: {command: "for i in $(seq 40); do echo line $i; sleep 0.5; done"}
"""


@dataclass(frozen=True)
class Servers:
    """Addresses on this machine's loopback."""

    tracking: str
    git: str
    repositories: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(folder: Path) -> Iterator[Servers]:
    """Serve runs, and the repositories in a folder."""
    tracking, port = free_port(), free_port()
    repositories = folder / "repositories"
    repositories.mkdir()
    put_store(folder, "server.db", "mlflow-artifacts:")
    mlflow = ["uv", "tool", "run", "--quiet", "--from", f"mlflow=={version('mlflow-skinny')}", "mlflow", "server"]
    store = [f"--backend-store-uri=sqlite:///{folder / 'server.db'}", f"--artifacts-destination={folder / 'kept'}"]
    place = ["--host", HOST, "--port", str(tracking), "--workers", "1"]
    daemon = ["git", "daemon", f"--listen={HOST}", f"--port={port}", f"--base-path={repositories}", "--export-all"]
    with (folder / "server.log").open("w") as log:
        processes = [
            subprocess.Popen(command, cwd=folder, env=environment(**LEAN), stdout=log, stderr=log)
            for command in ([*mlflow, *store, *place], [*daemon, "--reuseaddr"])
        ]
        try:
            _wait_for(f"http://{HOST}:{tracking}/health")
            yield Servers(f"http://{HOST}:{tracking}", f"git://{HOST}:{port}", repositories)
        finally:
            for process in processes:
                process.terminate()
                process.wait(30)


def _wait_for(url: str) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


@contextmanager
def guarded(repositories: Path, login: str) -> Iterator[str]:
    """Serve repositories over HTTP to who has a login, `user:password`; give the address."""
    expected = f"Basic {base64.b64encode(login.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            variables = {
                "GIT_PROJECT_ROOT": str(repositories), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": login.partition(":")[0],
                "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }  # fmt: skip
            command, env = ["git", "http-backend"], environment(**variables)
            said = subprocess.run(command, input=body, env=env, stdout=subprocess.PIPE, check=True).stdout
            head, _, content = said.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


def publish(servers: Servers, checkout: Path) -> str:
    """Push a checkout to a bare repository that the git server gives out, and return its URL."""
    bare = servers.repositories / f"{checkout.name}.git"
    git(servers.repositories, "init", "--quiet", "--bare", str(bare))
    git(bare, "config", "uploadpack.allowFilter", "true")
    git(checkout, "remote", "add", "origin", f"{servers.git}/{bare.name}")
    git(checkout, "push", "--quiet", str(bare), "HEAD:refs/heads/main")
    git(bare, "symbolic-ref", "HEAD", "refs/heads/main")
    return f"{servers.git}/{bare.name}"


def foreign_project(folder: Path) -> Path:
    """Somebody's project, of shell commands and without an environment."""
    folder.mkdir()
    (folder / "MLproject").write_text(FOREIGN)
    (folder / "value.txt").write_text("the value\n")
    commit_all(folder)
    return folder


@contextmanager
def node_cache() -> Iterator[Path]:
    """Keep what pods keep: on the node, by another user than this one."""
    folder = Path("/var/tmp") / f"reprise-test-{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def work_in(folder: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, in an experiment of one's own on the server."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "REPRISE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REPRISE_CACHE", str(folder / "repositories"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers.tracking)
    monkeypatch.chdir(folder)
    mlflow.set_tracking_uri(servers.tracking)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mlflow.create_experiment(folder.name))


def template(cache: Path, **pod: Any) -> dict[str, Any]:
    """Return deploy/job.yaml for a node that is this machine, with a cache in a folder."""
    job: dict[str, Any] = yaml.safe_load((PROJECT / "deploy/job.yaml").read_text())
    spec = job["spec"]["template"]["spec"]
    spec["hostNetwork"] = True
    spec["terminationGracePeriodSeconds"] = 10
    cache.mkdir(exist_ok=True)
    cache.chmod(0o777)
    spec["volumes"][1] = {"name": "cache", "hostPath": {"path": str(cache)}}
    container = spec["containers"][0]
    container["image"] = os.environ["TEST_IMAGE"]
    container["resources"] = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1500Mi"}}
    container["env"] += [{"name": "REPRISE_HOST", "value": HOST}]
    container["env"] += [{"name": name, "value": os.environ[name]} for name in os.environ if name.startswith(SETTINGS)]
    spec.update(pod)
    return job


def configure(folder: Path, job: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Write a template and give the backend's configuration for it."""
    (folder / "job.yaml").write_text(yaml.safe_dump(job))
    config = {"kube-job-template-path": str(folder / "job.yaml"), **settings}
    (folder / "kubernetes.json").write_text(json.dumps(config))
    return config


def kubectl(*arguments: str, stdin: str = "") -> str:
    """Run kubectl on the cluster."""
    return subprocess.run(["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=True).stdout


def run_backend(
    uri: str | Path, config: dict[str, Any], entry_point: str = "main", manager: str = "local", **parameters: str
) -> str:
    """Call the plugin as `mlflow run` does, and return the id of the run."""
    full = {"ENV_MANAGER": manager, "SYNCHRONOUS": True, "DOCKER_ARGS": None, "STORAGE_DIR": None, **config}
    experiment = os.environ["MLFLOW_EXPERIMENT_ID"]
    submitted = KubernetesCommitBackend().run(
        str(uri), entry_point, parameters, None, full, mlflow.get_tracking_uri(), experiment
    )
    return str(submitted.run_id)


def all_runs(where: str = "") -> list[mlflow.entities.Run]:
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        [os.environ["MLFLOW_EXPERIMENT_ID"]], where, output_format="list", order_by=["attributes.start_time"]
    )
    return found


def jobs_of(run: mlflow.entities.Run) -> str:
    return kubectl("get", "jobs", "--all-namespaces", "-l", f"reprise/run-id={run.info.run_id}", "-o", "name")


def wait_until(holds: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.2)
    assert holds()

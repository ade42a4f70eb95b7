"""What the tests on a cluster share: a tracking server and a git server on this machine, and a template for its node.

`KUBECONFIG` names a cluster whose node is this machine (pods share its network), `TEST_IMAGE` an image of
deploy/Dockerfile that it can pull.
"""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from conftest import PROJECT, commit_all, environment, git

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
  disk: {command: "head -c 64M /dev/zero > /work/zeros; echo wrote; sleep 120"}
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
    mlflow = ["uv", "tool", "run", "--quiet", "--from", f"mlflow=={version('mlflow-skinny')}", "mlflow", "server"]
    store = [f"--backend-store-uri=sqlite:///{folder / 'server.db'}", f"--artifacts-destination={folder / 'kept'}"]
    place = ["--host", HOST, "--port", str(tracking), "--workers", "1"]
    daemon = ["git", "daemon", f"--listen={HOST}", f"--port={port}", f"--base-path={repositories}", "--export-all"]
    with (folder / "server.log").open("w") as log:
        processes = [
            subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)
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


def template(cache: Path, **pod: Any) -> dict[str, Any]:
    """Give deploy/job.yaml for a node that is this machine, with a cache in a folder."""
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

"""Servers of this machine that tests start, stop and start again: PostgreSQL, S3 and AWS by moto, MLflow."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

import mlflow
from conftest import PROJECT, environment, put_store

from reprise.store.mlflow_server import LEAN

HOST = "127.0.0.1"
PASSWORD = "correct horse battery"  # noqa: S105  of a server that lives for one test
MOTO = "moto[server]>=5,<6"
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
FULL_MLFLOW = ["uv", "tool", "run", "--quiet", "--from", f"mlflow=={mlflow.__version__}"]
FULL_MLFLOW += ["--with", "psycopg2-binary>=2.9,<3", "--with", "boto3>=1.40,<2", "mlflow"]
"""The launcher and the project's environment have no server, no PostgreSQL driver and no boto3: uv brings them."""


def free_port() -> int:
    with socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl; Debian keeps them off the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return folders[-1] if folders else None


@dataclass
class Postgres:
    """A database cluster of its own, on a free port of the loopback."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def uri(self) -> str:
        return f"postgresql+psycopg2://mlflow@{HOST}:{self.port}/mlflow"

    def create(self) -> None:
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.folder, "postgres")
        self.call("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "mlflow", "--no-sync")
        self.start()
        self.call("createdb", "-h", HOST, "-p", self.port, "-U", "mlflow", "mlflow")

    def start(self) -> None:
        options = f"-c listen_addresses={HOST} -c fsync=off -p {self.port} -k {self.folder}"
        self.call("pg_ctl", "-D", self.folder / "data", "-o", options, "-l", self.folder / "log", "-w", "start")

    def stop(self) -> None:
        """Stop it at once, as a machine that fails does; its data stay."""
        self.call("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def sql(self, statement: str) -> str:
        return self.call("psql", "-h", HOST, "-p", self.port, "-U", "mlflow", "-tAc", statement, "mlflow")

    def call(self, program: str, *arguments: str | int | Path) -> str:
        programs = postgres_programs()
        assert programs
        become = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*become, str(programs / program), *map(str, arguments)]
        with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open in the server that pg_ctl leaves behind
            subprocess.run(command, check=True, cwd=self.folder, stdout=output, stderr=output)
            output.seek(0)
            return output.read().strip()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a database cluster with an empty database `mlflow`."""
    folder = Path(tempfile.mkdtemp(prefix="reprise-postgres-"))
    server = Postgres(folder)
    try:
        server.create()
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):  # a test may have left it stopped
            server.stop()
        shutil.rmtree(folder)


@dataclass
class Server:
    """A program that serves HTTP until it is ended."""

    command: list[str]
    address: str
    log: Path
    variables: dict[str, str] = field(default_factory=dict)
    health: str = "/health"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.log.parent, env=environment(**LEAN, **self.variables), stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        while not answers(f"{self.address}{self.health}"):
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.2)

    def kill(self) -> None:
        """End it and its workers at once, by the group that they were started in."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()


def guarded(folder: Path, store: str) -> Server:
    """Return the server that `deploy/server/start` starts, with access control."""
    port = free_port()
    variables = {"BACKEND_STORE_URI": store, "HOST": HOST, "PORT": str(port)}
    variables |= {"MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD, "MLFLOW_FLASK_SERVER_SECRET_KEY": PASSWORD}
    return Server([str(PROJECT / "deploy/server/start")], f"http://{HOST}:{port}", folder / "server.log", variables)


def moto(folder: Path) -> Server:
    """AWS on this machine: S3, SageMaker, ECR, IAM, STS."""
    port = free_port()
    command = [
        "uv",
        "run",
        "--quiet",
        "--no-project",
        "--with",
        MOTO,
        "python",
        str(PROJECT / "tests/engine/moto_server.py"),
    ]
    command += ["-H", HOST, "-p", str(port)]
    return Server(command, f"http://{HOST}:{port}", folder / "moto.log", health="/moto-api/")


def mlflow_server(folder: Path, store: str, *options: str, **variables: str) -> Server:
    """A real MLflow server."""
    port = free_port()
    command = [*FULL_MLFLOW, "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store, *options]
    return Server(command, f"http://{HOST}:{port}", folder / "mlflow.log", variables)


def http(method: str, address: str, body: bytes = b"", service: str = "s3", **headers: str) -> str:
    """Send a request to moto, which looks at the service in the signature, and at the signature only if told to."""
    scope = f"{KEYS['AWS_ACCESS_KEY_ID']}/20260101/{REGION}/{service}/aws4_request"
    headers |= {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    headers.setdefault("Content-Type", "text/plain")
    with urllib.request.urlopen(urllib.request.Request(address, body or None, headers, method=method)) as answer:
        return str(answer.read().decode(errors="replace"))


def aws(address: str, service: str, **parameters: str) -> str:
    """Call one of AWS's services that take forms: `aws(address, "iam", Action="CreateUser", UserName="mlflow")`."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return http("POST", address, urllib.parse.urlencode(parameters).encode(), service, **form)


def bucket(address: str, name: str) -> None:
    """Make a bucket in moto's S3."""
    http("PUT", f"{address}/{name}")


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for something to become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.2)


@contextmanager
def tracking_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real MLflow server on a SQLite store; the project's environment has none, so uv brings it."""
    command = ["uv", "tool", "run", "--quiet", "--from", f"mlflow=={mlflow.__version__}", "mlflow", "server"]
    command += ["--port", str(port), "--host", "127.0.0.1", "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination",
        str(folder / "a"),
    ]
    if not (folder / "server.db").exists():
        put_store(folder, "server.db", "mlflow-artifacts:")
    with subprocess.Popen(command, cwd=folder, env=environment(**LEAN), start_new_session=True) as server:
        try:
            while server.poll() is None and not answers(f"http://127.0.0.1:{port}/health"):
                time.sleep(0.2)
            yield server
        finally:
            stop(server)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End a server and its workers, by the group that they were started in."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()

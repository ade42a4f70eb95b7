"""A tracking server with access control, on PostgreSQL where it is installed: started, waited for and ended."""

import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

from conftest import PROJECT, environment

PASSWORD = "correct horse battery"  # noqa: S105  of a server that lives for one test
HOST = "127.0.0.1"


def free_port() -> int:
    with socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl; Debian keeps them off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which("initdb", path=str(folders[-1]) if folders else None)
    return Path(found).parent if found else None


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """Run a database cluster of our own, and give the URI of its database."""
    folder, port = Path(tempfile.mkdtemp(prefix="reprise-postgres-")), free_port()
    become: list[str] = []
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        become = ["runuser", "-u", "postgres", "--"]
    options = f"-c listen_addresses={HOST} -p {port} -k {folder}"

    def call(*command: str | Path) -> None:
        subprocess.run([*become, *map(str, command)], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    call(programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "mlflow", "--no-sync")
    call(programs / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
    try:
        yield f"postgresql+psycopg2://mlflow@{HOST}:{port}/postgres"
    finally:
        call(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


@contextmanager
def guarded(folder: Path, store: str) -> Iterator[str]:
    """Run `deploy/server/start` on a store, and give the server's address."""
    port = free_port()
    variables = environment(
        BACKEND_STORE_URI=store,
        HOST=HOST,
        PORT=str(port),
        MLFLOW_AUTH_ADMIN_PASSWORD=PASSWORD,
        MLFLOW_FLASK_SERVER_SECRET_KEY=PASSWORD,
    )
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen([PROJECT / "deploy/server/start"], cwd=folder, env=variables, stdout=log, stderr=log)
        try:
            while True:
                assert server.poll() is None, (folder / "server.log").read_text()[-3000:]
                try:
                    urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.3)
            yield f"http://{HOST}:{port}"
        finally:
            server.terminate()
            server.wait(60)

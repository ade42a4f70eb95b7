"""Connect a job to the store, by a server if the job's MLflow does not know the schema of the store.

MLflow opens only a database with the schema of its own version. A project that pins another version would fail with
"Can't locate revision" or "out-of-date database schema". Over a server, all versions work together.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryFile
from typing import IO

import mlflow

from reprise.base import mlflow_private, tag
from reprise.base.errors import JobFailed, one_line
from reprise.base.terminal import note, step
from reprise.environment.pins import installed_versions
from reprise.store import mlflow_server

_REVISION = re.compile(r"""^(down_)?revision\b[^=]*=\s*["'](\w+)["']""", re.MULTILINE)
_MIGRATIONS = ("lib/python3*/site-packages", "Lib/site-packages")

_ENDS_WITH_THIS_PROCESS = """
exec 3<&0
{ read -r _ <&3; kill -KILL -- -$$; } &
exec "$@" </dev/null 3<&-
"""
"""Runs a command until its standard input is closed, which is also when this process is killed."""


@contextmanager
def reached(environment: Path | None, run_id: str) -> Iterator[Mapping[str, str]]:
    """Connect the jobs of an environment to the current store within the block.

    Args:
        environment: its folder; None for the environment of this very process.
        run_id: the run whose tags record a server.

    Yields:
        The variables by which they do: none where they reach it by themselves.

    Raises:
        JobFailed: they cannot, and no server can be started for them.
    """
    uri = mlflow.get_tracking_uri()
    other = environment and other_mlflow(environment, uri)
    if not other:
        yield {}
        return
    ours = mlflow.__version__
    said = f"the project's mlflow {other} does not know the schema that mlflow {ours} has given the store"
    if not uri.startswith("sqlite:"):
        raise JobFailed(said, remedy="name an MLflow server over it in MLFLOW_TRACKING_URI")
    note(f"{said}; starting a server of mlflow {ours} for this job (its first start installs it)")
    with served(uri) as address:
        note(f"the store is at {address} until the job ends; every user of this machine can reach it")
        mlflow.MlflowClient().set_tag(run_id, tag.STORE_SERVER, f"mlflow {other} by a server of {ours}")
        yield {"MLFLOW_TRACKING_URI": address, "MLFLOW_REGISTRY_URI": address, **_past_proxies()}


def other_mlflow(environment: Path, uri: str) -> str | None:
    """Return the version of an environment's MLflow if its schema differs from that of the store's database."""
    if not mlflow_private.is_database(uri):
        return None
    sites = [site for pattern in _MIGRATIONS for site in environment.glob(pattern)]
    schema = next(filter(None, map(schema_of, sites)), None)
    if schema is None or schema == mlflow_private.schema(uri):
        return None
    versions = installed_versions([str(site) for site in sites])
    return versions.get("mlflow-skinny") or versions.get("mlflow")


def schema_of(site_packages: Path) -> str | None:
    """Return an MLflow's newest schema, the migration that no other one follows, or None without MLflow."""
    folder = site_packages / "mlflow/store/db_migrations/versions"
    found = [pair for file in folder.glob("*.py") for pair in _REVISION.findall(file.read_text(encoding="utf-8"))]
    followed = {revision for down, revision in found if down}
    return next((revision for down, revision in found if not down and revision not in followed), None)


@contextmanager
def served(uri: str) -> Iterator[str]:
    """Serve a store on the loopback within the block. Artifacts stay in the store's own place."""
    port = mlflow_server.free_port()
    artifacts = ["--no-serve-artifacts", "--default-artifact-root", str(Path("mlruns").absolute())]
    command = mlflow_server.command(uri, port, *artifacts)
    with TemporaryFile() as log:
        server = subprocess.Popen(
            ["bash", "-c", _ENDS_WITH_THIS_PROCESS, "bash", *command],
            env={**os.environ, **mlflow_server.LEAN},
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            with step("start MLflow's server"):
                if not mlflow_server.answers(server, port):
                    raise JobFailed(f"MLflow's server does not start: {_last_line(log)}")
            yield f"http://{mlflow_server.HOST}:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, SIGKILL)
            server.communicate()


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    return one_line(next((line for line in reversed(lines) if line.strip()), "it prints nothing"), 300)


def _past_proxies() -> dict[str, str]:
    """Return the variables that keep a client from using a proxy for the loopback."""
    return {
        name: ",".join(filter(None, [os.environ.get(name), mlflow_server.HOST])) for name in ("NO_PROXY", "no_proxy")
    }

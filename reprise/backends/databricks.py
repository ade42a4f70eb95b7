"""MLflow's project backend `databricks-commit`: MLflow's own `databricks`, given a clean clone of one commit.

MLflow sends the project's folder as it stands, with `.env`, environments and databases. This backend sends a clone
instead, and leaves everything else to MLflow's code.
"""

import os
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow
import requests
from mlflow.exceptions import MlflowException
from mlflow.projects import SubmittedRun
from mlflow.projects.backend.abstract_backend import AbstractBackend

from reprise.backends import databricks_settings
from reprise.backends.commit import request_of
from reprise.base import mlflow_private, tag, tracking_server
from reprise.base.credentials import without_credentials
from reprise.base.entry_point import in_one_line
from reprise.base.errors import JobFailed, WrongCall, in_short, one_line
from reprise.base.interruption import terminated_as_interrupted
from reprise.base.terminal import accept_every_letter
from reprise.code.clone import cloned
from reprise.code.project_uri import DATABRICKS_BACKEND
from reprise.code.repository import find
from reprise.environment.pinned_engine import place_in
from reprise.kubernetes.published import takes_credentials
from reprise.kubernetes.reach import OTHER_ENGINE
from reprise.running.commit_run import workspace_at
from reprise.running.entry_point_run import ended_well, load, make_run
from reprise.running.run_request import RunRequest

SIZE_LIMIT = 100 * 2**20
"""Bytes of files that a commit may bring to the cluster: code, not data."""

_LISTED = 3
_ANSWER = 5  # seconds
_LOGIN = "set DATABRICKS_HOST and DATABRICKS_TOKEN, or run databricks auth login"


class DatabricksBackend(AbstractBackend):
    """MLflow's plugin: the group `mlflow.project_backend`, the name `databricks-commit`."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, str] | None,
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> SubmittedRun:
        """Send a commit to Databricks as a job, and return at once, as MLflow's own backend does.

        Raises:
            WrongCall: the configuration, the login, the repository or its state will not do; nothing was sent.
            JobFailed: Databricks refuses or does not answer; the run is FAILED.
        """
        accept_every_letter()
        manager = backend_config.get("ENV_MANAGER") or "uv"
        config = databricks_settings.check(backend_config, manager)
        _check_reach(tracking_uri)
        return submit(request_of(project_uri, entry_point, params, version, experiment_id, manager), config)


def submit(request: RunRequest, config: dict[str, Any]) -> SubmittedRun:
    """Send a commit to Databricks in a run that is made for it.

    Raises:
        WrongCall, JobFailed: as `DatabricksBackend.run`.
    """
    commit = find(request.place, request.version)
    if commit.subdirectory:
        raise WrongCall(f"{commit.subdirectory!r} is inside of its repository; Databricks takes a project at the top")
    with cloned(commit, portable=True) as clone:
        check_size(clone.folder)
        workspace = workspace_at(request, commit, clone)
        _check_engine(place_in(workspace.folder))
        tags = {**request.tags, tag.BACKEND: DATABRICKS_BACKEND, tag.PROCESS: None}
        made = make_run(load(request, workspace), replace(request, tags=tags), workspace)
        with terminated_as_interrupted(), ended_well(made.run_id), tracking_server.few_retries():
            try:
                submitted: SubmittedRun = mlflow_private.run_on_databricks(
                    mlflow.get_run(made.run_id), f"{commit.url}#{commit.sha}", request.entry_point, clone.folder,
                    request.parameters, made.experiment_id, config, request.env_manager,
                )  # fmt: skip
            except (MlflowException, OSError, KeyError, ValueError) as error:
                raise JobFailed(f"Databricks did not take run {made.run_id}: {in_one_line(error)}") from error
    return submitted


def check_size(folder: Path) -> None:
    """Refuse a clone with more files than code has.

    Raises:
        WrongCall: they are larger than `SIZE_LIMIT`; the largest are named.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in files}
    if (total := sum(sizes.values())) > SIZE_LIMIT:
        own = sorted((name for name in sizes if not name.startswith(f".git{os.sep}")), key=lambda name: -sizes[name])
        largest = ", ".join(f"{name} ({sizes[name] / 2**20:.0f} MiB)" for name in own[:_LISTED])
        raise WrongCall(
            f"the commit takes {total / 2**20:.0f} MiB, over the limit of {SIZE_LIMIT / 2**20:g} MiB; the largest: "
            f"{largest}",
            remedy="keep data out of the repository, and name it by its URI",
        )


def _check_engine(place: str | None) -> None:
    """Ensure that a cluster, which has no login for a repository, can get the engine that the project pins.

    Args:
        place: the address in the pin; None for a package index, or for an engine in the project's folder.
    """
    if place is None:
        return
    shown = without_credentials(place)
    if place.startswith("file:"):
        message = f"the project pins its engine at {shown}, which is of this machine and which a cluster does not have"
        raise WrongCall(message, remedy=OTHER_ENGINE)
    if takes_credentials(place):
        raise WrongCall(
            f"the engine's repository {shown} takes credentials, and a cluster has none", remedy=OTHER_ENGINE
        )


def _check_reach(tracking_uri: str) -> None:
    """Ensure that the cluster can reach the store, that the workspace answers and that there is a login for it."""
    if not mlflow_private.is_reached_from_afar(tracking_uri):
        raise WrongCall(
            f"{tracking_uri} cannot be reached from a cluster", remedy="export MLFLOW_TRACKING_URI=databricks"
        )
    host = _host(tracking_uri)
    if not host:
        raise WrongCall("no Databricks workspace is configured", remedy=_LOGIN)
    _see_that_it_answers(host)
    try:
        mlflow_private.check_databricks_login(tracking_uri)
    except (MlflowException, ValueError) as error:
        raise WrongCall(f"there is no login for {host}", remedy=_LOGIN) from error


def _see_that_it_answers(host: str) -> None:
    """Ask once, through the proxy if there is one: databricks-sdk itself would try for ten minutes."""
    url = host if "://" in host else f"https://{host}"
    try:
        requests.head(url, timeout=_ANSWER, allow_redirects=False)
    except ValueError as error:
        hint = "check DATABRICKS_HOST, and the proxy's address if there is one"
        raise WrongCall(
            f"no request can be sent to Databricks workspace {host!r}: {one_line(error)}", remedy=hint
        ) from error
    except requests.RequestException as error:
        by_proxy = isinstance(error, requests.exceptions.ProxyError)
        check = f"{urlsplit(url).scheme.upper()}_PROXY" if by_proxy else "DATABRICKS_HOST"
        raise JobFailed(
            f"Databricks workspace {host} does not answer ({in_short(error)})", remedy=f"check {check}"
        ) from error


def _host(tracking_uri: str) -> str | None:
    """Return the workspace's address, from where databricks-sdk takes it."""
    profile = mlflow_private.databricks_profile(tracking_uri) or os.environ.get("DATABRICKS_CONFIG_PROFILE")
    if not profile and (host := os.environ.get("DATABRICKS_HOST")):
        return host
    profiles = ConfigParser(default_section="", interpolation=None)
    file = Path(os.environ.get("DATABRICKS_CONFIG_FILE", "~/.databrickscfg")).expanduser()
    try:
        profiles.read(file)
    except (ConfigParserError, UnicodeDecodeError) as error:
        raise WrongCall(f"{file} cannot be read: {one_line(error)}", remedy=f"correct it, or {_LOGIN}") from error
    return profiles.get(profile or "DEFAULT", "host", fallback=None)

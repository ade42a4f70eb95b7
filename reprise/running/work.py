"""Start a worker for a search on any machine, with the project at the search's commit and in its environment."""

import os
import shlex
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from reprise.base import mlflow_private, paths
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.code.clone import cloned
from reprise.code.project_uri import ProjectUri
from reprise.code.repository import find
from reprise.environment.built_environment import built, choose_manager
from reprise.environment.pinned_engine import has_engine
from reprise.running import child
from reprise.running.entry_point_run import make_absolute
from reprise.running.search_workers import KEY, MODULE, MODULE_FILE, takes_workers
from reprise.store.recorded import Recorded, existing

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A worker fits one model at a time, on one core."""


def work(run_id: str, env_manager: str | None, key: Path | None = None) -> int:
    """Work for a search until it ends.

    Args:
        run_id: of the search.
        env_manager: what builds the environment; None for what MLflow would choose.
        key: the file with the search's key; None where the worker finds it by itself.

    Returns:
        The worker's exit code, as a shell says it where a signal ended it.

    Raises:
        WrongCall: there is no such run, it takes no workers, its commit is not recorded, or others may read the key.
        JobFailed: the repository cannot be reached, or the environment cannot be built.
    """
    make_absolute(mlflow.get_tracking_uri())
    if key and hasattr(os, "getuid") and key.stat().st_mode & 0o077:
        raise WrongCall(f"others may read the key in {str(key)!r}", remedy="run chmod 600 on it")
    search = Recorded(existing(run_id), Path(), {})
    if not takes_workers(search.run):
        raise WrongCall(
            f"run {run_id} takes no workers", remedy="start the search with: -e tune -P engine=dask -P scheduler=here"
        )
    if not search.commit or not search.repositories:
        raise WrongCall(
            f"run {run_id} records no commit, or no repository to fetch it from", remedy="search at a commit"
        )
    commit = find(ProjectUri(search.repositories[0], search.commit, search.subdirectory))
    with cloned(commit) as clone:
        folder = paths.inside(clone.folder, commit.subdirectory, "subdirectory")
        if not has_engine(folder, MODULE_FILE):
            raise WrongCall(
                f"commit {commit.sha} of {commit.url} has no {MODULE_FILE}, which a worker runs, and no pin brings one"
            )
        try:
            project = mlflow_private.read_project(folder)
        except MlflowException as error:
            raise JobFailed(f"commit {commit.sha}: {one_line(error)}") from error
        start = f"exec python -m {MODULE} {shlex.quote(run_id)}"
        command = " && ".join([*built(project, folder, choose_manager(project, env_manager)).activation, start])
        variables = {**ONE_THREAD, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
        if named := key or os.environ.get(KEY):
            variables[KEY] = str(Path(named).absolute())  # the worker runs in another folder
        return child.as_shell_says(child.run(command, folder, variables, clone.lock))

"""`reprise run`: what `mlflow run` does, with uv, at a commit where one is named."""

from collections.abc import Mapping
from dataclasses import replace

from reprise.backends.commit import request_of
from reprise.base.errors import WrongCall
from reprise.code.project_uri import local_folder, parse
from reprise.running.commit_run import run_at_commit
from reprise.running.entry_point_run import run_project
from reprise.running.run_request import RunRequest, RunResult
from reprise.store import experiment


def run(
    uri: str,
    entry_point: str,
    parameters: Mapping[str, str],
    env_manager: str,
    *,
    run_name: str | None = None,
    experiment_name: str | None = None,
    patch: bool = False,
) -> RunResult:
    """Run a project's entry point, in its folder as it is or at a commit, and wait for its end.

    Args:
        uri: a folder, which is run as it is, or `<repository>#<commit, tag or branch>:<subdirectory>`.
        entry_point: a name in MLproject, or a script.
        parameters: of the entry point.
        env_manager: `uv`, `virtualenv`, `conda` or `local`.
        run_name: None for a name of MLflow's making.
        experiment_name: None for the experiment that a variable names, else that of the project.
        patch: whether a run at a commit carries the changes of a checkout that no commit holds.

    Raises:
        WrongCall: there is no such repository, version, folder or entry point; no run was made.
        JobFailed: the repository cannot be reached, or the environment cannot be built.
    """
    chosen = experiment.named(experiment_name)
    place = parse(uri)
    folder = local_folder(place.repository)
    if folder is None or place.version or patch:
        request = request_of(uri, entry_point, parameters, None, chosen, env_manager, carried=patch)
        return run_at_commit(replace(request, experiment_id=chosen, run_name=run_name))
    folder /= place.subdirectory
    if not folder.is_dir():
        raise WrongCall(f"there is no folder {str(folder)!r}", remedy="name a project's folder, or a repository's URL")
    return run_project(
        folder, RunRequest(place, entry_point, parameters, env_manager, experiment_id=chosen, run_name=run_name)
    )

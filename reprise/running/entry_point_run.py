"""An entry point of an MLflow Project as a process, in an MLflow run of its own that never stays RUNNING."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow.entities import Param
from mlflow.exceptions import MlflowException

from reprise.base import artifact, mlflow_private, process, project, scratch, tag, tracking_server, untrusted_text
from reprise.base.credentials import without_credentials
from reprise.base.display_text import as_option, in_parameter, in_tag
from reprise.base.entry_point import failure_of
from reprise.base.errors import JobFailed, WrongCall, cause, one_line
from reprise.base.interruption import terminated_as_interrupted
from reprise.base.terminal import note
from reprise.code.project_uri import ProjectUri
from reprise.environment.built_environment import built, choose_manager
from reprise.environment.pinned_engine import other_engine
from reprise.running import child
from reprise.running.run_request import RunRequest, RunResult, Workspace
from reprise.store.experiment import experiment_id, of_project
from reprise.store.store_access import reached


def run_entry_point(entry_point: str, parameters: Mapping[str, str], env_manager: str = "uv") -> int:
    """Run an entry point of this project in the project's environment, on behalf of the lean launcher.

    In a project without such an entry point, it is that of the project that this package lies in. If the launcher's
    engine has another version than the project's, a line says that the job runs with the project's.

    Args:
        entry_point: a name in MLproject.
        parameters: of the entry point, as one would write them after `-P`.
        env_manager: `uv`, `virtualenv`, `conda`, or `local` for the environment of this very process.

    Returns:
        The exit code that the entry point's own command ended with.

    Raises:
        WrongCall: there is no project, or it has no such entry point and neither has this package's.
        WrongCall, JobFailed: as `run_in`.
    """
    folder = _having(entry_point, parameters)
    request = RunRequest(ProjectUri(str(folder)), entry_point, parameters, env_manager, experiment_id=experiment_id())
    return run_project(folder, request).exit_code


def run_project(folder: Path, request: RunRequest) -> RunResult:
    """Run an entry point of a project in its folder, as it is there.

    Raises:
        WrongCall, JobFailed: as `run_in`.
    """
    if said := other_engine(folder, str(request.env_manager)):
        note(said)
    tags = {tag.SOURCE_NAME: str(folder), tag.BACKEND: "local"}
    with scratch.folder("job") as spare:
        return run_in(request, Workspace(folder, str(folder), spare, tags))


def _having(entry_point: str, parameters: Mapping[str, str]) -> Path:
    """Find the project that has an entry point: this one, else the one that this package lies in."""
    folder = project.required(f"the entry point {entry_point}")
    for place in (folder, project.ENGINE):
        if project.mlproject_in(place) and mlflow_private.has_entry_point(place, entry_point):
            return place
    declared = ", ".join(f"{name}: string" for name in parameters)
    options = "".join(f" {as_option(name)}={{{name}}}" for name in parameters)
    line = f'{entry_point}: {{parameters: {{{declared}}}, command: "python -m reprise job {entry_point}{options}"}}'
    raise WrongCall(
        f"{project.mlproject_in(folder)} has no entry point {entry_point}", remedy=f"put below entry_points: {line}"
    )


def run_in(request: RunRequest, workspace: Workspace) -> RunResult:
    """Run an entry point in a workspace and wait for its end; its output goes where this process's own goes.

    Raises:
        WrongCall: there is no such project, entry point or environment manager; no run was made.
        JobFailed: the environment cannot be built.
    """
    make_absolute(mlflow.get_tracking_uri())
    loaded = load(request, workspace)
    request = replace(request, env_manager=choose_manager(loaded, request.env_manager))
    command = _command(loaded, request, workspace)
    if request.run_id:
        return RunResult(request.run_id, _fill(loaded, request, workspace, command))
    request = make_run(loaded, request, workspace)
    with terminated_as_interrupted(), ended_well(request.run_id):
        _log_patch(request, workspace)
        exit_code = _fill(loaded, request, workspace, command)
        end(request.run_id, "FAILED" if exit_code else "FINISHED")
    return RunResult(request.run_id, exit_code)


def _fill(loaded: Any, request: RunRequest, workspace: Workspace, command: str) -> int:
    environment = built(loaded, workspace.folder, str(request.env_manager), request.python)
    whole = " && ".join([*environment.activation, command])
    note(f"running {without_credentials(command)!r} of {workspace.name} in run {request.run_id}")
    with reached(environment.folder, request.run_id) as variables:
        run_variables = mlflow_private.run_variables(request.run_id, request.experiment_id)
        known = {**request.variables, **run_variables, **variables}
        return child.run(whole, workspace.folder, known, workspace.lock)


def load(request: RunRequest, workspace: Workspace) -> Any:
    """Read a workspace's project as MLflow does.

    Raises:
        WrongCall: there is no such project or entry point, or a parameter is missing.
    """
    try:
        loaded = mlflow_private.read_project(workspace.folder)
        given_parameters(loaded, request)
    except (MlflowException, yaml.YAMLError, *untrusted_text.NONE) as error:
        if not any(path.name.lower() == "mlproject" for path in workspace.folder.iterdir()):
            raise WrongCall(
                f"{workspace.name} has no MLproject", remedy="name a project's folder, #:<folder>, or a script, -e"
            ) from error
        raise WrongCall(f"{workspace.name}: {one_line(error)}") from error
    return loaded


def given_parameters(loaded: Any, request: RunRequest) -> tuple[dict[str, str], dict[str, str]]:
    """Return the parameters that the entry point of a request declares, defaults among them, and those beyond."""
    return mlflow_private.parameters(loaded, request.entry_point, request.parameters)


def _command(loaded: Any, request: RunRequest, workspace: Workspace) -> str:
    """Return the shell command. Files that parameters of the type `path` name are downloaded first."""
    try:
        return mlflow_private.command(loaded, request.entry_point, request.parameters, workspace.spare)
    except MlflowException as error:
        raise WrongCall(f"{workspace.name}: {one_line(error)}") from error


def make_run(loaded: Any, request: RunRequest, workspace: Workspace) -> RunRequest:
    """Make the run of a request, its parameters logged as typed, and return the request to fill it."""
    declared, extra = given_parameters(loaded, request)
    tags = {
        tag.USER: mlflow_private.user(),
        tag.SOURCE_TYPE: "PROJECT",
        tag.ENTRY_POINT: request.entry_point,
        tag.ENVIRONMENT_MANAGER: str(request.env_manager),
        tag.EXTRA_PARAMETERS: json.dumps(sorted(extra)),
        **process.tags(),
        **workspace.tags,
        **request.tags,
    }
    client = mlflow.MlflowClient()
    request = in_experiment(request, workspace)
    first = {name: value for name, value in tags.items() if value}  # with the run itself: this process may be killed
    run_id = str(client.create_run(request.experiment_id, tags=first, run_name=request.run_name).info.run_id)
    with ended_well(run_id):
        try:
            client.log_batch(
                run_id,
                params=[
                    Param(name, in_parameter(without_credentials(value)))
                    for group in (declared, extra)
                    for name, value in group.items()
                ],
            )
        except MlflowException as error:
            raise JobFailed(f"run {run_id} takes no such parameters: {cause(error)}") from error
    return replace(request, run_id=run_id)


def in_experiment(request: RunRequest, workspace: Workspace) -> RunRequest:
    """Return a request with its experiment, that of the project where it names none."""
    return replace(request, experiment_id=request.experiment_id or of_project(workspace.folder))


def make_absolute(tracking_uri: str) -> None:
    """Make a relative SQLite file absolute, for this process and those that it starts: jobs run in other folders."""
    scheme, found, path = tracking_uri.partition(":///")
    if found and scheme.startswith("sqlite") and path and not path.startswith("/"):
        mlflow.set_tracking_uri(f"{scheme}:///{Path(path).absolute()}")


def _log_patch(request: RunRequest, workspace: Workspace) -> None:
    if request.patch:
        file = workspace.spare / Path(artifact.PATCH).name
        file.write_bytes(request.patch)
        mlflow.MlflowClient().log_artifact(request.run_id, str(file), str(Path(artifact.PATCH).parent))


@contextmanager
def ended_well(run_id: str) -> Iterator[None]:
    """Ensure that a run which was made does not stay RUNNING, whatever happens."""
    try:
        yield
    except KeyboardInterrupt:
        end(run_id, "KILLED", "interrupted", overwrite=True)
        raise
    except BaseException as error:
        end(run_id, "FAILED", failure_of(error).reason)
        raise


def end(run_id: str, status: str, reason: str | None = None, *, overwrite: bool = False) -> None:
    """End a run, unless the job has done so itself or that is to be overwritten."""
    client = mlflow.MlflowClient()
    try:
        with tracking_server.few_retries():
            ended = client.get_run(run_id).info.status not in ("RUNNING", "SCHEDULED")
            if reason:
                client.set_tag(run_id, tag.FAILURE, in_tag(without_credentials(reason)))
            if overwrite or not ended:
                client.set_terminated(run_id, status)
    except (MlflowException, OSError) as error:
        note(f"run {run_id} could not be ended as {status}: {cause(error)}")

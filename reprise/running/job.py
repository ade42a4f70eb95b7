"""An entry point of an MLflow Project as a process, in an MLflow run of its own that never stays RUNNING."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow.entities import Param
from mlflow.exceptions import MlflowException
from mlflow.projects.utils import get_entry_point_command, get_run_env_vars, load_project
from mlflow.tracking.context.default_context import _get_user

from reprise.base import patience, process, project, scratch, tag, yaml_nodes
from reprise.base.credentials import without_credentials
from reprise.base.entry_point import failure_of
from reprise.base.errors import JobFailed, WrongCall, cause, one_line
from reprise.base.interruption import terminated_as_interrupted
from reprise.base.limits import in_parameter, in_tag
from reprise.base.spelling import as_option
from reprise.base.terminal import note
from reprise.environment.built_environment import built, choose_manager
from reprise.environment.pinned_engine import other_engine
from reprise.running import child
from reprise.store.experiment import experiment_id
from reprise.store.store_access import reached

"""On a run: the parameters that it was given beyond those that its entry point declares, as a JSON list of names."""


@dataclass(frozen=True)
class Job:
    """What to do, and what its run says of it.

    Attributes:
        folder: the project's.
        name: what to call the project before a person, such as `commit 0b3f…`.
        entry_point: a name in MLproject, or a script.
        parameters: of the entry point, as one would write them after `-P`.
        env_manager: `uv`, `virtualenv`, `conda` or `local`; None for what MLflow would choose.
        experiment_id: where the run is made.
        run_name: None for a name of MLflow's making.
        tags: of the run; those without a value are left out.
        lock: a file descriptor that the job's processes hold open, or None.
        python: the version to take of those that the project allows, where it can be had; None for any.
        run_id: a run to fill which somebody else has made and will end; None to make one and end it.
        variables: of the environment, beyond this process's own; None for one that the job must not have.
    """

    folder: Path
    name: str
    entry_point: str
    parameters: Mapping[str, str]
    env_manager: str | None
    experiment_id: str
    run_name: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    lock: int | None = None
    python: str | None = None
    run_id: str | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)


def run_entry_point(entry_point: str, parameters: Mapping[str, str], env_manager: str = "uv") -> int:
    """Run an entry point of this very project in the project's environment: so the lean launcher gets work done.

    In a project of another kind, which has no such entry point, it is that of the project that this package lies in.
    A launcher's engine of another version than the project's is said: the job runs with the project's.

    Args:
        entry_point: a name in MLproject.
        parameters: of the entry point, as one would write them after `-P`.
        env_manager: `uv`, `virtualenv`, `conda`, or `local` for the environment of this very process.

    Returns:
        The exit code that the entry point's own command ended with.

    Raises:
        WrongCall: there is no project, or it has no such entry point and neither has this package's.
        WrongCall, JobFailed: as `perform`.
    """
    folder = _having(entry_point, parameters)
    if said := other_engine(folder, env_manager):
        note(said)
    tags = {tag.SOURCE_NAME: str(folder), tag.BACKEND: "local"}
    job = Job(folder, str(folder), entry_point, parameters, env_manager, experiment_id(), tags=tags)
    with scratch.folder("job") as spare:
        return perform(job, spare)[1]


def _having(entry_point: str, parameters: Mapping[str, str]) -> Path:
    """Find the project that has an entry point: this one, else the one that this package lies in."""
    folder = project.required(f"the entry point {entry_point}")
    for place in (folder, project.ENGINE):
        if project.mlproject_in(place) and entry_point in load_project(str(place))._entry_points:  # noqa: SLF001
            return place
    declared = ", ".join(f"{name}: string" for name in parameters)
    options = "".join(f" {as_option(name)}={{{name}}}" for name in parameters)
    line = f'{entry_point}: {{parameters: {{{declared}}}, command: "python -m reprise job {entry_point}{options}"}}'
    raise WrongCall(f"{project.mlproject_in(folder)} has no entry point {entry_point}; put below entry_points: {line}")


def perform(job: Job, spare: Path, artifacts: Mapping[str, bytes] | None = None) -> tuple[str, int]:
    """Do a job and wait for its end; its output goes where this process's own goes.

    Args:
        job: what to do.
        spare: an empty folder for files that come and go.
        artifacts: what the run holds from its start, path -> content.

    Returns:
        The run's id, and the exit code of the entry point.

    Raises:
        WrongCall: there is no such project, entry point or environment manager; no run was made.
        JobFailed: the environment cannot be built.
    """
    make_absolute(mlflow.get_tracking_uri())
    loaded = load(job)
    manager = choose_manager(loaded, job.env_manager)
    command = _command(loaded, job, spare)
    if job.run_id:
        return job.run_id, _fill(job.run_id, loaded, job, manager, command)
    run_id = make_run(loaded, job, manager)
    with terminated_as_interrupted(), ended_well(run_id):
        _log_files(run_id, artifacts or {}, spare)
        exit_code = _fill(run_id, loaded, job, manager, command)
        end(run_id, "FAILED" if exit_code else "FINISHED")
    return run_id, exit_code


def _fill(run_id: str, loaded: Any, job: Job, manager: str, command: str) -> int:
    environment = built(loaded, job.folder, manager, job.python)
    whole = " && ".join([*environment.activation, command])
    note(f"running {without_credentials(command)!r} of {job.name} in run {run_id}")
    with reached(environment.folder, run_id) as variables:
        known = {**job.variables, **get_run_env_vars(run_id, job.experiment_id), **variables}
        return child.run(whole, job.folder, known, job.lock)


def load(job: Job) -> Any:
    """Read a job's project as MLflow does.

    Raises:
        WrongCall: there is no such project or entry point, or a parameter is missing.
    """
    try:
        loaded = load_project(str(job.folder))
        loaded.get_entry_point(job.entry_point).compute_parameters(dict(job.parameters), storage_dir=None)
    except (MlflowException, yaml.YAMLError, *yaml_nodes.NONE) as error:
        if not any(path.name.lower() == "mlproject" for path in job.folder.iterdir()):
            raise WrongCall(
                f"{job.name} has no MLproject; name a project's folder, #:<folder>, or a script, -e"
            ) from error
        raise WrongCall(f"{job.name}: {one_line(error)}") from error
    return loaded


def _command(loaded: Any, job: Job, spare: Path) -> str:
    """Give the shell command; files that parameters of the type `path` name are brought here first."""
    try:
        (command,) = get_entry_point_command(loaded, job.entry_point, dict(job.parameters), str(spare))
    except MlflowException as error:
        raise WrongCall(f"{job.name}: {one_line(error)}") from error
    return str(command)


def make_run(loaded: Any, job: Job, manager: str) -> str:
    """Make the run of a job, its parameters logged as typed, and return its id."""
    computed = loaded.get_entry_point(job.entry_point).compute_parameters(dict(job.parameters), storage_dir=None)
    tags = {
        tag.USER: _get_user(),
        tag.SOURCE_TYPE: "PROJECT",
        tag.ENTRY_POINT: job.entry_point,
        tag.ENVIRONMENT_MANAGER: manager,
        tag.EXTRA_PARAMETERS: json.dumps(sorted(computed[1])),
        **process.tags(),
        **job.tags,
    }
    client = mlflow.MlflowClient()
    first = {name: value for name, value in tags.items() if value}  # with the run itself: this process may be killed
    run_id = str(client.create_run(job.experiment_id, tags=first, run_name=job.run_name).info.run_id)
    with ended_well(run_id):
        try:
            client.log_batch(
                run_id,
                params=[
                    Param(name, in_parameter(without_credentials(value)))
                    for group in computed
                    for name, value in group.items()
                ],
            )
        except MlflowException as error:
            raise JobFailed(f"run {run_id} takes no such parameters: {cause(error)}") from error
    return run_id


def make_absolute(tracking_uri: str) -> None:
    """Make a relative SQLite file absolute, for this process and those that it starts: jobs run in other folders."""
    scheme, found, path = tracking_uri.partition(":///")
    if found and scheme.startswith("sqlite") and path and not path.startswith("/"):
        mlflow.set_tracking_uri(f"{scheme}:///{Path(path).absolute()}")


def _log_files(run_id: str, artifacts: Mapping[str, bytes], spare: Path) -> None:
    for path, content in artifacts.items():
        (spare / Path(path).name).write_bytes(content)
        mlflow.MlflowClient().log_artifact(run_id, str(spare / Path(path).name), str(Path(path).parent))


@contextmanager
def ended_well(run_id: str) -> Iterator[None]:
    """See that a run which was made does not stay RUNNING, whatever happens."""
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
        with patience.brief():
            ended = client.get_run(run_id).info.status not in ("RUNNING", "SCHEDULED")
            if reason:
                client.set_tag(run_id, tag.FAILURE, in_tag(without_credentials(reason)))
            if overwrite or not ended:
                client.set_terminated(run_id, status)
    except (MlflowException, OSError) as error:
        note(f"run {run_id} could not be ended as {status}: {cause(error)}")

"""The request for a run, its workspace and its result: the values that pass between caller and run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reprise.code.project_uri import ProjectUri


@dataclass(frozen=True)
class RunRequest:
    """A request to run an entry point.

    Attributes:
        place: repository, version and subdirectory.
        entry_point: a name in MLproject, or a script.
        parameters: of the entry point, as one would write them after `-P`.
        env_manager: `uv`, `virtualenv`, `conda` or `local`; None for what MLflow would choose.
        python: the version to take of those that the project allows, where it can be had; None for any.
        patch: what to apply to the commit, as `git diff --binary` writes it.
        experiment_id: where the run is made; "" for the experiment of the project that is run.
        tags: of the run, beyond those that every run has; those without a value are left out.
        run_name: None for a name of MLflow's making.
        version: what `mlflow run --version` names beside the place; both must be the same commit.
        run_id: a run to fill which somebody else has made and will end, whose own are experiment, tags and name then;
            "" to make one and end it.
        variables: of the job's environment, beyond this process's own; None for one that it must not have.
    """

    place: ProjectUri
    entry_point: str = "main"
    parameters: Mapping[str, str] = field(default_factory=dict)
    env_manager: str | None = None
    python: str | None = None
    patch: bytes = b""
    experiment_id: str = ""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    run_name: str | None = None
    version: str | None = None
    run_id: str = ""
    variables: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Workspace:
    """The folder in which a request is run, and its name.

    Attributes:
        folder: the project's.
        name: what to call the project before a person, such as `commit 0b3f…`.
        spare: a folder for files that come and go.
        tags: of the run, which say where its code comes from; those without a value are left out.
        lock: a file descriptor that the run's processes hold open, or None.
    """

    folder: Path
    name: str
    spare: Path
    tags: Mapping[str, str | None] = field(default_factory=dict)
    lock: int | None = None


@dataclass(frozen=True)
class RunResult:
    """The result of a request.

    Attributes:
        run_id: the MLflow run that was filled.
        exit_code: the entry point's own, 0 for done.
    """

    run_id: str
    exit_code: int

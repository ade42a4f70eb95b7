"""Run an entry point of any MLflow Project at a commit, in a clone of its own and in an MLflow run of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reprise.base import artifact, paths, tag
from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall
from reprise.code.at_commit import COMMIT
from reprise.code.clone import Clone, cloned
from reprise.code.project_uri import ProjectUri, local_folder
from reprise.code.repository import Commit, find
from reprise.running.job import Job, perform


@dataclass(frozen=True)
class Order:
    """What to run.

    Attributes:
        place: repository, version and subdirectory.
        entry_point: a name in MLproject, or a script.
        parameters: of the entry point, as one would write them after `-P`.
        env_manager: `uv`, `virtualenv`, `conda` or `local`; None for what MLflow would choose.
        python: the version to take of those that the project allows, where it can be had; None for any.
        patch: what to apply to the commit, as `git diff --binary` writes it.
        experiment_id: where the run is made.
        tags: of the run, beyond those that every run has.
        run_name: None for a name of MLflow's making.
        also: the version as it was given a second time; it must name the same commit.
        run_id: a run to fill which somebody else has made and will end; experiment, tags and name are its own then.
        variables: of the job's environment, beyond this process's own; None for one that it must not have.
    """

    place: ProjectUri
    entry_point: str = "main"
    parameters: Mapping[str, str] = field(default_factory=dict)
    env_manager: str | None = None
    python: str | None = None
    patch: bytes = b""
    experiment_id: str = "0"
    tags: Mapping[str, str] = field(default_factory=dict)
    run_name: str | None = None
    also: str | None = None
    run_id: str | None = None
    variables: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """What became of an order.

    Attributes:
        run_id: the MLflow run that was filled.
        exit_code: the entry point's own, 0 for done.
    """

    run_id: str
    exit_code: int


def play(order: Order) -> Played:
    """Run an entry point at a commit, and wait for its end; its output goes where this process's own goes.

    Raises:
        WrongCall: there is no such repository, version, project or entry point; no run was made.
        JobFailed: the repository cannot be reached, the patch does not apply, or the environment cannot be built.
    """
    commit = find(order.place, order.also)
    with cloned(commit, order.patch) as clone:
        job = job_at(order, commit, clone)
        run_id, exit_code = perform(job, clone.spare, {artifact.PATCH: order.patch} if order.patch else {})
    return Played(run_id, exit_code)


def job_at(order: Order, commit: Commit, clone: Clone) -> Job:
    """Say what there is to do in the clone of a commit.

    Raises:
        WrongCall: the commit does not have the folder that was asked for, or it is a link that leads elsewhere.
    """
    folder = paths.inside(clone.folder, commit.subdirectory, "subdirectory")
    if not folder.is_dir():
        raise WrongCall(f"commit {commit.sha} has no folder {commit.subdirectory!r}")
    name = f"commit {commit.sha}" + (f" in {commit.subdirectory!r}" if commit.subdirectory else "")
    return Job(
        folder, name, order.entry_point, order.parameters, order.env_manager, order.experiment_id, order.run_name,
        tags=tags(order, commit), lock=clone.lock, python=order.python, run_id=order.run_id,
        variables=order.variables,
    )  # fmt: skip


def tags(order: Order, commit: Commit) -> dict[str, str | None]:
    """Give the tags of an order's run: where its code comes from."""
    return {
        tag.SOURCE_NAME: _source_name(order.place),
        tag.COMMIT: commit.sha,
        tag.REPOSITORY: commit.url,
        tag.BRANCH: commit.branch,
        tag.DIRTY: str(bool(order.patch)).lower(),
        tag.BACKEND: COMMIT,
        tag.VERSION: order.place.version or order.also,
        tag.SUBDIRECTORY: commit.subdirectory or None,
        tag.PATCH: "complete" if order.patch else "none",
        **order.tags,
    }


def _source_name(place: ProjectUri) -> str:
    repository = str(local_folder(place.repository) or without_credentials(place.repository))
    folder = f":{place.subdirectory}" if place.subdirectory else ""
    return f"{repository}#{place.version or ''}{folder}" if place.version or folder else repository

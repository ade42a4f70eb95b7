"""Run an entry point of any MLflow Project at a commit, in a clone of its own and in an MLflow run of its own."""

from dataclasses import replace

from reprise.base import paths, tag
from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall
from reprise.code.clone import Clone, cloned
from reprise.code.project_uri import COMMIT_BACKEND, ProjectUri, local_folder
from reprise.code.repository import Commit, find
from reprise.running.entry_point_run import run_in
from reprise.running.run_request import RunRequest, RunResult, Workspace


def run_at_commit(request: RunRequest) -> RunResult:
    """Run an entry point at a commit, and wait for its end; its output goes where this process's own goes.

    Raises:
        WrongCall: there is no such repository, version, project or entry point; no run was made.
        JobFailed: the repository cannot be reached, the patch does not apply, or the environment cannot be built.
    """
    commit = find(request.place, request.version)
    with cloned(commit, request.patch) as clone:
        return run_in(request, workspace_at(request, commit, clone))


def workspace_at(request: RunRequest, commit: Commit, clone: Clone) -> Workspace:
    """Return the workspace that the clone of a commit is.

    Raises:
        WrongCall: the commit does not have the folder that was asked for, or it is a link that leads elsewhere.
    """
    folder = paths.inside(clone.folder, commit.subdirectory, "subdirectory")
    if not folder.is_dir():
        raise WrongCall(f"commit {commit.sha} has no folder {commit.subdirectory!r}")
    name = f"commit {commit.sha}" + (f" in {commit.subdirectory!r}" if commit.subdirectory else "")
    return Workspace(folder, name, clone.spare, _source_tags(request, commit), clone.lock)


def _source_tags(request: RunRequest, commit: Commit) -> dict[str, str | None]:
    """Return the tags of a request's run that say where its code comes from."""
    return {
        tag.SOURCE_NAME: _source_name(request.place),
        tag.COMMIT: commit.sha,
        tag.REPOSITORY: commit.url,
        tag.BRANCH: commit.branch,
        tag.DIRTY: str(bool(request.patch)).lower(),
        tag.BACKEND: COMMIT_BACKEND,
        tag.VERSION: request.place.version or request.version,
        tag.SUBDIRECTORY: commit.subdirectory or None,
        tag.PATCH: "complete" if request.patch else "none",
    }


def _source_name(place: ProjectUri) -> str:
    repository = str(local_folder(place.repository) or without_credentials(place.repository))
    return str(replace(place, repository=repository))

"""MLflow's project backend `commit`: `mlflow run <repository>#<commit> -b commit`."""

from collections.abc import Mapping
from typing import Any, ClassVar

import click
from mlflow.projects import SubmittedRun
from mlflow.projects.backend.abstract_backend import AbstractBackend

from reprise.base.credentials import refuse_credentials
from reprise.base.display_text import listed
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.terminal import accept_every_letter
from reprise.code.checkout import changed_files, describe
from reprise.code.git import GitError, explain
from reprise.code.project_uri import COMMIT_BACKEND, ProjectUri, local_folder, parse
from reprise.running.backend_settings import BackendSettings, read_settings
from reprise.running.commit_run import run_at_commit
from reprise.running.run_request import RunRequest, RunResult
from reprise.store.experiment import chosen

LISTED = 5


class CommitSettings(BackendSettings):
    """The settings of this backend.

    Attributes:
        patch: whether changes that no commit holds are carried along.
    """

    backend: ClassVar[str] = COMMIT_BACKEND
    example: ClassVar[str] = """--backend-config '{"patch": true}'"""

    patch: bool = False


class CommitBackend(AbstractBackend):
    """MLflow's plugin: the group `mlflow.project_backend`, the name `commit`."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, str] | None,
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,  # noqa: ARG002  the one in force, which MLflow gives all backends
        experiment_id: str,
    ) -> SubmittedRun:
        """Run a project as `mlflow run` asks for it; MLflow does not wait for plugins, so this does.

        Raises:
            EntryPointFailed: it ended with another exit code than 0, which becomes that of `mlflow run`.
            WrongCall, JobFailed: as `run_at_commit`.
        """
        accept_every_letter()
        manager, carried = backend_config.get("ENV_MANAGER"), read_settings(CommitSettings, backend_config).patch
        request = request_of(project_uri, entry_point, params, version, experiment_id, manager, carried=carried)
        result = run_at_commit(request)
        if result.exit_code:
            raise EntryPointFailed(result)
        return Done(result.run_id)


class EntryPointFailed(JobFailed):
    """The job itself ended with another exit code than 0."""

    def __init__(self, result: RunResult) -> None:
        super().__init__(f"run {result.run_id} failed: its entry point ended with exit code {result.exit_code}")
        self.exit_code = result.exit_code  # type: ignore[misc]


class Done(SubmittedRun):
    """A run that has ended well, as MLflow wants to have it back; the methods are MLflow's."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    @property
    def run_id(self) -> str:  # noqa: D102
        return self._run_id

    def wait(self) -> bool:  # noqa: D102
        return True

    def get_status(self) -> str:  # noqa: D102
        return "FINISHED"

    def cancel(self) -> None:  # noqa: D102
        pass


def request_of(
    project_uri: str,
    entry_point: str,
    params: Mapping[str, str] | None,
    version: str | None,
    experiment_id: str,
    env_manager: str | None,
    *,
    carried: bool = False,
) -> RunRequest:
    """Return the request of `mlflow run` to a backend, with the uncommitted changes if they are wanted.

    The experiment is the one that the user has named. Else it is that of the project, which its clone tells.

    Raises:
        WrongCall: a parameter holds credentials, or the checkout has changes that no commit holds, and they are not to
            be carried along, or cannot be.
    """
    refuse_credentials(params or {})
    place = parse(project_uri)
    patch = _uncommitted(place, version, carried=carried)
    return RunRequest(
        place, entry_point, params or {}, env_manager, patch=patch,
        experiment_id=chosen(experiment_id), run_name=_run_name(), version=version,
    )  # fmt: skip


def _uncommitted(place: ProjectUri, version: str | None, *, carried: bool) -> bytes:
    """Return the patch of a checkout's uncommitted changes, if it is wanted. Otherwise refuse changes."""
    folder = local_folder(place.repository)
    if folder is None or place.version or version or not folder.is_dir():
        return b""
    try:
        files = changed_files(folder)
    except GitError as error:
        if "work tree" in str(error):
            return b""  # a bare repository
        raise WrongCall(f"{str(folder)!r} cannot be run at a commit: {explain(error, folder)}") from error
    if not files:
        return b""
    if not carried:
        raise WrongCall(
            f"these changes are not committed: {listed(files, LISTED)}",
            remedy="""commit them, or add --backend-config '{"patch": true}'""",
        )
    whole = describe(folder).patch
    if whole.left_out:
        path, reason = next(iter(whole.left_out.items()))
        raise WrongCall(f"the patch would leave out {path}: {reason}", remedy="commit it, ignore it or remove it")
    return whole.content


def _run_name() -> str | None:
    """Return the name that `mlflow run --run-name` asks for: MLflow hands it to no plugin."""
    context = click.get_current_context(silent=True)
    return context.params.get("run_name") if context else None

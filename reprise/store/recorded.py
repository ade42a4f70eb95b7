"""Read the recorded provenance of a run."""

import shlex
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import unquote

import mlflow

from reprise.base import artifact, scratch, tag
from reprise.base.credentials import without_credentials
from reprise.base.engine import Engine, parse
from reprise.base.errors import ABSENT, WrongCall, error_summary
from reprise.base.record import FORMAT, Data, Environment, Record, parsed
from reprise.store import experiment
from reprise.store.paging import every

REPETITIONS = (tag.RERUN_OF, tag.BISECTS)
"""Tags of runs that repeat another; none of them is the newest model that a person means."""

PAGE = 20


@dataclass(frozen=True)
class Recorded:
    """A run as it stands in the store.

    Attributes:
        run: its tags, parameters and metrics.
        folder: its artifacts, downloaded.
        provenance: what provenance.json holds; empty where it has none, as runs of other projects.
    """

    run: mlflow.entities.Run
    folder: Path
    provenance: Record

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.run.info.run_id)

    @property
    def tags(self) -> dict[str, str]:
        """The run's tags."""
        return dict(self.run.data.tags)

    @property
    def commit(self) -> str | None:
        """The full commit, from provenance.json or else the tag. `reprise.proof.consistency` compares the two."""
        return self.provenance.get("git", {}).get("commit") or self.tags.get(tag.COMMIT)

    @property
    def by_mlflow_run(self) -> bool:
        """Whether `mlflow run` started it, whose entry point and parameters are then recorded."""
        return self.tags.get(tag.SOURCE_TYPE) == "PROJECT"

    @property
    def repositories(self) -> list[str]:
        """The recorded repositories of the code, which are the remote and the repository given to `mlflow run`."""
        named = [self.tags.get(tag.REPOSITORY)]
        if self.by_mlflow_run:
            named.append(_repository(self.tags[tag.SOURCE_NAME]))
        return [name for name in dict.fromkeys(named) if name]

    @property
    def subdirectory(self) -> str:
        """The project's folder in its repository, "" at the top."""
        if self.provenance:
            return str(self.provenance["git"]["subdirectory"])
        if not self.by_mlflow_run or tag.PATCH in self.tags:  # of a backend of this package
            return self.tags.get(tag.SUBDIRECTORY, "")
        return self.tags[tag.SOURCE_NAME].partition("#")[2].strip("/")

    @property
    def entry_point(self) -> str | None:
        """The entry point in MLproject; None where neither MLflow nor this project recorded one.

        Of a script that was started plainly it is that of the script's name.
        """
        script = PurePath(str(next(iter(self.provenance.get("command") or ()), "")))
        plain = script.stem if script.suffix == ".py" and script.stem != "__main__" else None
        return self.tags.get(tag.ENTRY_POINT) or plain or self.tags.get(tag.JOB)

    @property
    def parameters(self) -> dict[str, str]:
        """All parameters in full, from provenance.json or else the logged ones without the quotes of a shell.

        MLflow cuts long ones, and `mlflow run` puts quotes around them. Credentials in a URL stand in what it logged.
        """
        logged = dict(self.run.data.params)
        if self.by_mlflow_run:
            logged = {name: unquoted(value) for name, value in logged.items()}
        stated = self.provenance.get("parameters", {})
        differing = {
            name: value
            for name, value in stated.items()
            if without_credentials(logged.get(name, "")) != without_credentials(value)
        }
        return {**logged, **differing}

    @property
    def patch_state(self) -> str:
        """Whether there is a patch and it is whole (`reprise.code.checkout.Patch`); `none` where nothing says so."""
        git = self.provenance.get("git", {})
        stated = git["patch"].get("state") if git.get("commit") else None
        return str(stated or self.tags.get(tag.PATCH, "none"))

    @property
    def patch(self) -> bytes:
        """What the working tree had beyond the commit, for `git apply`."""
        return self._file(artifact.PATCH) or b""

    @property
    def lock(self) -> bytes | None:
        """The environment lock, conda.yaml as it was."""
        return self._file(artifact.LOCK)

    @property
    def environment(self) -> Environment:
        """Installed versions, Python and machine; empty where none are recorded."""
        return self.provenance.get("environment", {})

    @property
    def engine(self) -> Engine | None:
        """The engine that filled it; None where none is recorded, as of older runs."""
        return parse(self.provenance.get("engine"))

    @property
    def data(self) -> Data:
        """The table's source, fingerprint and split. Empty if none is recorded."""
        return self.provenance.get("data", {})

    def _file(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None


def run_of(subject: str) -> mlflow.entities.Run:
    """Find the run that a person means.

    Args:
        subject: a run id, any MLflow model URI, or `latest` for the newest finished training run.

    Raises:
        WrongCall: there is no such run or model, or the run is deleted.
    """
    if subject == "latest":
        return existing(newest_training_run())
    return existing(_run_of_model(subject) if ":" in subject else subject)


def existing(run_id: str) -> mlflow.entities.Run:
    """Return a run.

    Raises:
        WrongCall: there is none, or it is deleted.
    """
    try:
        run = mlflow.get_run(run_id)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        raise WrongCall(
            f"run {run_id!r} is not in {mlflow.get_tracking_uri()}", remedy="set MLFLOW_TRACKING_URI"
        ) from error
    if run.info.lifecycle_stage == "deleted":
        raise WrongCall(
            f"run {run_id!r} is deleted", remedy=f"bring it back with: mlflow runs restore --run-id {run_id}"
        )
    return run


def newest_training_run() -> str:
    """Return the experiment's newest finished training run, reruns apart.

    Raises:
        WrongCall: there is no such run.
    """
    experiment_id = experiment.existing_id()
    wanted = f"tags.`{tag.JOB}` = 'train' and attributes.status = 'FINISHED'"
    search, newest = mlflow.MlflowClient().search_runs, ["attributes.start_time DESC"]
    for run in every(search, [experiment_id], wanted, order_by=newest, size=PAGE):
        if not any(tag in run.data.tags for tag in REPETITIONS):
            return str(run.info.run_id)
    message = f"experiment {experiment_id} has no finished training run; train first, or name a model with model="
    raise WrongCall(message)


def read(run: mlflow.entities.Run, folder: Path) -> Recorded:
    """Read a run with all its artifacts.

    Args:
        run: as `existing` gives it.
        folder: where its artifacts go.

    Raises:
        WrongCall: a newer version of this project recorded it.
    """
    folder.mkdir(exist_ok=True)
    client, run_id = mlflow.MlflowClient(), run.info.run_id
    if client.list_artifacts(run_id):
        client.download_artifacts(run_id, "", str(folder))
    provenance = _provenance(folder / artifact.PROVENANCE)
    if provenance and provenance["format"] > FORMAT:
        message = f"run {run_id} was recorded in format {provenance['format']}, this version reads {FORMAT}"
        raise WrongCall(message, remedy="update it")
    return Recorded(run, folder, provenance or {})


def provenance_of(run_id: str) -> Record | None:
    """Read a run's provenance.json alone; None where it has none that is whole, as runs of other projects."""
    with scratch.folder("read") as folder:
        try:
            return _provenance(Path(mlflow.MlflowClient().download_artifacts(run_id, artifact.PROVENANCE, str(folder))))
        except (mlflow.exceptions.MlflowException, OSError):
            return None


def _provenance(path: Path) -> Record | None:
    try:
        return parsed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _run_of_model(uri: str) -> str:
    try:
        run_id = mlflow.models.get_model_info(uri).run_id
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise WrongCall(f"model {uri!r} cannot be found: {error_summary(error)}") from error
    if not run_id:
        raise WrongCall(f"model {uri!r} was logged by no run", remedy="name the run to reproduce")
    return str(run_id)


def _repository(source_name: str) -> str:
    """Take the subdirectory off what `mlflow run` was given, and write a local one as a path.

    MLflow writes a folder's path behind `file://` as it is, whatever letters it holds; a person writes a URL.
    """
    uri = source_name.partition("#")[0]
    if not uri.startswith("file:///"):
        return uri
    plain = uri.removeprefix("file://")
    decoded = unquote(plain)
    return decoded if Path(decoded).exists() and not Path(plain).exists() else plain


def unquoted(value: str) -> str:
    """Take off the quotes that `mlflow run` puts around a value for its shell."""
    try:
        (word,) = shlex.split(value) or [""]
    except ValueError:
        return value
    return word

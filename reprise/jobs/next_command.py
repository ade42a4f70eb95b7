"""The commands that a person runs next, in the form in which this process was started."""

import re
import shlex
import shutil
import tempfile
from pathlib import Path

import mlflow

from reprise.base import project, tag
from reprise.base.credentials import without_credentials
from reprise.code.project_uri import BACKENDS, COMMIT_BACKEND


def ui_command(run: mlflow.entities.Run) -> str:
    """Return what opens MLflow's UI on a run: an address where a server keeps it, else a command."""
    uri = mlflow.get_tracking_uri()
    if uri.startswith("http"):
        address = without_credentials(uri).rstrip("/")
        return f"{address}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    store = "" if _is_default_store(uri) else f" --backend-store-uri {shlex.quote(without_credentials(uri))}"
    return f"reprise ui {run.info.run_id}{store}" if shutil.which("reprise") else f"mlflow ui{store}"


def evaluate_command(run: mlflow.entities.Run, model_id: str | None) -> str:
    """Return what evaluates a model, started as this process was."""
    model = f"models:/{model_id}"
    tags = mlflow.get_run(run.info.run_id).data.tags
    if tags.get(tag.SOURCE_TYPE) != "PROJECT":
        script = project.FOLDER / "evaluate.py"
        return f"python {script.name if Path.cwd() == project.FOLDER else shlex.quote(str(script))} --model {model}"
    manager = tags.get(tag.ENVIRONMENT_MANAGER, "local")
    options = "" if manager == "conda" else f" --env-manager {manager}"
    if tags.get(tag.BACKEND) in BACKENDS:
        options = f" -b {COMMIT_BACKEND}{options}"
    return f"mlflow run {_project_uri(tags)} -e evaluate{options} -P model={model}"


def _project_uri(tags: dict[str, str]) -> str:
    if tags.get(tag.BACKEND) in BACKENDS or _is_clone_of_mlflow(project.FOLDER):
        return shlex.quote(tags[tag.SOURCE_NAME])
    return "." if _is_default_store(mlflow.get_tracking_uri()) else shlex.quote(str(project.FOLDER))


def _is_clone_of_mlflow(folder: Path) -> bool:
    """Return whether `mlflow run <git URL>` made the folder: it clones into a nameless one of Python's tempfile."""
    temporary = Path(tempfile.gettempdir()).resolve()
    return any(
        place.parent == temporary and re.fullmatch(r"tmp\w{8}", place.name) for place in (folder, *folder.parents)
    )


def _is_default_store(uri: str) -> bool:
    """Return whether MLflow would choose this store itself in the current folder, as far as can be known."""
    return uri in {f"sqlite:///{folder / 'mlflow.db'}" for folder in (Path.cwd(), project.FOLDER)}

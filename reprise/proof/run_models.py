"""The models of a run: fetched, checked against the record, and loaded only if nothing speaks against it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import mlflow

from reprise.base import paths
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.models.own_code import CodeOrigin
from reprise.models.verified_model import OPTION, code_in, recorded_digest
from reprise.proof.outcome import Finding, Match
from reprise.proof.record_agreement import pair
from reprise.store import saved_model, seal
from reprise.store.recorded import Recorded
from reprise.store.saved_model import folder_digest

TAMPERED = "its files are not those that were recorded, so it is not loaded"


@dataclass(frozen=True)
class RunModel:
    """A model of a run.

    Attributes:
        folder: its files; None where they are gone.
        gone: why they are.
        recorded: the digest that was recorded of them; None where there is none.
        now: the digest that they have; None where they are gone, or none was recorded.
        contradiction: why two recorded digests contradict each other, "" where they do not.
    """

    folder: Path | None = None
    gone: str = ""
    recorded: str | None = None
    now: str | None = None
    contradiction: str = ""

    @property
    def tampered(self) -> bool:
        """Whether its files or their recorded digest were changed."""
        return bool(self.contradiction) or self.recorded != self.now


def models_of(run: Recorded, folder: Path) -> dict[str, RunModel]:
    """Fetch a run's models. Models among its artifacts, as MLflow 2 logs them, are there already, and have no digest.

    Args:
        run: its artifacts downloaded.
        folder: where models go.

    Returns:
        name -> model.
    """
    added = seal.added(run)
    found = {
        path.parent.relative_to(run.folder).as_posix(): RunModel(path.parent)
        for name, path in seal.files(run.folder)
        if path.name == saved_model.MLMODEL and name not in added
    }
    for model_id, name in _logged(run.run):
        number = next(number for number in count(1) if _numbered(name, number) not in found)
        found[_numbered(name, number)] = _fetched(model_id, run, folder)
    return found


def _logged(run: mlflow.entities.Run) -> list[tuple[str, str]]:
    """Return id and name of the models that a run has logged, in the order in which it did."""
    found = []
    for output in run.outputs.model_outputs if run.outputs else []:
        model_id = str(output.model_id)
        try:
            model = mlflow.get_logged_model(model_id)
            found.append((output.step, model.creation_timestamp, str(model.name), model_id))
        except mlflow.exceptions.MlflowException:
            found.append((output.step, 0, model_id, model_id))
    return [(model_id, name) for *_, name, model_id in sorted(found)]


def _numbered(name: str, number: int) -> str:
    """Name one of several models of a name: `model`, `model (2)`."""
    return name if number == 1 else f"{name} ({number})"


def folders(models: Mapping[str, RunModel]) -> dict[str, Path]:
    """Return the folders of the models whose files are there."""
    return {name: model.folder for name, model in models.items() if model.folder}


def check(run: Recorded, models: Mapping[str, RunModel]) -> Iterator[Finding]:
    """Check whether the models are there, and are those that were recorded.

    Args:
        run: which has logged them.
        models: as `models_of` gives them.
    """
    for name, model in models.items():
        if model.folder is None:
            yield Finding("record", name, Match.DIFFERENT, note=model.gone)
            continue
        if model.contradiction:
            yield Finding("record", name, Match.DIFFERENT, note=model.contradiction)
        elif model.recorded:
            match = Match.DIFFERENT if model.tampered else Match.EQUAL
            note = "SHA-256 of its files, as recorded and in the store"
            yield Finding("record", name, match, model.recorded, model.now, note)
        yield from _stamp(run, name, model.folder)


def refused(
    models: Mapping[str, RunModel], run: Recorded, again: Mapping[str, Path], *, trusted: bool
) -> dict[str, str]:
    """Return which models are not to be loaded.

    Args:
        models: as `models_of` gives them.
        run: which has logged them.
        again: name -> folder of the rerun's models: that ran the code at the commit, so what they carry is trusted.
        trusted: whether the caller trusts them, whatever code they hold. Altered ones are refused.

    Returns:
        name -> why.
    """
    origin = CodeOrigin(run.commit, run.subdirectory if run.commit else "")
    reasons = {
        name: _refusal(model.folder, model, (origin, again.get(name)), trusted=trusted)
        for name, model in models.items()
        if model.folder
    }
    return {name: why for name, why in reasons.items() if why}


def needs_of(models: Mapping[str, Path]) -> dict[str, str]:
    """Read which Python and which versions of packages a run's models say that they need.

    Returns:
        package, or `python` -> version; of several models those of the last.
    """
    found: dict[str, str] = {}
    for folder in models.values():
        try:
            flavors = (saved_model.read_mlmodel(folder) or {})["flavors"]
            python = flavors.get("python_function", {}).get("python_version")
            lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
        found |= {"python": str(python)} if python else {}
        pins = (line.partition("==") for line in lines)
        found |= {name.strip().lower(): version.strip() for name, equals, version in pins if equals}
    return found


def _refusal(folder: Path, model: RunModel, own: tuple[CodeOrigin, Path | None], *, trusted: bool) -> str | None:
    if model.tampered:
        return TAMPERED
    if trusted:
        return None
    if model.recorded is None:
        return f"no digest of its files was recorded, so it is not loaded; if you trust it, add {OPTION}"
    reason = code_in(folder, *own)
    return f"it runs code of its own when it is loaded: {reason}; if you trust it, add {OPTION}" if reason else None


def _fetched(model_id: str, run: Recorded, folder: Path) -> RunModel:
    """Download a logged model."""
    try:
        place = folder / paths.name(model_id, "model id")
        place.mkdir(parents=True, exist_ok=True)
        mlflow.artifacts.download_artifacts(f"models:/{model_id}", dst_path=str(place))
    except (mlflow.exceptions.MlflowException, OSError, WrongCall) as error:
        return RunModel(gone=f"its files are gone from the store: {one_line(error, 200)}")
    file = next(iter(sorted(place.rglob("MLmodel"), key=lambda path: len(path.parts))), None)
    if file is None:
        return RunModel(gone="its files are gone from the store: it has no MLmodel of it")
    return _checked(file.parent, model_id, run)


def _checked(folder: Path, model_id: str, run: Recorded) -> RunModel:
    try:
        recorded = recorded_digest(model_id, run.run_id)
        return RunModel(folder, recorded=recorded, now=folder_digest(folder) if recorded else None)
    except JobFailed as error:
        return RunModel(folder, contradiction=error.format_message())


def _stamp(run: Recorded, name: str, folder: Path) -> Iterator[Finding]:
    """Compare what MLmodel says of itself, which the digest leaves out, with the run that logged it."""
    said = (saved_model.read_mlmodel(folder) or {}).get("run_id")
    if run.provenance and said:
        yield pair(f"run of {name}", run.run_id, said, "the run, and MLmodel of its model")

"""Check that the files of a registered version are those of the run that the registry names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow

from reprise.base import scratch, tag
from reprise.governance.registration import PROVENANCE
from reprise.models import registry
from reprise.models.registry import Version
from reprise.proof.outcome import Finding
from reprise.proof.record_agreement import pair
from reprise.proof.stored_run import StoredRun
from reprise.store import saved_model
from reprise.store.recorded import existing, run_of


@dataclass(frozen=True)
class Served:
    """The files that a version serves.

    Attributes:
        digest: of them (`reprise.store.saved_model`); None where they are gone.
        run_id: the run that their MLmodel names.
        model_id: the logged model that it names.
    """

    digest: str | None = None
    run_id: str | None = None
    model_id: str | None = None


@dataclass(frozen=True)
class Subject:
    """The run or version that a person named.

    Attributes:
        run: the run that is meant; of a version, it is the one that the registry names.
        version: the registered version, where one was named.
    """

    run: mlflow.entities.Run
    version: Version | None = None

    @property
    def name(self) -> str:
        """The name by which another process finds the same."""
        return self.version.uri if self.version else str(self.run.info.run_id)


def subject(named: str) -> Subject:
    """Find the run that a person means, and the registered version where one was named.

    Args:
        named: as `reprise.store.recorded.run_of` takes it.

    Raises:
        WrongCall: there is no such run, model or version.
    """
    version = registry.of_uri(named) if named.startswith("models:/") else None
    if version is None or version.run_id is None:
        return Subject(run_of(named), version)
    return Subject(existing(version.run_id), version)


def served(version: Version) -> Served:
    """Fetch the files that a version serves, and read who they say that they are."""
    with scratch.folder("version") as folder:
        try:
            found = Path(mlflow.artifacts.download_artifacts(artifact_uri=version.uri, dst_path=str(folder)))
            said = saved_model.read_mlmodel(found)
            return (
                Served(saved_model.folder_digest(found), said.get("run_id"), said.get("model_id")) if said else Served()
            )
        except (mlflow.exceptions.MlflowException, OSError):
            return Served()


def check_version(version: Version, files: Served, stored: StoredRun) -> Iterator[Finding]:
    """Compare what the registry says of a version with its files, and with the run that it names.

    Args:
        version: the version.
        files: what it serves.
        stored: the run that the registry names.
    """
    name = f"{version.name}/{version.number}"
    if files.digest is None:
        yield pair(f"files of {name}", "there", None, "the registry, and the store")
        return
    if files.run_id and version.run_id:
        places = "the run that the registry names, and that of the files which it serves"
        yield pair(f"run of {name}", version.run_id, files.run_id, places)
    if version.model_id and stored.models:
        own = version.model_id if version.model_id in stored.models else ", ".join(stored.models)
        yield pair(f"source of {name}", version.model_id, own, "the registry, and the model that the run logged")
    if version.model_id and files.model_id:
        places = "the source in the registry, and the model that its files name"
        yield pair(f"model of {name}", version.model_id, files.model_id, places)
    for place, tags in (("the version's tag", version.tags), ("the run's tag", stored.tags)):
        if tag.MODEL_DIGEST in tags:
            places = f"{place} {tag.MODEL_DIGEST}, and the files that are served"
            yield pair(f"files of {name} by {place}", tags[tag.MODEL_DIGEST], files.digest, places)
    for key in PROVENANCE:
        if key in version.tags and key in stored.tags:
            yield pair(f"tag {key} of {name}", version.tags[key], stored.tags[key], "the version's tag, and the run's")

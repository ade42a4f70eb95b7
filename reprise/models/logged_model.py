"""The fitted pipeline as an MLflow model: saved in skops format, pinned, signed, and loaded by its URI."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reprise.models.model_content import PICKLE, SKOPS, check_alike, content_of  # isort: skip  skops before mlflow: reprise/store/tracking.py says why

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc import PyFuncModel
from mlflow.types import DataType
from sklearn.base import is_regressor

from reprise.base import project_settings, scratch, tag
from reprise.base.errors import JobFailed, WrongCall, error_summary
from reprise.base.record import Record
from reprise.base.task import CLASSIFICATION, REGRESSION, Task
from reprise.base.terminal import note
from reprise.data.model_columns import ModelColumns
from reprise.data.schema import Kind, as_signed, kinds_signed
from reprise.data.target import task_of
from reprise.environment.direct_dependencies import read_direct
from reprise.environment.pins import Lock, pinned
from reprise.models.composition import compose
from reprise.models.module_space import ModuleSpace
from reprise.models.stored_model import ModelFiles, describe
from reprise.models.verified_model import check, identity
from reprise.store.bundle import MODEL_NAME
from reprise.store.recorded import newest_training_run, provenance_of

FLAVOR = ("mlflow-skinny", "pandas", "scikit-learn")
"""What MLflow needs to load a model of its flavor `sklearn`, beside what reads the format of its file. All else follows
from what it holds."""


def save(
    folder: Path,
    model: Any,
    signature: ModelSignature,
    example: pd.DataFrame,
    kinds: Mapping[str, Kind],
    lock: Lock,
    *,
    may_pickle: bool = False,
) -> str:
    """Save a fitted estimator as an MLflow model, with the project's own modules that it needs.

    `reprise.store.bundle` logs it then. Together they do what `mlflow.sklearn.log_model` does, save for one: that runs
    the scoring code on the input example, which takes longer than all the rest.

    Args:
        folder: where to; it must not exist.
        model: takes raw rows.
        signature: of those rows and of the predictions.
        example: a few raw rows, the model's input example.
        kinds: what the model takes each column for.
        lock: the environment lock, which pins the model's requirements: `FLAVOR`, and what the model is made of.
        may_pickle: whether the user allows a pickle of a model that skops cannot save.

    Returns:
        The format of its file, `skops` or `pickle`.

    Raises:
        JobFailed: the model holds types that are not to be trusted on loading, or that cannot be brought elsewhere.
        WrongCall: the project's pyproject.toml cannot be read.
    """
    content = content_of(model, example, may_pickle=may_pickle)
    made = compose(content, lock, read_direct())
    if not may_pickle:
        check_alike(model, content, example)
    dates = [name for name, kind in kinds.items() if kind == "date"]
    for line in made.code.notes():
        note(line)
    if pickled := content.format == PICKLE:
        note(
            f"the model is saved as a pickle: {content.why}; what loads it runs any code in it, so each job that loads "
            "it wants trust_model=yes"
        )
    form = mlflow.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE if pickled else mlflow.sklearn.SERIALIZATION_FORMAT_SKOPS
    with scratch.folder("code") as place:
        mlflow.sklearn.save_model(
            model,
            folder,
            code_paths=made.code.copy(place),
            signature=signature,
            input_example=example,
            serialization_format=form,
            skops_trusted_types=None if pickled else made.types,
            pip_requirements=pinned([*FLAVOR, form, *made.distributions], lock),
            metadata={
                tag.BOOLEANS: [name for name, kind in kinds.items() if kind == "boolean"],
                **({tag.DATES: dates} if dates else {}),
            },
        )
    return content.format


@dataclass(frozen=True)
class Subject:
    """A logged model, loaded.

    Attributes:
        uri: the URI it was asked for by.
        model: the model as MLflow serves it: it checks raw rows against the signature.
        model_id: its id, `m-…`, where it has one.
        run_id: the run that logged it, where one did.
        files: what its files come to.
        example: its input example, a few raw rows, where it has one.
        space: the modules of its own code.
    """

    uri: str
    model: PyFuncModel
    model_id: str | None
    run_id: str | None
    files: ModelFiles
    example: pd.DataFrame | None
    space: ModuleSpace

    @property
    def classifier(self) -> Any:
        """The scikit-learn object itself; of a model with code of its own, what uses it among its own modules."""
        return self.space.wrap(self.model.get_raw_model())

    @property
    def pickled(self) -> bool:
        """Whether its file is a pickle, or in another format that can hold code."""
        return str(self.model.metadata.flavors["sklearn"].get("serialization_format")) != SKOPS

    @property
    def features(self) -> list[str] | None:
        """The columns that its signature names, or None."""
        schema = self.model.metadata.get_input_schema()
        return schema.input_names() if schema is not None and schema.has_input_names() else None

    @property
    def known(self) -> ModelColumns:
        """The columns that it knows, from its signature and from the names of columns that were saved with it."""
        saved = self.model.metadata.metadata or {}
        kinds = kinds_signed(self.model.metadata.get_input_schema())
        kinds |= dict.fromkeys(saved.get(tag.BOOLEANS, []), "boolean")
        kinds |= dict.fromkeys(saved.get(tag.DATES, []), "date")
        return ModelColumns(kinds, self.classes, self.task)

    @cached_property
    def task(self) -> Task:
        """What it does, as its training run recorded it, else as scikit-learn tells of it."""
        record = self.training_record()
        if record:
            return task_of(record["data"])
        try:
            return REGRESSION if is_regressor(self.model.get_raw_model()) else CLASSIFICATION
        except (AttributeError, TypeError):  # it has no tags of scikit-learn
            return CLASSIFICATION

    @property
    def classes(self) -> Sequence[Any] | None:
        """The labels that it knows, or None."""
        return getattr(self.classifier, "classes_", None)

    def predict(self, raw: pd.DataFrame) -> np.ndarray:
        """Predict labels or numbers for raw rows, as a served model would.

        Raises:
            WrongCall: the rows do not fit the model's signature.
            JobFailed: the model's own code fails on them.
        """
        try:
            with self.space.entered():
                return np.asarray(self.model.predict(self.as_served(raw))).ravel()
        except mlflow.exceptions.MlflowException as error:
            message = f"model {self.uri} cannot judge these rows: {error_summary(error)}"
            raise WrongCall(message) from error
        except Exception as error:  # whatever a model's own code raises
            if not self.space:
                raise
            cause = f"{type(error).__name__}: {error_summary(error)}"
            raise JobFailed(f"the own code of model {self.uri} fails on these rows: {cause}") from error

    def as_served(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return raw rows in the types in which MLflow's server hands them to the model."""
        return as_signed(raw, self.model.metadata.get_input_schema())

    def notes(self) -> list[str]:
        """List, a line each, where a served model answers otherwise than here."""
        schema = self.model.metadata.get_input_schema()
        named = schema is not None and schema.has_input_names()
        signed = [name for name, spec in schema.input_dict().items() if spec.type == DataType.boolean] if named else []
        if not signed:
            return []
        line = (
            f"model {self.uri} signs {', '.join(map(repr, signed[:5]))} as boolean, so MLflow's server takes a null "
            "for False there; here it is a gap: train again, and the server takes it for a gap too"
        )
        return [line]

    def answer_example(self) -> np.ndarray:
        """Predict labels or numbers for its input example.

        Raises:
            JobFailed: it has none, or fails on it.
        """
        if self.example is None:
            raise JobFailed(f"model {self.uri} has no input example to score", remedy="log one with it")
        try:
            return self.predict(self.example)
        except Exception as error:  # whatever a model's own code raises
            cause = f"{type(error).__name__}: {error_summary(error)}"
            raise JobFailed(f"model {self.uri} fails on its input example: {cause}") from error

    def training_record(self) -> Record | None:
        """Return provenance.json of its training run, or None where it is no training run of this project."""
        record = provenance_of(self.run_id) if self.run_id else None
        return record if record and "train" in record["data"] else None

    def tags(self) -> dict[str, str]:
        """Return the tags by which an evaluation is found from its model and training run."""
        tags = {
            tag.EVALUATES_MODEL_URI: self.uri,
            tag.EVALUATES_MODEL_ID: self.model_id,
            tag.EVALUATES_RUN_ID: self.run_id,
            tag.PARENT: self.run_id,
        }
        return {name: value for name, value in tags.items() if value}


def newest() -> str:
    """Return the URI of the model of the experiment's newest finished training run.

    Raises:
        WrongCall: there is no such run.
    """
    return f"runs:/{newest_training_run()}/{MODEL_NAME}"


def load(uri: str, *, trusted: bool = False) -> Subject:
    """Load a model by any MLflow model URI, once its files are found to be those that were logged.

    Args:
        uri: the model's, or `champion` or `challenger` of this project.
        trusted: whether it may be loaded without a recorded digest, with files other than the logged ones, and with
            code in them.

    Raises:
        WrongCall: there is none, it is no scikit-learn model, or it is not to be trusted.
        JobFailed: its files are not those that were logged.
    """
    uri = project_settings.current().model_uri(uri)
    model_id, run_id = identity(uri)
    place = (
        f"models:/{model_id}" if model_id and uri.startswith("runs:") else uri
    )  # whatever stands beside it in the run
    try:
        with ExitStack() as stack:
            folder = stack.enter_context(scratch.folder("model"))
            path = Path(mlflow.artifacts.download_artifacts(artifact_uri=place, dst_path=str(folder)))
            files = describe(path)  # of what is loaded, and not of what the store holds a moment later
            if not trusted:
                check(path, uri, model_id, run_id)
            space = ModuleSpace(path)
            with space.entered(), _own_code(uri, space):
                model = mlflow.pyfunc.load_model(str(path))
            example = model.metadata.load_input_example(str(path))
            if space:  # its code may import more as it is called
                weakref.finalize(space, stack.pop_all().close)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        alias = "@" in uri and "alias" in str(error)
        remedy = f"promote a version first, or name one: {uri.partition('@')[0]}/1" if alias else None
        raise WrongCall(f"model {uri!r} cannot be loaded: {error_summary(error)}", remedy=remedy) from error
    if "sklearn" not in model.metadata.flavors:
        raise WrongCall(f"model {uri!r} is no scikit-learn model; it has {', '.join(model.metadata.flavors)}")
    return Subject(uri, model, model.metadata.model_id, model.metadata.run_id, files, example, space)


@contextmanager
def _own_code(uri: str, space: ModuleSpace) -> Iterator[None]:
    """Raise an error of a model's own code on loading as one line."""
    try:
        yield
    except (mlflow.exceptions.MlflowException, OSError):
        raise
    except Exception as error:  # whatever code raises
        if not space:
            raise
        raise JobFailed(
            f"the own code of model {uri!r} fails: {type(error).__name__}: {error_summary(error)}"
        ) from error

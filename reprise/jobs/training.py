"""The parts of train.py: a table that is read and split, and a run that fits a model and records it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

import mlflow

from reprise.base import tag
from reprise.base.errors import JobFailed
from reprise.base.record import Data as DataRecord
from reprise.base.terminal import note, step, summary
from reprise.contract import mlproject, project_model
from reprise.contract.command import current
from reprise.contract.parameters import HoldoutOptions, TableOptions
from reprise.data import dataset_inputs
from reprise.data import table as tables
from reprise.data.dataset import Dataset, make_dataset
from reprise.data.dataset import split as split_dataset
from reprise.data.schema import example, kinds, signature
from reprise.jobs import next_command, run_artifacts
from reprise.models import logged_model
from reprise.store import bundle, provenance, saved_model
from reprise.task.evaluation import Evaluation, evaluate


@dataclass(frozen=True)
class LabelledRows:
    """The rows of a table that have a target.

    Attributes:
        table: as it was read.
        dataset: features and labels.
        options: as the caller chose them.
    """

    table: tables.Table
    dataset: Dataset
    options: TableOptions


@dataclass(frozen=True)
class Split:
    """Rows in two parts.

    Attributes:
        rows: all of them.
        training: those to learn from.
        held_out: those to judge the model on.
        options: what decided which rows are held out.
        seed: decides the rest.
    """

    rows: LabelledRows
    training: Dataset
    held_out: Dataset
    options: HoldoutOptions
    seed: int

    @property
    def recipe(self) -> DataRecord:
        """The choice and the split of the rows, for provenance.json."""
        return {
            "features": self.rows.options.features,
            "exclude": self.rows.options.exclude,
            "test_size": self.options.test_size,
            "seed": self.seed,
            "notes": list(self.rows.dataset.notes),
        }


def read(table: TableOptions | str, target: str = "target", features: str = "all") -> LabelledRows:
    """Read a table, and print what was left out or converted.

    Args:
        table: options, or only the name of a bundled table, a path, or a URI.
        target: the column to predict, where `table` is no options.
        features: `all`, or column names separated by commas, where `table` is no options.

    Raises:
        WrongCall: there is no such table or column, or it cannot be used.
    """
    options = TableOptions(table, target, features) if isinstance(table, str) else table
    with step(f"read {options.data}"):
        read = tables.read_table(options.data)
        dataset = make_dataset(read, options.target, options.features, options.exclude)
    for line in dataset.notes:
        note(line)
    return LabelledRows(read, dataset, options)


def split(rows: LabelledRows, holdout: HoldoutOptions | float, seed: int = 0) -> Split:
    """Hold out a share of the rows, each class in proportion.

    Args:
        rows: from `read`.
        holdout: options, or only the share, between 0 and 1.
        seed: decides which rows.

    Raises:
        WrongCall: a side would have fewer rows than there are classes.
    """
    options = holdout if isinstance(holdout, HoldoutOptions) else HoldoutOptions(holdout)
    return Split(rows, *split_dataset(rows.dataset, options.test_size, seed), options, seed)


@dataclass
class TrainingRun:
    """The MLflow run of a training.

    Attributes:
        run: MLflow's own object.
        origin: commit, patch, environment and parameters.
    """

    run: mlflow.entities.Run
    origin: provenance.Provenance
    _fit_seconds: float | None = None
    _resolved: dict[str, Any] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)

    def fit(self, function: Callable[..., Any], training: Dataset, hyperparameters: Any, seed: int = 0) -> Any:
        """Call the function `fit` of model.py, and time it.

        Args:
            function: takes X, shape (rows, features), y, shape (rows,), hyper-parameters and a seed.
            training: the rows to learn from.
            hyperparameters: what this run varies.
            seed: makes the fit deterministic.

        Returns:
            The fitted estimator.

        Raises:
            WrongCall: the function is another project's.
            JobFailed: it returns no estimator.
        """
        project_model.check_own(function)
        with step(f"fit {len(training.y)} rows"):
            begin = time.perf_counter()
            fitted = project_model.fitted(function, training.X, training.y, hyperparameters, seed)
            self._fit_seconds = time.perf_counter() - begin
        for wanted in ("predict", "score"):
            if not hasattr(fitted, wanted):
                name = f"{function.__name__} of {function.__module__}.py"
                raise JobFailed(
                    f"{name} returned {fitted!r}, which has no {wanted}", remedy="return the fitted estimator"
                )
        self._resolved = project_model.resolved(function, fitted)
        return fitted

    def record(self, model: Any, rows: Split) -> None:
        """Judge a fitted model on the held-out rows, and log it with everything that is needed to fit it again.

        Args:
            model: a fitted scikit-learn estimator, which takes raw rows.
            rows: what it was fitted on, and what was held out.

        Raises:
            JobFailed: this run has a model already, or the model holds what cannot be loaded elsewhere.
        """
        if self._told:
            raise JobFailed("this run has recorded a model already", remedy="begin another run for another model")
        training, held_out = rows.training, rows.held_out
        with step("evaluate"):
            train_accuracy = float(model.score(training.X, training.y))
            evaluation = evaluate(model, held_out.X, held_out.y)
        with step("log"), bundle.staging() as folder:
            tags, datasets = self._write(model, rows, evaluation, folder)
            metrics = {
                "train_accuracy": train_accuracy,
                **{f"test_{name}": value for name, value in evaluation.metrics.items()},
                **({} if self._fit_seconds is None else {"fit_seconds": self._fit_seconds}),
                "rows": len(training.y) + len(held_out.y),
                "columns": training.X.shape[1],
                "classes": rows.rows.dataset.y.nunique(),
            }
            model_id = bundle.log(folder, self.run, bundle.ResultBundle(metrics, self._resolved, tags, datasets))
        self._told = {
            "accuracy": f"{metrics['test_accuracy']:.4f} on {len(held_out.y)} held-out rows "
            f"({train_accuracy:.4f} on the {len(training.y)} it learned from)",
            "model": f"models:/{model_id}",
            "look": next_command.ui_command(self.run),
            "evaluate": next_command.evaluate_command(self.run, model_id),
        }

    def _write(self, model: Any, rows: Split, evaluation: Evaluation, folder: Any) -> tuple[dict[str, str], Any]:
        """Write the model and the artifacts; return the tags, and the data set inputs."""
        dataset, inside = rows.rows.dataset, folder / "artifacts"
        data_record, datasets = dataset_inputs.describe(
            rows.rows.table, {"train": rows.training, "test": rows.held_out}
        )
        missing = run_artifacts.write_evaluation(evaluation, inside)
        missing |= run_artifacts.write_decision_regions(model, rows.held_out, inside)
        run_artifacts.write_preprocessing(model, inside)
        run_artifacts.write_provenance(self.origin, {**data_record, **rows.recipe}, inside)
        signed = signature(dataset.raw, dataset.y)
        shown = example(rows.training.raw)
        logged_model.save(folder / "model", model, signed, shown, kinds(dataset.X), self.origin.lock)
        known = {
            tag.DATA_FINGERPRINT: rows.rows.table.fingerprint,
            tag.MODEL_DIGEST: saved_model.folder_digest(folder / "model"),
        }
        return known | missing, datasets


@contextmanager
def training_run() -> Iterator[TrainingRun]:
    """Start the MLflow run of a training, or continue the one that `mlflow run` has started. It ends with the block.

    Its parameters are those that the script was called with. Commit, patch and environment are recorded at its
    beginning, so a failed run has them too.

    Yields:
        What fits and records in that run.
    """
    how = current()
    with step("collect provenance"):
        origin = provenance.collect(how.parameters, how.command)
    for line in (*origin.notes(), *mlproject.notes(how.command[0])):
        note(line)
    with tracking.start_run("train", how.parameters, origin.tags() | dict(how.tags)) as run:
        training = TrainingRun(run, origin)
        yield training
    if training._told:  # noqa: SLF001  of this module
        summary(training._told)  # noqa: SLF001
    else:
        note(f"run {run.info.run_id} holds no model, for nothing was recorded in it")

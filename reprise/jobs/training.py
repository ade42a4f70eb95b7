"""The parts of train.py: a table that is read and split, and a run that fits a model and records it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

import mlflow

from reprise.base import project_settings, tag
from reprise.base.errors import JobFailed
from reprise.base.record import Data as DataRecord
from reprise.base.task import CLASSIFICATION
from reprise.base.terminal import note, step, summary
from reprise.contract import mlproject, project_model
from reprise.contract.command import current
from reprise.contract.parameters import NO_DECISION, DecisionOptions, HoldoutOptions, TableOptions
from reprise.data import dataset_inputs
from reprise.data import table as tables
from reprise.data.dataset import Dataset, make_dataset
from reprise.data.holdout import hold_out
from reprise.data.sample_weight import check_counted, column_of
from reprise.data.schema import example, kinds, signature
from reprise.data.split_column import SplitColumn, as_feature, parse, read_split_column
from reprise.jobs import decisions, next_command, run_artifacts
from reprise.jobs.own_metrics import own_metrics, tags_of
from reprise.models import logged_model
from reprise.store import bundle, provenance, saved_model
from reprise.task.result import Result, evaluate, headline_score, in_short


@dataclass(frozen=True)
class ReadTable:
    """A table, and what is to become of it.

    Attributes:
        table: as it was read.
        options: as the caller chose them.
    """

    table: tables.Table
    options: TableOptions


@dataclass(frozen=True)
class LabelledRows(ReadTable):
    """The rows of a table that have a target.

    Attributes:
        dataset: features and labels.
    """

    dataset: Dataset


@dataclass(frozen=True)
class Split:
    """Rows in two parts.

    Attributes:
        rows: all of them.
        training: those to learn from.
        held_out: those to judge the model on.
        options: what decided which rows are held out.
        seed: decides the rest.
        by: the column that split them; None where they were split at random.
        notes: how they came apart, a line each.
        decision: what is to become of the classifier's scores.
    """

    rows: LabelledRows
    training: Dataset
    held_out: Dataset
    options: HoldoutOptions
    seed: int
    by: SplitColumn | None = None
    notes: tuple[str, ...] = ()
    decision: DecisionOptions = NO_DECISION

    @property
    def recipe(self) -> DataRecord:
        """The choice and the split of the rows, for provenance.json."""
        return {
            "features": self.rows.options.features,
            "exclude": self.rows.options.exclude,
            "weight": self.rows.options.weight,
            "split": self.options.split,
            "task": self.rows.dataset.task,
            "task_reason": self.rows.dataset.task_reason,
            "test_size": self.options.test_size,
            "seed": self.seed,
            "notes": [*self.rows.dataset.notes, *self.notes],
        }


def read(table: TableOptions | str, target: str = "target", features: str = "all") -> ReadTable:
    """Read a table.

    Args:
        table: options, or only the name of a bundled table, a path, or a URI.
        target: the column to predict, where `table` is no options.
        features: `all`, or column names separated by commas, where `table` is no options.

    Raises:
        WrongCall: there is no such table.
    """
    options = TableOptions(table, target, features) if isinstance(table, str) else table
    with step(f"read {options.data}"):
        return ReadTable(tables.read_table(options.data, missing=options.missing), options)


def split(
    rows: ReadTable, holdout: HoldoutOptions | float, seed: int = 0, decision: DecisionOptions = NO_DECISION
) -> Split:
    """Choose features and labels, hold rows out, and print what was left out, converted or decided.

    Args:
        rows: from `read`.
        holdout: options, or only the share, between 0 and 1, of rows that are held out at random.
        seed: decides which rows.
        decision: what is to become of the classifier's scores; it is checked against the rows here.

    Raises:
        WrongCall: a column does not exist or cannot be used, or a side would have too few rows.
    """
    options = holdout if isinstance(holdout, HoldoutOptions) else HoldoutOptions(holdout)
    rule, chosen = parse(options.split), rows.options
    dataset = make_dataset(
        rows.table,
        chosen.target,
        chosen.features,
        chosen.exclude,
        aside=rule.columns,
        weight=column_of(chosen.weight),
        task=project_settings.current().task if chosen.task == "auto" else chosen.task,
        served=project_model.served_tasks(),
    )
    own_metrics()  # which fails before the fit, if it does
    by = read_split_column(rule, rows.table.frame, dataset.y.index, chosen.target)
    parts = hold_out(dataset, options.test_size, seed, by)
    check_counted(parts.training.y, parts.training.weight, "training", each_class=dataset.task == CLASSIFICATION)
    check_counted(parts.held_out.y, parts.held_out.weight, "held-out", each_class=False)
    notes = (*as_feature(rule, dataset.X.columns), *parts.notes)
    for line in (*dataset.notes, *notes):
        note(line)
    decisions.check(decision, parts.training)
    labelled = LabelledRows(rows.table, chosen, dataset)
    return Split(labelled, parts.training, parts.held_out, options, seed, by, notes, decision)


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

    def fit(self, function: Callable[..., Any], rows: Split | Dataset, hyperparameters: Any, seed: int = 0) -> Any:
        """Call the function `fit` of model.py, and time it. Calibrate, and set a threshold, where that is asked.

        Args:
            function: takes X, shape (rows, features), y, shape (rows,), hyper-parameters and a seed.
            rows: from `split`, or only the rows to learn from, which asks for neither.
            hyperparameters: what this run varies.
            seed: makes the fit deterministic.

        Returns:
            The fitted estimator.

        Raises:
            WrongCall: the function is another project's, fits the other task, or takes none of the sample weights.
            JobFailed: it returns no estimator.
        """
        training = rows.training if isinstance(rows, Split) else rows
        project_model.check_own(function)
        project_model.check_weight(function, training.weight)
        with step(f"fit {len(training.y)} rows"):
            begin = time.perf_counter()
            further = {"task": training.task, **project_model.weighted(training.weight)}
            try:
                fitted = project_model.fitted(function, training.X, training.y, hyperparameters, seed, **further)
            except ValueError as error:
                project_model.check_serves(function, training.task, error)
                raise
            self._fit_seconds = time.perf_counter() - begin
        for wanted in ("predict", "score"):
            if not hasattr(fitted, wanted):
                name = f"{function.__name__} of {function.__module__}.py"
                message = f"{name} returned {fitted!r}, which has no {wanted}"
                raise JobFailed(message, remedy="return the fitted estimator")
        project_model.check_task(function, fitted, training.task)
        self._resolved = project_model.resolved(function, fitted)
        if isinstance(rows, Split):
            fitted, found = decisions.decide(fitted, rows.decision, training, rows.by, seed)
            self._resolved |= found
        return fitted

    def record(self, model: Any, rows: Split, *, pickle: bool = False) -> None:
        """Judge a fitted model on the held-out rows, and log it with everything that is needed to fit it again.

        Args:
            model: a fitted scikit-learn estimator, which takes raw rows.
            rows: what it was fitted on, and what was held out.
            pickle: whether a model that skops cannot save may be pickled.

        Raises:
            JobFailed: this run has a model already, or the model holds what cannot be loaded elsewhere.
        """
        if self._told:
            raise JobFailed("this run has recorded a model already", remedy="begin another run for another model")
        training, held_out = rows.training, rows.held_out
        with step("evaluate"):
            learned = headline_score(model, training.X, training.y, training.task, training.weight)
            evaluation = evaluate(model, held_out.X, held_out.y, held_out.task, held_out.weight, own_metrics())
            headline, measured = evaluation.headline, evaluation.metrics
        with step("log"), bundle.staging() as folder:
            tags, datasets = self._write(model, rows, evaluation, folder, pickle=pickle)
            metrics = {
                f"train_{headline}": learned,
                **{f"test_{name}": value for name, value in measured.items()},
                **({} if self._fit_seconds is None else {"fit_seconds": self._fit_seconds}),
                "rows": len(training.y) + len(held_out.y),
                "columns": training.X.shape[1],
            }
            if training.task == CLASSIFICATION:
                metrics["classes"] = rows.rows.dataset.y.nunique()
            model_id = bundle.log(folder, self.run, bundle.ResultBundle(metrics, self._resolved, tags, datasets))
        self._told = {
            "task": f"{training.task} ({rows.rows.dataset.task_reason})",
            headline: f"{in_short(evaluation)} on {len(held_out.y)} held-out rows "
            f"({learned:.4f} on the {len(training.y)} it learned from)",
            "model": f"models:/{model_id}",
            "look": next_command.ui_command(self.run),
            "evaluate": next_command.evaluate_command(self.run, model_id),
        }

    def _write(
        self, model: Any, rows: Split, evaluation: Result, folder: Any, *, pickle: bool
    ) -> tuple[dict[str, str], Any]:
        """Write the model and the artifacts; return the tags, and the data set inputs."""
        dataset, inside = rows.rows.dataset, folder / "artifacts"
        data_record, datasets = dataset_inputs.describe(
            rows.rows.table, {"train": rows.training, "test": rows.held_out}
        )
        missing = run_artifacts.write_evaluation(evaluation, inside)
        missing |= run_artifacts.write_calibration(model, evaluation, inside)
        missing |= run_artifacts.write_decision_regions(model, rows.held_out, inside)
        run_artifacts.write_preprocessing(model, inside)
        run_artifacts.write_provenance(self.origin, {**data_record, **rows.recipe}, inside)
        signed = signature(dataset.raw, dataset.y)
        shown = example(rows.training.raw)
        form = logged_model.save(
            folder / "model", model, signed, shown, kinds(dataset.X), self.origin.lock, may_pickle=pickle
        )
        known = {
            tag.DATA_FINGERPRINT: rows.rows.table.fingerprint,
            tag.TASK: dataset.task,
            tag.MODEL_DIGEST: saved_model.folder_digest(folder / "model"),
            tag.MODEL_FORMAT: form,
        }
        return known | missing | tags_of(evaluation.own), datasets


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

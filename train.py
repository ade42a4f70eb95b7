"""Fit the model on a table, and record all it takes to do it again."""

import time
from typing import Any

import click

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

from model import Hyperparameters, fit, resolved_hyperparameters
from reprise import results
from reprise.base.entry_point import main
from reprise.base.parameters import PositiveNumber, Share
from reprise.base.terminal import note, step, summary
from reprise.cli.launch import evaluate_command, ui_command
from reprise.data import inputs
from reprise.data.dataset import make_dataset, split
from reprise.data.schema import example, kinds, signature
from reprise.data.table import read_table
from reprise.models import logged_model
from reprise.store import bundle, digest, provenance
from reprise.task.evaluation import evaluate


@click.command(
    epilog="Example: python train.py --data wine --kernel linear --C 0.5", context_settings={"show_default": True}
)
@click.option("--data", default="iris", help="iris, wine, breast_cancer, digits; a .csv, .csv.gz or .parquet; a URI.")
@click.option("--target", default="target", help="The column to predict.")
@click.option("--features", default="all", help="all, or column names separated by commas.")
@click.option(
    "--C", "C", default=Hyperparameters.C, type=PositiveNumber(), help="Inverse strength of regularisation, above 0."
)
@click.option("--kernel", default=Hyperparameters.kernel, type=click.Choice(["linear", "poly", "rbf", "sigmoid"]))
@click.option(
    "--gamma",
    default=Hyperparameters.gamma,
    type=PositiveNumber("scale", "auto"),
    help="scale, auto, or a number above 0.",
)
@click.option(
    "--solver",
    default=Hyperparameters.solver,
    type=click.Choice(["exact", "approximate", "auto"]),
    help="auto: by table size.",
)
@click.option("--test-size", default=0.25, type=Share(), help="Share of rows held out, between 0 and 1.")
@click.option("--seed", default=0, type=click.IntRange(0, 2**32 - 1), help="Decides which rows are held out.")
def train(data: str, target: str, features: str, test_size: float, seed: int, **hyperparameters: Any) -> None:
    """Fit a support vector machine on a table, and record the run in MLflow."""
    parameters = click.get_current_context().params
    with step(f"read {data}"):
        table = read_table(data)
        dataset = make_dataset(table, target, features)
        training, held_out = split(dataset, test_size, seed)
    with step("collect provenance"):
        origin = provenance.collect(parameters)
    for line in (*dataset.notes, *origin.notes()):
        note(line)

    with tracking.start_run("train", parameters, origin.tags()) as run:
        with step(f"fit {len(training.y)} rows"):
            begin = time.perf_counter()
            pipeline = fit(training.X, training.y, Hyperparameters(**hyperparameters), seed)
            fit_seconds = time.perf_counter() - begin
        with step("evaluate"):
            train_accuracy = float(pipeline.score(training.X, training.y))
            evaluation = evaluate(pipeline, held_out.X, held_out.y)
        with step("log"), bundle.staging() as folder:
            data_record, datasets = inputs.describe(table, {"train": training, "test": held_out})
            recipe = {"features": features, "test_size": test_size, "seed": seed, "notes": dataset.notes}
            missing = results.write_evaluation(evaluation, folder / "artifacts")
            missing |= results.write_decision_regions(pipeline, held_out, folder / "artifacts")
            results.write_preprocessing(pipeline, folder / "artifacts")
            results.write_provenance(origin, data_record | recipe, folder / "artifacts")
            signed = signature(dataset.raw, dataset.y)
            logged_model.save(
                folder / "model", pipeline, signed, example(training.raw), kinds(dataset.raw), origin.lock
            )
            metrics = {
                "train_accuracy": train_accuracy,
                **{f"test_{name}": value for name, value in evaluation.metrics.items()},
                "fit_seconds": fit_seconds,
                "rows": len(dataset.y),
                "columns": dataset.X.shape[1],
                "classes": dataset.y.nunique(),
            }
            tags = {
                "reprise.data.fingerprint": table.fingerprint,
                digest.TAG: digest.digest(folder / "model"),
                **missing,
            }
            found = bundle.Results(metrics, resolved_hyperparameters(pipeline), tags, datasets)
            model_id = bundle.log(folder, run, found)

    summary(
        {
            "accuracy": f"{metrics['test_accuracy']:.4f} on {len(held_out.y)} held-out rows "
            f"({train_accuracy:.4f} on the {len(training.y)} it learned from)",
            "model": f"models:/{model_id}",
            "look": ui_command(run),
            "evaluate": evaluate_command(run, model_id),
        }
    )


if __name__ == "__main__":
    main(train)

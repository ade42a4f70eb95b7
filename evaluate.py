"""Judge a logged model on rows that it has not learned from."""

import click

from reprise import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

from reprise import bundle, inputs, logged_model, provenance, results
from reprise.entry_point import main
from reprise.evaluation import assess, scores
from reprise.held_out import rows_to_judge
from reprise.launch import ui_command
from reprise.terminal import note, step, summary


@click.command(epilog="Example: python evaluate.py --model models:/reprise/3 --data new-rows.csv")
@click.option("--model", default="latest", show_default=True, help="latest (training run), or any MLflow model URI.")
@click.option("--data", default="held-out", show_default=True, help="held-out (rows), or any table as in train.")
@click.option("--target", default="auto", show_default=True, help="The true labels' column; auto: as in training.")
def evaluate(model: str, data: str, target: str) -> None:
    """Judge a logged model on its held-out rows, or on another table."""
    with step(f"load {model}"):
        subject = logged_model.load(logged_model.newest() if model == "latest" else model)
    with step(f"read {data}"):
        rows = rows_to_judge(subject, data, target)
    origin = provenance.collect()
    for line in (*rows.dataset.notes, *origin.notes()):
        note(line)

    with tracking.start_run("evaluate", click.get_current_context().params, origin.tags() | subject.tags()) as run:
        with step(f"judge {len(rows.dataset.y)} rows"):
            X, y = rows.dataset.raw, rows.dataset.y
            evaluation = assess(y, subject.predict(X), scores(subject.classifier, X, y.index))
        with step("log"), bundle.staging() as folder:
            data_record, datasets = inputs.describe(rows.table, {"test": rows.dataset})
            results.write_evaluation(evaluation, folder / "artifacts")
            results.write_provenance(origin, data_record | {"notes": rows.dataset.notes}, folder / "artifacts")
            metrics = {f"test_{name}": value for name, value in evaluation.metrics.items()}
            metrics["rows"] = len(rows.dataset.y)
            tags = {"reprise.data.fingerprint": rows.table.fingerprint}
            found = bundle.Results(metrics, tags=tags, datasets=datasets, judged_model_id=subject.model_id)
            bundle.log(folder, run, found)

    click.echo()
    click.echo(evaluation.per_class.to_string(index=False, float_format="{:.4f}".format))
    summary(
        {
            "accuracy": f"{metrics['test_accuracy']:.4f} on {len(rows.dataset.y)} {rows.description}",
            "model": subject.uri + (f", of training run {subject.run_id}" if subject.run_id else ""),
            "look": ui_command(run),
        }
    )


if __name__ == "__main__":
    main(evaluate)

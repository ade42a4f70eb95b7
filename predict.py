"""Let a logged model answer the rows of a table."""

import json
from pathlib import Path

import click

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

from reprise.base.entry_point import main
from reprise.base.options import TRUST_MODEL
from reprise.base.terminal import note, step, summary
from reprise.data.dataset import to_predict
from reprise.data.table import read_table
from reprise.models import logged_model
from reprise.models.held_out import read_as_known


@click.command(epilog="Example: python predict.py --model models:/reprise/3 --data rows.csv")
@click.option("--model", default="models:/reprise@champion", show_default=True, help="Any MLflow model URI.")
@click.option("--data", required=True, help="Raw rows, any table as in train.")
@click.option("--output", default="predictions.json", show_default=True, help="The file to write.")
@TRUST_MODEL
def predict(model: str, data: str, output: str, trust_model: bool) -> None:  # noqa: FBT001  click passes flags so
    """Let a logged model answer the rows of a table, which is read as the model knows its columns."""
    with step(f"load {model}"):
        subject = logged_model.load(model, trusted=trust_model)
    with step(f"read {data}"):
        table = read_as_known(read_table(data), data, subject.known)
        raw, notes = to_predict(table, subject.features or list(table.frame.columns), subject.known)
    for line in (*subject.notes(), *notes):
        note(line)
    with tracking.start_run("predict", click.get_current_context().params, {}):
        with step(f"answer {len(raw)} rows"):
            answers = subject.predict(raw).tolist()
        Path(output).write_text(json.dumps({"predictions": answers}), encoding="utf-8")
    summary({"model": subject.uri, "answers": f"{len(answers)} in {output}"})


if __name__ == "__main__":
    main(predict)

"""Predict the rows of a table with a logged model."""

import json
from pathlib import Path

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast
from reprise.base.terminal import note, step, summary
from reprise.contract.command import current
from reprise.contract.parameters import TrustModel
from reprise.data.dataset import to_predict
from reprise.data.missing_words import AUTO
from reprise.data.table import missing_of, read_table
from reprise.models import logged_model
from reprise.models.held_out import read_as_known


def predict(
    data: str,
    model: str = "champion",
    output: str = "predictions.json",
    *,
    trust_model: TrustModel = False,
) -> None:
    """Predict the rows of a table with a logged model. The table is read as the model knows its columns.

    Args:
        data: Raw rows, any table as in train.
        model: champion or challenger of this project, or any MLflow model URI.
        output: The file to write.

    Example: python -m reprise job predict --model models:/reprise/3 --data rows.csv
    """
    with step(f"load {model}"):
        subject = logged_model.load(model, trusted=trust_model)
    with step(f"read {data}"):
        trained = subject.training_record()
        words = missing_of(trained["data"]) if trained else AUTO
        table = read_as_known(read_table(data, missing=words), data, subject.known)
        raw, notes = to_predict(table, subject.features or list(table.frame.columns), subject.known)
    for line in (*subject.notes(), *notes):
        note(line)
    with tracking.start_run("predict", current().parameters, {}):
        with step(f"answer {len(raw)} rows"):
            answers = subject.predict(raw).tolist()
        Path(output).write_text(json.dumps({"predictions": answers}), encoding="utf-8")
    summary({"model": subject.uri, "answers": f"{len(answers)} in {output}"})

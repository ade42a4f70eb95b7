"""`train` in this process: what the run holds."""

import json
import os
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.exceptions import UsageError
from conftest import Job, as_served

from reprise.base.errors import WrongCall
from reprise.code.project_uri import BACKENDS
from reprise.jobs.next_command import evaluate_command

pytestmark = pytest.mark.contract


def artifact(run: mlflow.entities.Run, path: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path))


def provenance(run: mlflow.entities.Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(artifact(run, "provenance/provenance.json").read_text())
    return content


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A table as one finds them: text, gaps, booleans, whole numbers."""
    random = np.random.default_rng(0)
    rows = 200
    age = random.integers(18, 80, rows).astype(float)
    table = pd.DataFrame(
        {
            "age": np.where(random.random(rows) < 0.1, np.nan, age),
            "visits": random.integers(0, 9, rows),
            "income": random.normal(30_000, 9_000, rows).round(2),
            "city, of birth": random.choice(["Rome", "Paris", "Łódź", None], rows),
            "member": random.choice([True, False], rows),
            "subscribed": random.choice(["True", "False", ""], rows),
        }
    )
    table["bought"] = np.where(age + 5 * table["visits"] + random.normal(0, 5, rows) > 65, "yes", "no")
    table.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


@pytest.mark.usefixtures("drawn")
def test_the_run_holds_metrics_parameters_and_files(train: Job) -> None:
    run = train()
    of_probabilities = {"test_log_loss", "test_brier_score"}  # where the model has any
    assert set(run.data.metrics) - of_probabilities == {
        *("train_accuracy", "test_accuracy", "test_balanced_accuracy", "test_f1_macro", "test_roc_auc"),
        *("test_average_precision", "fit_seconds", "rows", "columns", "classes"),
    }
    assert (run.data.metrics["rows"], run.data.metrics["columns"], run.data.metrics["classes"]) == (150, 4, 3)
    assert run.info.status == "FINISHED"
    figures = {path.name for path in artifact(run, "figures").iterdir()}
    assert figures == {"confusion_matrix.png", "class_balance.png", "roc.png", "precision_recall.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in artifact(run, "figures").iterdir())


def test_the_same_seed_gives_the_same_result_and_another_seed_other_rows(train: Job) -> None:
    first, again, other = train("--data", "wine"), train("--data", "wine"), train("--data", "wine", "--seed", "1")
    rows = [pd.read_parquet(artifact(run, "predictions.parquet")) for run in (first, again, other)]
    pd.testing.assert_frame_equal(rows[0], rows[1])
    assert set(rows[0]["row"]) != set(rows[2]["row"])


def test_predictions_hold_every_held_out_row(train: Job) -> None:
    run = train("--data", "wine")
    predictions = pd.read_parquet(artifact(run, "predictions.parquet"))
    assert list(predictions.columns) == ["row", "truth", "prediction", "score_0", "score_1", "score_2"]
    assert len(predictions) == 45
    assert (predictions["truth"] == predictions["prediction"]).mean() == run.data.metrics["test_accuracy"]


@pytest.mark.usefixtures("drawn")
def test_decision_regions_are_drawn_for_two_numeric_features(train: Job) -> None:
    run = train("--features", "petal length (cm),petal width (cm)")
    assert (artifact(run, "figures") / "decision_regions.png").exists()


def test_decision_regions_of_many_classes_are_not_drawn(train: Job, tmp_path: Path) -> None:
    """Each pair of classes would judge each point of the grid: minutes, for a picture in which nothing can be told."""
    rows = np.arange(100)
    table = pd.DataFrame({"a": rows[::-1], "b": rows**2, "target": rows % 25})
    table.to_parquet(tmp_path / "table.parquet")
    assert not (artifact(train("--data", str(tmp_path / "table.parquet")), "figures") / "decision_regions.png").exists()


def test_a_served_model_scores_raw_rows(train: Job, people: Path) -> None:
    run = train("--data", str(people), "--target", "bought")
    assert run.data.metrics["test_accuracy"] > 0.8
    raw = pd.read_csv(people).drop(columns="bought")
    served = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    direct = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert list(served.predict(as_served(served, raw))) == list(direct.predict(raw))
    predictions = pd.read_parquet(artifact(run, "predictions.parquet"))
    assert list(direct.predict(raw.loc[predictions["row"]])) == list(predictions["prediction"])
    one = {"age": 41, "visits": None, "income": 31000.5, "city, of birth": "Oslo", "member": True, "subscribed": None}
    assert served.predict(as_served(served, pd.DataFrame([one])))[0] in ("yes", "no")


def test_the_logged_model_is_signed_pinned_and_not_pickled(train: Job) -> None:
    run = train()
    info = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert info.signature.inputs.input_names()[0] == "sepal length (cm)"
    assert info.flavors["sklearn"]["serialization_format"] == "skops"
    trusted = info.flavors["sklearn"]["skops_trusted_types"]
    assert all(name.startswith(("sklearn.", "numpy.", "scipy.")) for name in trusted)
    folder = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/model"))
    requirements = (folder / "requirements.txt").read_text().split()
    assert all("==" in line for line in requirements)
    names = {line.partition("==")[0] for line in requirements}
    assert {"mlflow-skinny", "scikit-learn", "skops", "pandas", "numpy", "scipy", "joblib"} <= names
    assert names.isdisjoint({"matplotlib", "pyarrow"})
    example = info.saved_input_example_info
    assert example is not None
    assert len(mlflow.models.Model.load(str(folder)).load_input_example(str(folder))) == 5


def test_the_metrics_stand_on_the_model_too(train: Job) -> None:
    run = train()
    model_id = run.outputs.model_outputs[0].model_id if run.outputs else None
    model_id = model_id or mlflow.get_run(run.info.run_id).outputs.model_outputs[0].model_id
    metrics = {metric.key: metric.value for metric in mlflow.get_logged_model(model_id).metrics}
    assert metrics["test_accuracy"] == run.data.metrics["test_accuracy"]


def test_the_data_are_inputs_with_their_whole_fingerprint(train: Job, people: Path) -> None:
    run = mlflow.get_run(train("--data", str(people), "--target", "bought").info.run_id)
    contexts = {item.tags[0].value: item.dataset for item in run.inputs.dataset_inputs}
    assert set(contexts) == {"train", "test"}
    record = provenance(run)["data"]
    for context, dataset in contexts.items():
        profile = json.loads(dataset.profile)
        assert profile["fingerprint"] == record[context]["fingerprint"]
        assert len(profile["fingerprint"]) == 64
        assert dataset.digest == profile["fingerprint"][:36]
        assert profile["rows"] == {"train": 150, "test": 50}[context]
        assert json.loads(dataset.schema)["mlflow_colspec"][0] == {"type": "double", "name": "age", "required": True}
    assert record["source"]["uri"] == str(people)
    assert run.data.tags["reprise.data.fingerprint"] == record["fingerprint"]


def test_the_environment_is_recorded(train: Job) -> None:
    run = train()
    environment = provenance(run)["environment"]
    assert environment["installed"]["scikit-learn"]
    assert environment["python_version"].startswith("3.")
    assert environment["blas"]
    assert environment["lock_sha256"] == run.data.tags["reprise.environment.lock"]


def test_rows_without_a_target_are_dropped_and_counted(
    train: Job, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(people)
    table.loc[:9, "bought"] = None
    table.to_csv(people, index=False)
    run = train("--data", str(people), "--target", "bought")
    assert run.data.metrics["rows"] == 190
    assert "10 of 200 rows miss the target 'bought'" in capsys.readouterr().err


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_ran_at_a_commit_is_evaluated_there(backend: str, store: str) -> None:
    tags = {"mlflow.source.type": "PROJECT", "mlflow.source.name": "/me/project#v1", "mlflow.project.env": "uv"}
    made = mlflow.MlflowClient().create_run(
        os.environ["MLFLOW_EXPERIMENT_ID"], tags={**tags, "mlflow.project.backend": backend}
    )
    expected = "mlflow run '/me/project#v1' -e evaluate -b commit --env-manager uv -P model=models:/m-1"
    assert evaluate_command(made, "m-1") == expected


def test_a_wrong_call_makes_no_run(train: Job) -> None:
    for arguments in (["--seed", "1.5"], ["--test-size", "x"], ["--test-size", "1"]):
        with pytest.raises(UsageError):
            train(*arguments)
    for arguments in (["--data", "nothing.csv"], ["--target", "nothing"], ["--test-size", "0.001"]):
        with pytest.raises(WrongCall):
            train(*arguments)
    assert not mlflow.search_runs(search_all_experiments=True, output_format="list")


def test_a_failed_job_ends_failed(train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no convergence")

    monkeypatch.setattr("train.fit", broken)
    with pytest.raises(RuntimeError):
        train()
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert [run.info.status for run in runs] == ["FAILED"]
    assert "mlflow.source.git.dirty" in runs[0].data.tags or "reprise.git" in runs[0].data.tags
    assert not mlflow.search_logged_models(output_format="list")

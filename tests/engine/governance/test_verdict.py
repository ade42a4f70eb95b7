"""`evaluate` judges: by the policy, against the champion, and binds its verdict to what it has seen."""

import json
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from conftest import ENTRY_POINTS, OTHER, POOR, Job
from mlflow import MlflowClient
from sklearn.datasets import load_wine

from reprise.base.project import FOLDER
from reprise.governance import evidence, registration
from reprise.governance.policy import read_policy
from reprise.models import registry
from reprise.store.saved_model import folder_digest

pytestmark = pytest.mark.contract

command = ENTRY_POINTS["evaluate"]


def judge(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def verdict_json(run: mlflow.entities.Run) -> dict[str, Any]:
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="verdict.json")
    content: dict[str, Any] = json.loads(Path(path).read_text())
    return content


def model_of(run: mlflow.entities.Run) -> mlflow.entities.LoggedModel:
    return mlflow.get_logged_model(mlflow.get_run(run.info.run_id).outputs.model_outputs[0].model_id)


def table(tmp_path: Path, text: str) -> str:
    (tmp_path / "policy.yaml").write_text(text)
    return str(tmp_path / "policy.yaml")


@pytest.mark.parametrize("champion", ["models:/reprise/9", "models:/reprise/latest", "models:/reprise/champion"])
def test_a_champion_that_is_named_must_be_there(train: Job, champion: str) -> None:
    train()
    result = judge("--champion", champion)
    assert result.exit_code == 2
    assert f"champion {champion!r} does not exist" in result.output


def test_a_refused_model_ends_with_exit_code_1_and_the_run_says_why(train: Job) -> None:
    train(*POOR)
    result = judge()
    assert result.exit_code == 1
    assert "Error: the policy refuses runs:/" in result.output
    assert "metrics.accuracy" in result.output
    run = mlflow.last_active_run()
    assert run.info.status == "FAILED", "as `mlflow run` ends it, by the exit code"
    assert run.data.tags["reprise.failure"].startswith("the policy refuses runs:/")
    assert run.data.tags["reprise.exit_code"] == "1"
    assert run.data.tags["reprise.verdict"] == "refused"
    content = verdict_json(run)
    assert content["verdict"] == "refused"
    refused = [outcome for outcome in content["outcomes"] if outcome["result"] == "refused"]
    assert refused[0]["rule"] == "metrics.accuracy"
    assert refused[0]["limit"] == "at least 0.7"
    assert float(refused[0]["value"]) < 0.7


def test_the_verdict_is_bound_to_content_policy_data_and_champion(train: Job) -> None:
    trained = train()
    assert judge().exit_code == 0
    run = mlflow.last_active_run()
    model = model_of(trained)
    content = verdict_json(run)
    assert content["model"] == folder_digest(Path(model.artifact_location))
    assert content["policy"] == read_policy(FOLDER / "policy.yaml").sha256
    assert content["champion"] == "none"
    assert content["run_id"] == run.info.run_id
    held_out = json.loads(mlflow.get_run(trained.info.run_id).inputs.dataset_inputs[1].dataset.profile)
    assert content["data"] == held_out["fingerprint"]
    tags = {name: value for name, value in model.tags.items() if name.startswith("reprise.verdict")}
    assert tags == {name: value for name, value in run.data.tags.items() if name.startswith("reprise.verdict")}


def test_the_champion_is_asked_for_the_same_rows(train: Job, tmp_path: Path) -> None:
    registration.register(train(*POOR).info.run_id, "reprise")
    registry.point("reprise", "champion", "1")
    train()
    rules = "change: {accuracy: {min: 0.3}}\nsignificance: {level: 0.05, require: better}\n"
    assert judge("--policy", table(tmp_path, rules)).exit_code == 0
    content = verdict_json(mlflow.last_active_run())
    assert content["champion"] == registry.find("reprise", "1").model_id
    change = next(item for item in content["outcomes"] if item["rule"] == "change.accuracy")
    assert change["result"] == "passed"
    assert change["reason"] == "38 rows"
    assert judge("--model", "models:/reprise@champion", "--policy", table(tmp_path, rules)).exit_code == 0
    assert "this is the champion" in judge("--model", "models:/reprise/1").output
    assert "there is no champion yet" in judge("--champion", "none").output
    assert "neither models:/name@alias" in judge("--champion", "runs:/x/model").output


def test_a_champion_is_not_asked_for_rows_that_it_has_learned_from(train: Job) -> None:
    registration.register(train("--seed", "1").info.run_id, "reprise")
    registry.point("reprise", "champion", "1")
    train("--seed", "2")
    judge()
    change = next(
        item for item in verdict_json(mlflow.last_active_run())["outcomes"] if item["rule"].startswith("change")
    )
    assert int(change["reason"].split()[0]) < 20


def test_a_champion_that_does_not_load_is_no_comparison(train: Job, store: str) -> None:
    trained = train()
    registration.register(trained.info.run_id, "reprise")
    registry.point("reprise", "champion", "1")
    Path(model_of(trained).artifact_location, "model.skops").unlink()
    train(*OTHER)
    result = judge()
    assert result.exit_code == 1
    unknown = "change.accuracy unknown, at least -0.02 (the files of model 'models:/reprise/1' are not those that were"
    assert unknown in result.output


def test_slices_are_made_of_any_column_of_the_table(train: Job, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=400), "city": random.choice(["Rome", "Oslo", None], 400)})
    truth = frame["x"] > 0
    frame["target"] = np.where(frame["city"] == "Oslo", random.random(400) > 0.5, truth)
    frame.to_csv(tmp_path / "people.csv", index=False)
    train("--data", str(tmp_path / "people.csv"), "--features", "x")
    rules = "metrics: {accuracy: {min: 0.7}}\nslices: {city: {rows: 10}}\n"
    result = judge("--policy", table(tmp_path, rules))
    assert result.exit_code == 1
    reasons = mlflow.last_active_run().data.tags["reprise.verdict.reasons"]
    assert "slices.city=Oslo.accuracy" in reasons
    assert "Rome" not in reasons
    assert "slices.city=missing.accuracy" in result.output
    assert "'town' is not a column" in judge("--policy", table(tmp_path, "slices: {town: {}}\n")).output
    assert "has 100 values here" in judge("--policy", table(tmp_path, "slices: {x: {}}\n")).output


def test_rows_that_are_not_the_held_out_ones_do_not_count_by_the_shipped_policy(train: Job, tmp_path: Path) -> None:
    train("--data", "wine")
    bunch = load_wine(as_frame=True).frame
    bunch.sample(60, random_state=0).to_csv(tmp_path / "easy.csv", index=False)
    result = judge("--data", str(tmp_path / "easy.csv"))
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].endswith(": data another table, held-out")


def test_provenance_is_read_from_the_training_run(train: Job, tmp_path: Path) -> None:
    trained = train()
    client, run_id = MlflowClient(), trained.info.run_id
    for tag, value in {
        "mlflow.source.git.commit": "0" * 40,
        "mlflow.source.git.dirty": "true",
        "reprise.patch": "incomplete",
        "reprise.environment.matches": "false",
        "reprise.reproduction": "diverged, run 123",
    }.items():
        client.set_tag(run_id, tag, value)
    rules = "provenance: {tree: recorded, branch: no-such, lock: true, reproduction: reproduced, fingerprint: true}\n"
    result = judge("--policy", table(tmp_path, rules))
    assert result.exit_code == 1
    for reason in ("tree patch incomplete", "branch this checkout has no branch no-such", "lock differs"):
        assert reason in mlflow.last_active_run().data.tags["reprise.verdict.reasons"]
    assert "provenance.reproduction diverged, run 123" in mlflow.last_active_run().data.tags["reprise.verdict.reasons"]
    assert "provenance.fingerprint" not in mlflow.last_active_run().data.tags["reprise.verdict.reasons"]
    client.set_tag(run_id, "reprise.reproduction", "reproduced, run 456")
    assert judge("--policy", table(tmp_path, "provenance: {reproduction: reproduced}\n")).exit_code == 0


class Sleeper:
    """A model that waits, as one does whose process gets no turn on a busy machine, and computes a little."""

    space = SimpleNamespace(entered=nullcontext)
    """It has no code of its own."""

    def __init__(self, *waits: float) -> None:
        self.waits = list(waits)

    def predict(self, _: pd.DataFrame) -> None:
        time.sleep(self.waits.pop() if self.waits else 0.03)
        end = time.process_time() + 0.002
        while time.process_time() < end:
            pass


def test_the_time_of_a_prediction_is_what_it_computes() -> None:
    """However busy the machine is: another process's turn is no time of this one."""
    measured = evidence._prediction_time(Sleeper(0.2), pd.DataFrame({"a": [1, 2]}))  # type: ignore[arg-type]  # noqa: SLF001
    assert 2 <= measured < 10


def test_the_shipped_policy_asks_for_no_time_and_another_may(train: Job, tmp_path: Path) -> None:
    assert read_policy(FOLDER / "policy.yaml").prediction_time is None
    train("--data", "wine")
    result = judge()
    assert "not checked:" in result.output
    assert "prediction_time" in result.output.split("not checked:")[1].splitlines()[0]
    outcome = {one["rule"]: one for one in verdict_json(mlflow.last_active_run())["outcomes"]}["prediction_time"]
    assert outcome["value"] == "", "what is not asked is not measured: two evaluations say the same"
    for limit, verdict in (("{max: 5000}", "passed"), ("{max: 0.001}", "refused")):
        result = judge("--policy", table(tmp_path, f"prediction_time: {limit}\n"))
        (line,) = [line for line in result.output.splitlines() if line.startswith("prediction_time")]
        assert verdict in line
        assert line.endswith("CPU time")

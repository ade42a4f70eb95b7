"""A registered champion is served and asked in batches, with MLflow's own commands."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import PROJECT, Job, environment, run
from registered import done

from reprise.governance.registration import register

pytestmark = pytest.mark.integration

ROWS: list[dict[str, Any]] = [
    {"age": 61, "city": "Rome"},
    {"age": 20, "city": "Oslo"},
    {"age": None, "city": None},
    {"age": 70, "city": "never seen"},
]


def people(folder: Path, *labels: str) -> str:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.integers(18, 80, 200), "city": random.choice(["Rome", "Oslo", None], 200)})
    frame.loc[::17, "age"] = np.nan
    path = folder / f"{labels[0]}.csv"
    frame.assign(bought=np.where(frame["age"] > 50, *labels)).to_csv(path, index=False)
    return str(path)


def command(entry_point: str, **values: str) -> str:
    """What MLproject runs."""
    declared = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"][entry_point]
    defaults = {name: kind["default"] for name, kind in declared["parameters"].items() if isinstance(kind, dict)}
    return str(declared["command"]).format(**{**defaults, **values})


@contextmanager
def served(store: str, model: str = "models:/reprise@champion") -> Iterator[str]:
    """Serve a model until the block ends."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = command("serve", model=model, host="127.0.0.1", port=str(port))
    server = subprocess.Popen(
        ["bash", "-c", line],
        env=environment(MLFLOW_TRACKING_URI=store),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def ask(address: str, rows: list[Any]) -> list[str]:
    return post(address, json.dumps({"dataframe_records": rows}))


def post(address: str, content: str, kind: str = "application/json") -> list[str]:
    request = urllib.request.Request(address, content.encode(), {"Content-Type": kind})
    with urllib.request.urlopen(request) as answer:
        found: list[str] = json.loads(answer.read())["predictions"]
    return found


def test_the_champion_answers_and_after_a_restart_the_next_one_and_after_a_rollback_the_first_again(
    train: Job, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)  # `rollback` loads the model in a process of its own
    for labels in (("yes", "no"), ("oui", "non")):
        trained = train("--data", people(tmp_path, *labels), "--target", "bought", "--kernel", "linear", "--C", "100")
        register(trained.info.run_id, "reprise")
    done("promote", "1", "--force", "--reason", "a test", "--env-manager", "local")
    with served(store) as address:
        answers = ask(address, ROWS)
        assert answers[:2] == ["yes", "no"]
        assert set(answers) <= {"yes", "no"}
        done("promote", "2", "--force", "--reason", "a test", "--env-manager", "local")
        assert ask(address, ROWS) == answers, "a server keeps the model that it has loaded"
    with served(store) as address:
        assert ask(address, ROWS)[:2] == ["oui", "non"]
    done("rollback", "--env-manager", "local")
    with served(store) as address:
        assert ask(address, ROWS) == answers
    pd.DataFrame(ROWS).to_csv(tmp_path / "rows.csv", index=False)
    line = command(
        "predict", model="models:/reprise@champion", data=f"{tmp_path}/rows.csv", output=f"{tmp_path}/out.json"
    )
    asked = run("bash", "-c", line, cwd=PROJECT, MLFLOW_TRACKING_URI=store)
    assert asked.returncode == 0, asked.stderr
    assert json.loads((tmp_path / "out.json").read_text())["predictions"] == answers


def every_kind(rows: int = 240) -> pd.DataFrame:
    """A table with columns of every kind, each without gaps and with."""
    random = np.random.default_rng(3)
    columns: dict[str, Any] = {
        "whole": random.integers(0, 50, rows),
        "fraction": random.normal(size=rows).round(3),
        "flag": random.random(rows) < 0.7,
        "city": random.choice(["Rome", "Oslo", "Łódź"], rows),
        "code": random.choice(["01", "1", "001", "2"], rows),
        "mixed": random.choice(["1", "2.5", "three", "four"], rows),
    }
    for name in list(columns):
        gaps = random.random(rows) < 0.25
        columns[f"{name} with gaps"] = pd.Series(columns[name]).astype(object).mask(gaps, None).infer_objects()
    table = pd.DataFrame(columns)
    score = table["whole"] / 25 + table["fraction"] + (table["city"] == "Rome") + (table["code"] == "01")
    score += 2 * (table["flag with gaps"] != False) + table["flag"]  # noqa: E712  neither is a gap
    return table.assign(target=pd.qcut(score, 4, labels=list("abcd")).astype("str"))


def as_json(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype(object).where(rows.notna(), None)


def test_a_regressor_answers_numbers_to_raw_dates_and_gaps(train: Job, store: str, tmp_path: Path) -> None:
    random, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=240)
    table = pd.DataFrame({"day": days.astype("str"), "city": random.choice(["Rome", "Oslo", None], 240)})
    heat = 20 * np.sin(np.arange(240) / 40) + 5 * (table["city"] == "Rome") + random.normal(size=240)
    table.assign(heat=heat).to_csv(tmp_path / "heat.csv", index=False)
    run_id = train("--data", str(tmp_path / "heat.csv"), "--target", "heat").info.run_id
    held_out = pd.read_parquet(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/predictions.parquet"))
    rows = as_json(table.loc[held_out["row"]])
    with served(store, f"runs:/{run_id}/model") as address:
        assert ask(address, rows.to_dict("records")) == held_out["prediction"].tolist(), "bit for bit"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_every_kind_of_column_is_answered_as_the_pipeline_answers_it(
    train: Job, evaluate: Job, store: str, tmp_path: Path, suffix: str
) -> None:
    """By JSON and CSV to the server, `predict`, `mlflow models predict` and `evaluate`; each column is nulled too."""
    table, path = every_kind(), tmp_path / f"table.{suffix}"
    if suffix == "csv":
        table.to_csv(path, index=False)
    else:
        table = table.assign(kind=pd.Categorical(table["city"]), number=pd.Categorical(table["whole"] % 3))
        table.to_parquet(path)
    trained = train("--data", str(path))
    uri = f"models:/{mlflow.get_run(trained.info.run_id).outputs.model_outputs[0].model_id}"
    direct = mlflow.sklearn.load_model(uri)
    raw = table.drop(columns="target")
    if suffix == "parquet":
        raw["number"] = raw["number"].astype("int64")
    as_objects: Any = raw.astype(object)
    nulled: Any = pd.concat([as_objects.head(40).assign(**{str(name): None}) for name in raw], ignore_index=True)
    rows = pd.concat([raw.astype(object), nulled], ignore_index=True)
    right = [str(label) for label in direct.predict(as_json(rows))]
    assert list(direct.predict(raw)) == right[: len(raw)], "objects are what the columns themselves are"
    flag = raw.head(40).astype(object)
    gaps, falses = (list(direct.predict(flag.assign(**{"flag with gaps": value}))) for value in (None, False))
    assert gaps != falses, "a gap is not False to this model"

    with served(store, uri) as address:
        assert ask(address, as_json(rows).to_dict("records")) == right
        split = as_json(rows).to_dict("split")
        assert post(address, json.dumps({"dataframe_split": split})) == right
        assert post(address, rows.to_csv(index=False), "text/csv") == right
        assert post(address, rows.head(1).to_csv(index=False), "text/csv") == right[:1]
        assert [ask(address, [row])[0] for row in as_json(rows.tail(60)).to_dict("records")] == right[-60:]
        for name, value in (("whole", "many"), ("flag", "maybe"), ("flag with gaps", "maybe")):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                ask(address, as_json(rows.head(1).assign(**{name: value})).to_dict("records"))

    (tmp_path / "rows.json").write_text(json.dumps({"dataframe_split": split}))
    line = f"mlflow models predict --model-uri {uri} --input-path {tmp_path}/rows.json --env-manager local"
    done = run("bash", "-c", f"{line} --output-path {tmp_path}/out.json", cwd=tmp_path, MLFLOW_TRACKING_URI=store)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["predictions"] == right

    rows.to_csv(tmp_path / "rows.csv", index=False)
    raw.head(1).to_csv(tmp_path / "one.csv", index=False)
    for name, wanted in (("rows", right), ("one", right[:1])):
        line = command("predict", model=uri, data=f"{tmp_path}/{name}.csv", output=f"{tmp_path}/{name}.json")
        done = run("bash", "-c", line, cwd=PROJECT, MLFLOW_TRACKING_URI=store)
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / f"{name}.json").read_text())["predictions"] == wanted

    judged = evaluate("--model", uri)
    assert judged.data.metrics["test_accuracy"] == trained.data.metrics["test_accuracy"]
    another = tmp_path / "another.csv"
    table.iloc[::-1].to_csv(another, index=False)
    judged = evaluate("--model", uri, "--data", str(another))
    kept = mlflow.artifacts.download_artifacts(run_id=judged.info.run_id, artifact_path="predictions.parquet")
    assert list(pd.read_parquet(kept)["prediction"]) == right[: len(raw)][::-1]

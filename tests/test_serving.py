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

ROWS = [
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
    text: str = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"][entry_point]["command"]
    return text.format(**values)


@contextmanager
def served(store: str) -> Iterator[str]:
    """Serve the champion until the block ends."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = command("serve", model="models:/reprise@champion", host="127.0.0.1", port=str(port))
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


def ask(address: str, rows: list[dict[str, Any]]) -> list[str]:
    content = json.dumps({"dataframe_records": rows}).encode()
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"})
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
    asked = run("bash", "-c", line, cwd=tmp_path, MLFLOW_TRACKING_URI=store)
    assert asked.returncode == 0, asked.stderr
    assert json.loads((tmp_path / "out.json").read_text())["predictions"] == answers
    probes = mlflow.search_runs(filter_string="tags.`reprise.job` = 'probe'", output_format="list")
    assert [probe.info.status for probe in probes] == ["FINISHED"] * 3

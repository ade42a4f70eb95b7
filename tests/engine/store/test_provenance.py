"""Where a run came from, as it stands on the run."""

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from conftest import Job, copy_project, run

from reprise.code.checkout import Checkout, Patch
from reprise.environment.pins import Lock
from reprise.store import provenance

pytestmark = pytest.mark.contract


def collected(checkout: Checkout, mismatches: list[str] | None = None) -> provenance.Provenance:
    return provenance.Provenance(checkout, Lock("0" * 64, "3.11", {}), {}, mismatches or [], {})


def test_a_commit_and_a_patch_become_tags() -> None:
    tags = collected(Checkout("a" * 40, dirty=True, patch=Patch("complete", b"diff"))).tags()
    assert tags["mlflow.source.git.commit"] == "a" * 40
    assert tags["mlflow.source.git.dirty"] == "true"
    assert tags["reprise.patch"] == "complete"
    assert "mlflow.source.git.repoURL" not in tags


def test_no_commit_is_said_in_a_tag_and_in_a_note() -> None:
    origin = collected(Checkout(problem="git is not installed"))
    assert origin.tags()["reprise.git"] == "git is not installed"
    assert "mlflow.source.git.dirty" not in origin.tags()
    assert origin.notes() == ["no commit is recorded: git is not installed"]


def test_what_the_patch_leaves_out_is_said() -> None:
    origin = collected(Checkout("a" * 40, dirty=True, patch=Patch("incomplete", b"", {".env": "a secret"})))
    assert origin.notes() == ["the patch is incomplete; left out: .env (a secret)"]
    assert origin.record()["git"]["patch"]["left_out"] == {".env": "a secret"}


def test_another_environment_is_said_in_a_few_words() -> None:
    (note,) = collected(Checkout("a" * 40), [f"package-{number} 1" for number in range(9)]).notes()
    assert note.endswith("package-4 1; and 4 more (all in provenance.json)")


def test_the_record_is_json_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/path/train.py", "--data=https://me:secret@example.org/a.csv"])
    text = json.dumps(collected(Checkout("a" * 40)).record())
    assert "secret" not in text
    assert "train.py" in text


def test_credentials_that_mlflow_recorded_are_taken_out(train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mlflow run https://user:token@…` leaves the token in its tags."""
    tags = {"mlflow.source.name": "https://me:token@example.org/p.git", "mlflow.source.type": "PROJECT"}
    begun = mlflow.MlflowClient().create_run(mlflow.get_experiment_by_name("test").experiment_id, tags=tags)
    monkeypatch.setenv("MLFLOW_RUN_ID", begun.info.run_id)
    train()
    assert mlflow.get_run(begun.info.run_id).data.tags["mlflow.source.name"] == "https://example.org/p.git"


def test_a_table_can_come_from_a_run(train: Job, tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2, 5, 9] * 20, "target": ["x", "y"] * 40}).to_csv(tmp_path / "t.csv", index=False)
    with mlflow.start_run() as holder:
        mlflow.log_artifact(str(tmp_path / "t.csv"))
    made = train("--data", f"runs:/{holder.info.run_id}/t.csv")
    assert made.data.metrics["rows"] == 80
    assert made.data.params["data"] == f"runs:/{holder.info.run_id}/t.csv"


@pytest.mark.integration
def test_the_patch_can_be_turned_off(project: Path, tmp_path: Path) -> None:
    (project / "README.md").write_text("changed")
    done = run("python", str(project / "train.py"), cwd=tmp_path, REPRISE_PATCH="off")
    assert done.returncode == 0, done.stderr
    assert "its patch is not recorded (REPRISE_PATCH=off)" in done.stderr
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (found,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert (found.data.tags["mlflow.source.git.dirty"], found.data.tags["reprise.patch"]) == ("true", "off")


@pytest.mark.integration
@pytest.mark.real_python
def test_an_environment_that_cannot_train_is_said_in_one_line(tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "project")
    (folder / "skops.py").write_text("raise ModuleNotFoundError('No module named skops')\n")
    done = run("python", "train.py", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("Error: this environment cannot train")
    assert len(done.stderr.strip().splitlines()) == 1

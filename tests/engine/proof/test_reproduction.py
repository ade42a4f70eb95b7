"""`reproduce` in this process: real runs of a real project at real commits, and what is done to them afterwards."""

import contextlib
import hashlib
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import click
import mlflow
import pandas as pd
import pytest
from conftest import ENTRY_POINTS, Job, commit_all, copy_project, git, invoke, work_in

import reprise.base.project
from reprise.base import tag
from reprise.base.errors import Irreproducible, JobFailed, WrongCall
from reprise.cli.show import describe_run
from reprise.environment.pins import describe_machine, installed_versions
from reprise.proof.preparation import prepare
from reprise.store.recorded import newest_training_run, read

pytestmark = pytest.mark.slow

Reproduce = Callable[..., dict[str, object]]

TINY = """
import os, mlflow, pandas as pd
with mlflow.start_run():
    mlflow.log_metric("score", VALUE)
    mlflow.log_metric("took_seconds", os.getpid())
    mlflow.log_param("alpha", "0.5")
    mlflow.log_text("at " + str(os.getpid()), "log.txt")
    mlflow.log_table({"x": [1.0, VALUE]}, "answers.json")
    pd.DataFrame({"x": [1.0, VALUE]}).to_csv("rows.csv", index=False)
    mlflow.log_artifact("rows.csv")
    for name in ("predictions.parquet", "embeddings.parquet"):
        pd.DataFrame({"x": [[1.0, 2.0], [VALUE]]}).to_parquet(name)
        mlflow.log_artifact(name)
    mlflow.log_text("[" * 100_000, "deep.json")
"""


EQUAL = ("score", "rows.csv", "answers.json", "alpha", "predictions.parquet", "embeddings.parquet")
TINY_OF_A_FILE = """
import mlflow
with mlflow.start_run():
    mlflow.log_metric("minor", float(open("version.txt").read()))
"""


class Doubler(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
    """A model that is not scikit-learn's."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, model_input: pd.DataFrame) -> list[float]:
        return list(model_input["x"] * self.factor)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    """Keep clones out of the user's cache."""
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project, in a repository that no test changes."""
    return copy_project(tmp_path_factory.mktemp("template"))


@pytest.fixture
def checkout(template: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_python: None) -> Path:
    """A checkout of this project, which the process takes for its own."""
    folder = Path(shutil.copytree(template, tmp_path / "checkout"))
    work_in(folder, monkeypatch)
    return folder


@pytest.fixture
def reproduce(store: str) -> Reproduce:
    """Reproduce in this process, and return what reproduction.json holds."""
    command = ENTRY_POINTS["reproduce"]

    def call(run: mlflow.entities.Run, *arguments: str, ends: type[Exception] | None = None) -> dict[str, object]:
        call_it = lambda: invoke(command, "--run", run.info.run_id, "--env-manager", "local", *arguments)  # noqa: E731
        if ends is None:
            call_it()
        else:
            with pytest.raises(ends):
                call_it()
        verdict: dict[str, object] = mlflow.artifacts.load_dict(
            f"runs:/{mlflow.last_active_run().info.run_id}/reproduction.json"
        )
        return verdict

    return call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of the user's, outside of the project."""
    rows = pd.DataFrame({"age": range(40), "height": [row * 7 % 11 for row in range(40)]})
    rows.assign(target=["yes" if row > 17 else "no" for row in range(40)]).to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


@pytest.fixture
def foreign(store: str, tmp_path: Path, quick_python: None) -> Callable[..., mlflow.entities.Run]:
    """Commit a tiny project of someone else's with some content, run it with `mlflow run`'s own code."""
    folder = tmp_path / "foreign"

    def make(value: str = "0.25", script: str = TINY, **parameters: str) -> mlflow.entities.Run:
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("rows.csv\n*.parquet\n")
        (folder / "MLproject").write_text(
            "entry_points: {main: {parameters: {alpha: {default: 0.5}}, command: python job.py}}"
        )
        (folder / "job.py").write_text(script.replace("VALUE", value))
        commit_all(folder)
        submitted = mlflow.projects.run(str(folder), env_manager="local", parameters=parameters)
        return mlflow.get_run(submitted.run_id)

    return make


def artifact(run: mlflow.entities.Run, name: str) -> Path:
    """Where the store keeps an artifact."""
    return Path(run.info.artifact_uri) / name


def rewrite(run: mlflow.entities.Run, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Change provenance.json in the store, of a run of before runs were sealed."""
    path = artifact(run, "provenance/provenance.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    unseal(run)


def unseal(run: mlflow.entities.Run) -> None:
    """Take from a run's record what earlier versions did not write."""
    path = artifact(run, "provenance/provenance.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({key: content[key] for key in content if key not in ("logged", "parameters", "run_id")}))
    mlflow.MlflowClient().delete_tag(run.info.run_id, tag.PROVENANCE_SHA256)
    database = mlflow.get_tracking_uri().removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM logged_model_params WHERE param_key = ?", (tag.PROVENANCE_SHA256,))


def different(verdict: dict[str, object]) -> list[str]:
    findings: list[dict[str, str]] = verdict["findings"]  # type: ignore[assignment]
    return [f"{finding['area']} {finding['name']}" for finding in findings if finding["match"] == "different"]


def test_a_run_is_reproduced_after_the_code_has_changed(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    """Bit for bit, at its own commit; verdict, rerun and run are linked, and the checkout is as it was."""
    first = train()
    model = checkout / "model.py"
    model.write_text(model.read_text().replace("SVC(C=resolved.C,", "SVC(C=resolved.C / 1000,"))
    commit_all(checkout)
    before = git(checkout, "for-each-ref"), git(checkout, "status", "--porcelain"), git(checkout, "rev-parse", "HEAD")
    verdict = reproduce(first)
    assert verdict["verdict"] == "reproduced", verdict
    assert verdict["reason"] == "bit for bit, in all that was compared"
    rerun = mlflow.get_run(str(verdict["rerun_id"]))
    assert rerun.data.tags["reprise.rerun_of"] == first.info.run_id
    assert rerun.data.tags["mlflow.source.git.commit"] == first.data.tags["mlflow.source.git.commit"]
    judged = mlflow.last_active_run()
    assert newest_training_run() == first.info.run_id, "a rerun is not the newest model"
    assert judged.data.tags["reprise.job"] == "reproduce"
    assert judged.data.tags["reprise.reproduces.run_id"] == first.info.run_id
    assert judged.data.tags["reprise.reproduction.run_id"] == rerun.info.run_id
    assert f"reproduced, run {judged.info.run_id}" in "\n".join(describe_run(first.info.run_id))
    assert before == (
        *(git(checkout, "for-each-ref"), git(checkout, "status", "--porcelain")),
        git(checkout, "rev-parse", "HEAD"),
    )
    compared = {finding["name"]: finding["match"] for finding in verdict["findings"]}  # type: ignore[attr-defined]
    assert compared["predictions.parquet"] == compared["model"] == compared["test_accuracy"] == "equal"
    assert compared["fit_seconds"] == "not compared"


def test_an_edited_metric_diverges_and_is_named(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    run = train()
    mlflow.MlflowClient().log_metric(run.info.run_id, "test_accuracy", 0.5)
    verdict = reproduce(run, ends=JobFailed)
    assert verdict["verdict"] == "diverged"
    assert different(verdict)[0] == "record metric test_accuracy"
    assert different(verdict)[-2:] == ["record test_accuracy", "results test_accuracy"]
    assert "metric test_accuracy 0.9736842105263158, against 0.5 (provenance.json, and the run's metric)" in str(
        verdict["reason"]
    )


def test_a_tampered_model_diverges_and_is_not_loaded(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    run = mlflow.get_run(train().info.run_id)
    model = mlflow.get_logged_model(run.outputs.model_outputs[0].model_id)
    (Path(model.artifact_location) / "MLmodel").write_text("flavors: {python_function: {loader_module: evil}}")
    artifact(run, "per_class.csv").write_bytes(b"\xff")
    verdict = reproduce(run, ends=JobFailed)
    named = ["record file per_class.csv", "record model", "results model", "results per_class.csv"]
    assert different(verdict) == named
    assert any("not loaded" in str(finding["recorded"]) for finding in verdict["findings"])  # type: ignore[attr-defined]


def test_a_changed_cell_is_named_by_both_fingerprints(
    checkout: Path, train: Job, reproduce: Reproduce, table: Path
) -> None:
    run = train("--data", str(table))
    table.write_text(table.read_text().replace("3,10,", "3,11,"))
    verdict = reproduce(run, ends=Irreproducible)
    assert verdict["verdict"] == "cannot be reproduced"
    recorded, now = run.data.tags["reprise.data.fingerprint"], train("--data", str(table)).data.tags
    assert recorded in str(verdict["reason"])
    assert now["reprise.data.fingerprint"] in str(verdict["reason"])
    table.unlink()
    assert "the data is gone" in str(reproduce(run, ends=Irreproducible)["reason"])


def test_a_changed_record_of_the_data_is_not_called_changed_data(
    checkout: Path, train: Job, reproduce: Reproduce, table: Path
) -> None:
    run = train("--data", str(table))
    rewrite(run, lambda content: content["data"].update(fingerprint="0" * 64))
    verdict = reproduce(run, ends=JobFailed)
    assert different(verdict) == ["record tag reprise.data.fingerprint", "data fingerprint"]


def test_a_changed_tag_of_the_lock_is_not_called_another_lock(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    run = train()
    mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.environment.lock", "0" * 64)
    assert different(reproduce(run, ends=JobFailed)) == ["record tag reprise.environment.lock"]


def test_a_dirty_run_is_reproduced_with_its_patch_and_its_own_table(
    checkout: Path, train: Job, reproduce: Reproduce, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An untracked table is in the patch; so another clone on another path will do, and the first may be gone."""
    (checkout / "README.md").write_text("another\n")
    shutil.copy(table, checkout / "own people.csv")
    run = train("--data", str(checkout / "own people.csv"))
    assert run.data.tags["reprise.patch"] == "complete"
    git(tmp_path, "clone", "--quiet", str(checkout), "another clone")
    shutil.rmtree(checkout)
    monkeypatch.setattr(reprise.base.project, "FOLDER", tmp_path / "another clone")
    verdict = reproduce(run)
    assert verdict["verdict"] == "reproduced", verdict
    assert mlflow.get_run(str(verdict["rerun_id"])).data.tags["reprise.patch"] == "complete"


def test_another_environment_is_named(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    run = train()

    def older(content: dict[str, dict[str, object]]) -> None:
        content["environment"]["installed"]["numpy"] = "1.0"  # type: ignore[index]
        content["environment"]["python_version"] = "3.11.0"

    rewrite(run, older)
    verdict = reproduce(run, ends=JobFailed)
    assert different(verdict) == ["environment python", "environment numpy"]
    assert "numpy 1.0, again " in str(verdict["reason"])


def test_the_rerun_is_asked_for_the_python_that_the_run_had(
    checkout: Path, train: Job, store: str, tmp_path: Path
) -> None:
    rewrite(run := train(), lambda content: content["environment"].update(python_version="3.11.0"))
    plan = prepare(read(mlflow.get_run(run.info.run_id), tmp_path / "recorded"), "recorded", "recorded", "0")
    assert (plan.request.env_manager, plan.request.python) == ("uv", "3.11.0")


def test_another_machine_is_named_and_is_no_divergence(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    """Scores that differ by less than the tolerance are then the same."""
    run = train()
    path = artifact(run, "predictions.parquet")
    predictions = pd.read_parquet(path)
    predictions["score_0"] *= 1 + 1e-10
    predictions.to_parquet(path, index=False)
    rewrite(run, lambda content: content["environment"].update(simd=["NEON"]))
    verdict = reproduce(run)
    assert verdict["verdict"] == "reproduced"
    assert verdict["tolerance"] == 1e-6
    assert "since the machine differs: machine: processor x86_64 NEON, again" in str(verdict["reason"])


def test_an_evaluation_is_reproduced_on_the_model_that_it_judged(
    checkout: Path, train: Job, evaluate: Job, reproduce: Reproduce
) -> None:
    train()
    judged = evaluate()
    train("--data", "wine")
    verdict = reproduce(judged)
    assert verdict["verdict"] == "reproduced", verdict


def spoil_commit_by(text: str) -> Callable[[mlflow.entities.Run], None]:
    def spoil(run: mlflow.entities.Run) -> None:
        rewrite(run, lambda content: content["git"].update(commit=text))
        mlflow.MlflowClient().set_tag(run.info.run_id, "mlflow.source.git.commit", text)

    return spoil


def spoil_record_of_commit(run: mlflow.entities.Run) -> None:
    rewrite(run, lambda content: content["git"].update(commit=None))
    mlflow.MlflowClient().delete_tag(run.info.run_id, "mlflow.source.git.commit")
    mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.git", "git is not installed")


def spoil_lock(run: mlflow.entities.Run) -> None:
    path = artifact(run, "provenance/conda.yaml")
    text = path.read_text().splitlines()
    path.write_text("\n".join("      - numpy==1.0" if "- numpy==" in line else line for line in text))
    spoil_digest_of_lock(run)


def spoil_lock_wholly(run: mlflow.entities.Run) -> None:
    artifact(run, "provenance/conda.yaml").write_text("[nothing")
    spoil_digest_of_lock(run)


def spoil_digest_of_lock(run: mlflow.entities.Run) -> None:
    """Let the record say of the spoiled lock that it was the job's."""
    sha256 = hashlib.sha256(artifact(run, "provenance/conda.yaml").read_bytes()).hexdigest()
    rewrite(run, lambda content: content["environment"].update(lock_sha256=sha256))
    mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.environment.lock", sha256)


def spoil_patch(content: str) -> Callable[[mlflow.entities.Run], None]:
    def spoil(run: mlflow.entities.Run) -> None:
        artifact(run, "provenance/patch.diff").write_text(content)
        rewrite(run, lambda record: record["git"]["patch"].update(state="complete"))  # type: ignore[attr-defined]
        mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.patch", "complete")

    return spoil


def spoil_patch_by_leaving_out(run: mlflow.entities.Run) -> None:
    mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.patch", "incomplete")
    patch = {"state": "incomplete", "left_out": {"big.bin": "too large"}}
    rewrite(run, lambda content: content["git"]["patch"].update(patch))  # type: ignore[attr-defined]


def spoil_patch_by_not_recording(run: mlflow.entities.Run) -> None:
    rewrite(run, lambda content: content["git"]["patch"].update(state="off"))  # type: ignore[attr-defined]
    mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.patch", "off")


def spoil_provenance(run: mlflow.entities.Run) -> None:
    artifact(run, "provenance/provenance.json").unlink()


def spoil_provenance_by(content: str) -> Callable[[mlflow.entities.Run], None]:
    def spoil(run: mlflow.entities.Run) -> None:
        artifact(run, "provenance/provenance.json").write_text(content)

    return spoil


OUTSIDE = "--- /dev/null\n+++ b/../outside.txt\n@@ -0,0 +1 @@\n+evil\n"
ANOTHER = "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-nothing that is there\n+evil\n"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_commit_by("0" * 40), f"commit {'0' * 40} is gone: "),
        (spoil_commit_by("HEAD"), "the recorded commit 'HEAD' is no full SHA"),
        (spoil_commit_by(""), "the recorded commit '' is no full SHA"),
        (spoil_record_of_commit, "no commit is recorded: git is not installed"),
        (spoil_provenance, "provenance.json or provenance/conda.yaml is gone from the run's artifacts"),
        (spoil_provenance_by("{garbage"), "is gone from the run's artifacts, or not whole"),
        (spoil_provenance_by('{"format": 1}'), "is gone from the run's artifacts, or not whole"),
        (spoil_lock, "numpy recorded numpy==1.0, at the commit numpy=="),
        (spoil_lock_wholly, "provenance/conda.yaml in the run's artifacts is no environment lock"),
        (spoil_patch(OUTSIDE), "names a path outside the project's repository and is refused"),
        (spoil_patch(ANOTHER), "the recorded patch does not apply"),
        (spoil_patch_by_leaving_out, "the patch is incomplete; left out: big.bin (too large)"),
        (spoil_patch_by_not_recording, "its patch was not recorded (REPRISE_PATCH=off)"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_run(
    checkout: Path, train: Job, reproduce: Reproduce, spoil: Callable[[mlflow.entities.Run], None], reason: str
) -> None:
    run = train()
    spoil(run)
    verdict = reproduce(run, ends=Irreproducible)
    assert verdict["verdict"] == "cannot be reproduced"
    assert reason in str(verdict["missing"])
    assert verdict["rerun_id"] is None
    assert not mlflow.search_runs(filter_string="tags.`reprise.rerun_of` != ''", output_format="list")


def test_a_lock_that_is_none_at_the_commit_is_named(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    (checkout / "conda.yaml").write_text("dependencies: [python=3.11]")
    commit = commit_all(checkout)
    verdict = reproduce(train(), ends=Irreproducible)
    assert verdict["missing"] == [f"conda.yaml at commit {commit} is no environment lock"]


def locked_at(folder: Path, version: str) -> str:
    lock = f"dependencies: [python=3.11, pip, {{pip: [threadpoolctl=={version}]}}]"
    (folder / "conda.yaml").write_text(lock)
    return lock


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
def test_bisecting_finds_the_commit_that_changed_the_lock(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where this process has the environment of the run itself, so that none was built for that."""
    command = ENTRY_POINTS["reproduce"]

    monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
    folder, here = tmp_path / "locked", installed_versions()
    folder.mkdir()
    (folder / "MLproject").write_text(
        f"conda_env: conda.yaml\nentry_points: {{main: {{command: 'python version.py && {sys.executable} job.py'}}}}"
    )
    (folder / "version.py").write_text(
        "import threadpoolctl\nopen('version.txt', 'w').write(threadpoolctl.__version__.split('.')[1])"
    )
    (folder / "job.py").write_text(TINY_OF_A_FILE)
    (folder / ".gitignore").write_text("version.txt")
    lock = locked_at(folder, here["threadpoolctl"])
    commits = [commit_all(folder), commit_all(folder)]
    run_id = mlflow.projects.run(str(folder), env_manager="local").run_id
    client = mlflow.MlflowClient()
    record = {
        "format": 1,
        "git": {"subdirectory": "", "patch": {"left_out": {}}},
        "environment": {"installed": here, "mismatches": [], **describe_machine()},
        "data": {"source": {"kind": "bundled", "uri": "iris"}, "fingerprint": "", "rows": 0},
    }
    client.log_text(run_id, lock, "provenance/conda.yaml")
    client.log_dict(run_id, record, "provenance/provenance.json")
    client.set_tag(run_id, "reprise.environment.lock", hashlib.sha256(lock.encode()).hexdigest())
    locked_at(folder, "3.5.0")
    commits += [commit_all(folder, "another lock"), commit_all(folder)]
    invoke(command, "--run", run_id, "--metric", "minor", "--commits", f"{commits[0]}..main")
    assert f"first  {commits[2]} another lock" in capsys.readouterr().out


def test_an_unknown_or_deleted_run_is_a_wrong_call(checkout: Path, train: Job, store: str) -> None:
    command = ENTRY_POINTS["reproduce"]

    with pytest.raises(WrongCall, match="run 'nothing' is not in sqlite"):
        invoke(command, "--run", "nothing")
    with pytest.raises(WrongCall, match="model 'models:/nothing/1' cannot be found"):
        invoke(command, "--run", "models:/nothing/1")
    run_id = train().info.run_id
    mlflow.delete_run(run_id)
    with pytest.raises(WrongCall, match=f"is deleted; bring it back with: mlflow runs restore --run-id {run_id}"):
        invoke(command, "--run", run_id)


def test_a_run_of_another_project_is_compared_in_what_there_is(
    foreign: Callable[..., mlflow.entities.Run], reproduce: Reproduce
) -> None:
    run = foreign()
    verdict = reproduce(run)
    assert verdict["verdict"] == "reproduced", verdict
    found = {finding["name"]: finding["match"] for finding in verdict["findings"]}  # type: ignore[attr-defined]
    assert {name: found[name] for name in EQUAL} == dict.fromkeys(EQUAL, "equal")
    for name in ("took_seconds", "log.txt", "deep.json", "packages", "data", "patch"):
        assert found[name] == "not compared"


def test_chance_is_named_where_nothing_else_differs(
    foreign: Callable[..., mlflow.entities.Run], reproduce: Reproduce
) -> None:
    run = foreign("os.getpid()")
    verdict = reproduce(run, ends=JobFailed)
    assert different(verdict)[0] == "randomness unexplained"
    assert {"results score", "results rows.csv: x"} <= set(different(verdict))


def test_a_job_that_fails_now_cannot_be_reproduced(
    foreign: Callable[..., mlflow.entities.Run], reproduce: Reproduce, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("")
    run = foreign(script=f"import os\nassert os.path.exists({str(tmp_path / 'there')!r})\n")
    (tmp_path / "there").unlink()
    verdict = reproduce(run, ends=Irreproducible)
    assert "the job succeeded when it was recorded and fails now: exit code 1" in str(verdict["reason"])


def test_a_model_of_another_kind_is_compared_by_its_answers(store: str, tmp_path: Path) -> None:
    from reprise.proof.result_comparison import compare
    from reprise.proof.run_models import folders, models_of
    from reprise.proof.run_results import results_of
    from reprise.store.recorded import read

    def results(factor: float) -> object:
        with mlflow.start_run() as run:
            rows = pd.DataFrame({"x": [1.0, 2.0]})
            mlflow.pyfunc.log_model(
                name="doubler", python_model=Doubler(factor), input_example=rows, pip_requirements=[]
            )
        found = read(mlflow.get_run(run.info.run_id), tmp_path / run.info.run_id)
        return results_of(found, folders(models_of(found, tmp_path / f"{run.info.run_id} models")), {})

    recorded = results(2.0)
    (same,) = compare(recorded, results(2.0), None)  # type: ignore[arg-type]
    assert (same.name, same.match) == ("doubler", "equal")
    (other,) = compare(recorded, results(3.0), None)  # type: ignore[arg-type]
    assert (other.name, other.match) == ("doubler: answer 0", "different")


def test_bisecting_finds_the_commit_that_changed_a_metric(
    foreign: Callable[..., mlflow.entities.Run],
    reproduce: Reproduce,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ENTRY_POINTS["reproduce"]

    first = foreign("0.25")
    folder = tmp_path / "foreign"
    commits = [git(folder, "rev-parse", "HEAD")]
    for value in ("0.250", "0.3", "0.30"):
        (folder / "job.py").write_text(TINY.replace("VALUE", value))
        commits.append(commit_all(folder, f"value {value}"))
    before = git(folder, "for-each-ref"), git(folder, "rev-parse", "HEAD")
    search = ("--run", first.info.run_id, "--env-manager", "local", "--metric", "score", "--commits")
    invoke(command, *search, f"{commits[0]}..main")
    assert f"first  {commits[2]} value 0.3\nscore  0.25, there 0.3" in capsys.readouterr().out
    assert before == (git(folder, "for-each-ref"), git(folder, "rev-parse", "HEAD"))
    assert not list((folder / ".git").glob("BISECT*"))
    for commits_given, metric, message in (
        (f"{commits[2]}..main", "score", "a metric differs already"),
        (f"{commits[0]}..{commits[1]}", "score", "no metric differs"),
        ("main", "score", "is no range; write A..B"),
        ("a..b", "nothing", "has no metric 'nothing'"),
    ):
        with pytest.raises(click.ClickException, match=message):
            invoke(command, *search[:4], "--metric", metric, "--commits", commits_given)


FAILING = "raise SystemExit(1)\n"


def test_bisecting_names_the_candidates_where_some_cannot_be_run(
    foreign: Callable[..., mlflow.entities.Run], reproduce: Reproduce, tmp_path: Path
) -> None:
    command = ENTRY_POINTS["reproduce"]

    first = foreign("0.25")
    folder = tmp_path / "foreign"
    commits = [git(folder, "rev-parse", "HEAD")]
    for script in (FAILING, TINY.replace("VALUE", "0.3")):
        (folder / "job.py").write_text(script)
        commits.append(commit_all(folder, f"job {len(commits)}"))
    search = ("--run", first.info.run_id, "--env-manager", "local", "--metric", "score", "--commits")
    with pytest.raises(JobFailed, match="is one of 2: ") as failure:
        invoke(command, *search, f"{commits[0]}..main")
    assert f"{commits[1]} job 1 (cannot be run)" in failure.value.message
    assert f"{commits[2]} job 2" in failure.value.message


TWO_TABLES = """
import os, mlflow, pandas as pd
with mlflow.start_run():
    for value in (1.0, VALUE):
        mlflow.log_input(mlflow.data.from_pandas(pd.DataFrame({"x": [value]}), name="rows"), context="train")
    mlflow.log_metric("score", 1)
"""


def test_two_data_sets_of_one_name_are_two(foreign: Callable[..., mlflow.entities.Run], reproduce: Reproduce) -> None:
    verdict = reproduce(foreign("float(os.getpid())", TWO_TABLES), ends=JobFailed)
    found: list[dict[str, str]] = verdict["findings"]  # type: ignore[assignment]
    matches = [finding["match"] for finding in found if finding["name"] == "rows (train)"]
    assert sorted(matches) == ["different", "equal"]
    assert reproduce(foreign("2.0", TWO_TABLES))["verdict"] == "reproduced"


def test_a_model_of_another_environment_names_it(
    foreign: Callable[..., mlflow.entities.Run], reproduce: Reproduce
) -> None:
    """A `local` run says nothing of its packages, and yet its model does."""
    script = """
import os, mlflow
from sklearn.linear_model import LogisticRegression
with mlflow.start_run():
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn==1.0"])
    mlflow.log_metric("score", VALUE)
"""
    run = foreign("os.getpid()", script)
    model = mlflow.get_logged_model(run.outputs.model_outputs[0].model_id)
    needs = Path(model.artifact_location) / "requirements.txt"
    needs.write_text(needs.read_text().replace("scikit-learn==1.0", "scikit-learn==0.9"))
    verdict = reproduce(run, ends=JobFailed)
    assert different(verdict) == ["environment scikit-learn", "results score"]


def test_what_has_changed_in_the_data_is_named(checkout: Path, train: Job, reproduce: Reproduce, table: Path) -> None:
    run = train("--data", str(table))
    table.write_text(table.read_text().replace("3,10,", "3,11,"))
    reason = str(reproduce(run, ends=Irreproducible)["reason"])
    assert "values differ in 'height', and in no other of 3 columns" in reason


def test_the_file_of_a_model_that_was_changed_is_named(checkout: Path, train: Job, reproduce: Reproduce) -> None:
    run = mlflow.get_run(train().info.run_id)
    model = mlflow.get_logged_model(run.outputs.model_outputs[0].model_id)
    (Path(model.artifact_location) / "requirements.txt").write_text("numpy\n")
    verdict = reproduce(run, ends=JobFailed)
    assert "files that differ from the rerun's: requirements.txt" in str(verdict["reason"])

"""Every way to tamper with a record that one can think of, each alone.

`python tests/engine/tamperings.py` records a training run, one with a patch, an evaluation, a search and a registered
version, does one thing to the store, asks `reprise reproduce` for its verdict, and prints a table: tampering,
verdict, exit code, what was named. `tests/engine/proof/test_tamperings.py` holds them to what is promised.
"""

import contextlib
import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from conftest import commit_all, copy_project, environment, git, script

from reprise.base import tag

REGISTERED = "reprise"
DATABASE = "mlflow.db"
MARKER = "planted"
"""The file that a planted model would write, were it loaded."""


@dataclass(frozen=True)
class Place:
    """A folder with a project's checkout and a store, and what was recorded there.

    Attributes:
        folder: it holds `project`, `mlflow.db` and `artifacts`.
        runs: `train`, `other`, `patched`, `evaluate`, `tune`, `trial`, `winner` -> run id.
        parent: the commit before that of the runs.
    """

    folder: Path
    runs: dict[str, str]
    parent: str

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / DATABASE}"

    def sql(self, statement: str, *values: object) -> None:
        """Change the database; a statement that changes nothing is a mistake of this script."""
        with contextlib.closing(sqlite3.connect(self.folder / DATABASE)) as connection, connection:
            assert connection.execute(statement, values).rowcount > 0, statement

    def client(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient(self.uri)

    def artifact(self, run: str, name: str) -> Path:
        return Path(self.client().get_run(self.runs[run]).info.artifact_uri) / name

    def model(self, run: str) -> tuple[str, Path]:
        """Return the id and the folder of the model that a run has logged."""
        model_id = self.client().get_run(self.runs[run]).outputs.model_outputs[0].model_id
        return model_id, Path(self.client().get_logged_model(model_id).artifact_location)

    def tag(self, run: str, name: str, value: str) -> None:
        assert self.client().get_run(self.runs[run]).data.tags[name] != value
        self.client().set_tag(self.runs[run], name, value)

    def parameter(self, run: str, name: str, value: str) -> None:
        self.sql("UPDATE params SET value = ? WHERE run_uuid = ? AND key = ?", value, self.runs[run], name)

    def rewrite(self, run: str, change: Callable[[Any], object], name: str = "provenance/provenance.json") -> str:
        """Change a JSON artifact, and return its SHA-256."""
        path = self.artifact(run, name)
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content, indent=2))
        return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Tampering:
    """One thing that is done to a store.

    Attributes:
        name: of it.
        subject: which run is reproduced, or `version`.
        act: does it.
        names: what the record's findings must name; None for the honest control.
        exit_code: of `reprise reproduce`.
    """

    name: str
    subject: str
    act: Callable[[Place], object]
    names: str | None
    exit_code: int = 1


def tamperings() -> Iterator[Tampering]:
    """Return them all, first the honest records."""
    for subject in ("train", "patched", "evaluate", "tune", "trial", "version"):
        yield Tampering(f"none: {subject}", subject, lambda _: None, None, 0)
    yield from _tags()
    yield from _values()
    yield from _files()
    yield from _provenance()
    yield from _models()
    yield from _patches()
    yield from _judgements()
    yield from _searches()
    yield from _versions()


def _tags() -> Iterator[Tampering]:
    yield Tampering(
        "commit tag: the parent", "train", lambda place: place.tag("train", COMMIT, place.parent), f"tag {COMMIT}"
    )
    for name, value in {
        "mlflow.source.git.branch": "release",
        "mlflow.source.git.dirty": "true",
        "reprise.patch": "complete",
        "reprise.job": "evaluate",
        "reprise.environment.lock": "0" * 64,
        "reprise.environment.matches": "maybe",
        "reprise.data.fingerprint": "0" * 64,
        tag.MODEL_DIGEST: "0" * 64,
        tag.PROVENANCE_SHA256: "0" * 64,
    }.items():
        named = "provenance.json" if name == tag.PROVENANCE_SHA256 else f"tag {name}"
        yield Tampering(
            f"tag {name}",
            "train",
            lambda place, name=name, value=value: place.tag("train", name, value),  # type: ignore[misc]
            named,
        )


def _values() -> Iterator[Tampering]:
    others = {"data": "wine", "test_size": "0.5", "seed": "1", "features": "x", "resolved.gamma": "0.5"}
    for name, value in others.items():
        yield Tampering(
            f"parameter {name}",
            "train",
            lambda place, name=name, value=value: place.parameter("train", name, value),  # type: ignore[misc]
            f"parameter {name}",
        )
    yield Tampering(
        "metric, by the client",
        "train",
        lambda place: place.client().log_metric(place.runs["train"], "test_accuracy", 0.99),
        "metric test_accuracy",
    )
    yield Tampering(
        "metric, in the database",
        "train",
        lambda place: place.sql(
            "UPDATE latest_metrics SET value = 0.99 WHERE key = 'test_accuracy' AND run_uuid = ?", place.runs["train"]
        ),
        "metric test_accuracy",
    )
    yield Tampering(
        "metric: fit_seconds",
        "train",
        lambda place: place.sql(
            "UPDATE latest_metrics SET value = 1e-5 WHERE key = 'fit_seconds' AND run_uuid = ?", place.runs["train"]
        ),
        "metric fit_seconds",
    )
    yield Tampering(
        "metric history",
        "train",
        lambda place: place.client().log_metric(place.runs["train"], "test_accuracy", 0.5, timestamp=1, step=-1),
        "history of test_accuracy",
    )
    yield Tampering(
        "data set digest",
        "train",
        lambda place: place.sql("UPDATE datasets SET digest = 'abc' WHERE dataset_uuid = ?", _dataset(place)),
        "data set train",
    )
    yield Tampering(
        "data set input removed",
        "train",
        lambda place: place.sql("DELETE FROM inputs WHERE source_id = ?", _dataset(place)),
        "data set train",
    )


def _files() -> Iterator[Tampering]:
    for name in ("scaler.gz", "per_class.csv", "figures/confusion_matrix.png", "provenance/conda.yaml"):
        gone = 3 if name == "provenance/conda.yaml" else 1
        yield Tampering(
            f"{name} replaced",
            "train",
            lambda place, name=name: _there(place, name).write_text("nothing\n"),  # type: ignore[misc]
            f"file {name}",
        )
        yield Tampering(
            f"{name} deleted",
            "train",
            lambda place, name=name: _there(place, name).unlink(),  # type: ignore[misc]
            f"file {name}",
            gone,
        )
    yield Tampering("a cell of predictions.parquet", "train", _change_cell, "file predictions.parquet")
    yield Tampering(
        "conda.yaml: a comment",
        "train",
        lambda place: _append(_there(place, "provenance/conda.yaml"), "# later\n"),
        "file provenance/conda.yaml",
    )


def _provenance() -> Iterator[Tampering]:
    def change(record: dict[str, Any]) -> None:
        record["environment"]["installed"]["numpy"] = "1.0"

    yield Tampering("provenance.json", "train", lambda place: place.rewrite("train", change), "provenance.json")
    yield Tampering(
        "provenance.json with its tag",
        "train",
        lambda place: place.tag("train", tag.PROVENANCE_SHA256, place.rewrite("train", change)),
        "provenance.json of m-",
    )
    yield Tampering("provenance.json of another run", "train", _take_record, "run id")
    yield Tampering(
        "provenance.json deleted",
        "train",
        lambda place: _there(place, "provenance/provenance.json").unlink(),
        "provenance.json",
        3,
    )


def _models() -> Iterator[Tampering]:
    yield Tampering(
        "a model's file",
        "train",
        lambda place: _append(place.model("train")[1] / "requirements.txt", "evil\n"),
        "model",
    )
    yield Tampering("code in a model, and a second one", "train", _plant, "model")
    yield Tampering("none: a file that a person adds", "train", _add_a_note, None, 0)
    yield Tampering("none: an MLmodel that a person adds", "train", _add_mlmodel, None, 0)
    yield Tampering("MLmodel: another run", "train", _restamp, "run of model")
    yield Tampering(
        "a model's parameter",
        "train",
        lambda place: place.sql(
            "UPDATE logged_model_params SET param_value = '9' WHERE param_key = 'seed' AND model_id = ?",
            place.model("train")[0],
        ),
        "parameter seed of m-",
    )
    yield Tampering(
        "a model's origin",
        "train",
        lambda place: place.sql(
            "UPDATE logged_models SET source_run_id = ? WHERE model_id = ?",
            place.runs["other"],
            place.model("train")[0],
        ),
        "run of m-",
    )
    yield Tampering(
        "a model that is another's",
        "train",
        lambda place: place.sql(
            "UPDATE inputs SET destination_id = ? WHERE destination_id = ? AND source_type = 'RUN_OUTPUT'",
            place.model("other")[0],
            place.model("train")[0],
        ),
        "run of m-",
    )


def _patches() -> Iterator[Tampering]:
    patch = "provenance/patch.diff"
    yield Tampering("patch removed, tags cleaned", "patched", _clean, f"file {patch}", 3)
    yield Tampering(
        "patch removed", "patched", lambda place: place.artifact("patched", patch).unlink(), f"file {patch}", 3
    )
    yield Tampering("patch altered", "patched", _alter_patch, f"file {patch}")


def _judgements() -> Iterator[Tampering]:
    for name, value in {"reprise.verdict": "refused", "reprise.verdict.policy": "0" * 64}.items():
        yield Tampering(
            f"tag {name}", "evaluate", lambda place, name=name, value=value: place.tag("evaluate", name, value),  # type: ignore[misc]
            f"tag {name}",
        )  # fmt: skip
    yield Tampering(
        "verdict.json",
        "evaluate",
        lambda place: place.rewrite("evaluate", lambda content: content.update(verdict="refused"), "verdict.json"),
        "file verdict.json",
    )
    yield Tampering(
        "the judged model's verdict",
        "evaluate",
        lambda place: place.client().set_logged_model_tags(place.model("train")[0], {"reprise.verdict": "refused"}),
        "tag reprise.verdict of the model",
    )


def _searches() -> Iterator[Tampering]:
    yield Tampering(
        "trials.csv",
        "tune",
        lambda place: _replace(place.artifact("tune", "trials.csv"), "0.9", "0.8"),
        "file trials.csv",
    )
    score = "cv_accuracy"
    for subject in ("tune", "trial"):
        yield Tampering(
            f"a trial's score, by its {subject}",
            subject,
            lambda place: place.sql(
                "UPDATE latest_metrics SET value = 0.1 WHERE key = ? AND run_uuid = ?", score, place.runs["trial"]
            ),
            "trial 0: mean",
        )
    yield Tampering("a trial's parameter", "trial", lambda place: place.parameter("trial", "C", "77"), "trial 0: C")
    yield Tampering(
        "another winner",
        "tune",
        lambda place: place.tag("tune", "reprise.tune.winner", place.runs["train"]),
        "parent of the winner",
    )


def _versions() -> Iterator[Tampering]:
    yield Tampering(
        "a version's source",
        "version",
        lambda place: place.sql("UPDATE model_versions SET source = ?", f"models:/{place.model('other')[0]}"),
        "source of reprise/1",
    )
    yield Tampering(
        "a version's source and files",
        "version",
        lambda place: place.sql(
            "UPDATE model_versions SET source = ?, storage_location = ?",
            f"models:/{place.model('other')[0]}",
            str(place.model("other")[1]),
        ),
        "run of reprise/1",
    )
    yield Tampering(
        "a version's run",
        "version",
        lambda place: place.sql("UPDATE model_versions SET run_id = ?", place.runs["other"]),
        "run of reprise/1",
    )
    yield Tampering(
        "a version's digest",
        "version",
        lambda place: place.client().set_model_version_tag(REGISTERED, "1", tag.MODEL_DIGEST, "0" * 64),
        "files of reprise/1 by the version's tag",
    )


COMMIT = "mlflow.source.git.commit"


def _there(place: Place, name: str) -> Path:
    path = place.artifact("train", name)
    assert path.is_file(), path
    return path


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def _replace(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def _dataset(place: Place) -> str:
    """Find the data set input with the training rows."""
    with contextlib.closing(sqlite3.connect(place.folder / DATABASE)) as connection:
        (found,) = connection.execute(
            "SELECT source_id FROM inputs JOIN input_tags USING (input_uuid) WHERE destination_id = ? "
            "AND input_tags.value = 'train'",
            (place.runs["train"],),
        ).fetchall()
    return str(found[0])


def _change_cell(place: Place) -> None:
    path = place.artifact("train", "predictions.parquet")
    table: Any = pd.read_parquet(path)
    table.loc[0, "prediction"] = (table.loc[0, "prediction"] + 1) % 3
    table.to_parquet(path, index=False)


def _take_record(place: Place) -> None:
    """Put another run's provenance.json in the place of the run's own, with its tag."""
    shutil.copy(place.artifact("other", "provenance/provenance.json"), _there(place, "provenance/provenance.json"))
    place.tag(
        "train", tag.PROVENANCE_SHA256, place.client().get_run(place.runs["other"]).data.tags[tag.PROVENANCE_SHA256]
    )


def _plant(place: Place) -> None:
    """Let the model run code when it is loaded, and put a second MLmodel among the artifacts."""
    folder = place.model("train")[1]
    (folder / "code").mkdir()
    marker = place.folder / MARKER
    (folder / "code" / "planted.py").write_text(f"open({str(marker)!r}, 'w').close()\n_load_pyfunc = print\n")
    content = yaml.safe_load((folder / "MLmodel").read_text())
    content["flavors"]["python_function"] |= {"loader_module": "planted", "code": "code"}
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    place.client().log_text(place.runs["train"], "flavors: {}\n", "z/MLmodel")


def _add_a_note(place: Place) -> None:
    place.client().log_text(place.runs["train"], "looked at on Monday\n", "note.txt")


def _add_mlmodel(place: Place) -> None:
    place.client().log_text(place.runs["train"], "flavors: {}\n", "MLmodel")


def _restamp(place: Place) -> None:
    """Change in MLmodel what its digest leaves out."""
    path = place.model("train")[1] / "MLmodel"
    _replace(path, f"run_id: {place.runs['train']}", f"run_id: {place.runs['other']}")


def _clean(place: Place) -> None:
    """Make a run with a patch look like one of a clean tree."""
    place.artifact("patched", "provenance/patch.diff").unlink()
    place.tag("patched", "reprise.patch", "none")
    place.tag("patched", "mlflow.source.git.dirty", "false")


def _alter_patch(place: Place) -> None:
    _replace(place.artifact("patched", "provenance/patch.diff"), "another", "a third")


def prepare(folder: Path) -> Place:
    """Record what there is to tamper with; `restore` brings it back."""
    project = copy_project(folder / "project")
    parent = git(project, "rev-parse", "HEAD")
    (project / "README.md").write_text("a reader\n")
    commit_all(project, "a second commit")
    uri = f"sqlite:///{folder / DATABASE}"
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("tamperings", artifact_location=str(folder / "artifacts"))
    started = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_EXPERIMENT_ID": experiment}

    def job(name: str, *arguments: str) -> str:
        done = subprocess.run(
            ["python", *(str(part) for part in script(name)), *arguments],
            cwd=project, env=environment(**started), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        named = f"tags.`reprise.job` = '{name}'"
        newest = client.search_runs([experiment], named, order_by=["attributes.start_time DESC"], max_results=1)
        return str(newest[0].info.run_id)

    runs = {"other": job("train", "--test-size", "0.3"), "train": job("train")}
    runs["evaluate"] = job("evaluate", "--model", f"runs:/{runs['train']}/model", "--champion", "none")
    runs["tune"] = job("tune", "--trials", "2", "--folds", "2", "--n-jobs", "1")
    runs["winner"] = client.get_run(runs["tune"]).data.tags["reprise.tune.winner"]
    of_search = f"tags.`mlflow.parentRunId` = '{runs['tune']}' and tags.`reprise.tune.candidate` = '0'"
    runs["trial"] = client.search_runs([experiment], of_search)[0].info.run_id
    register = ["python", "-m", "reprise", "register", runs["train"], "--name", REGISTERED, "--env-manager", "local"]
    subprocess.run(register, cwd=project, env=environment(**started), check=True, capture_output=True)
    (project / "README.md").write_text("another reader\n")
    runs["patched"] = job("train")
    git(project, "checkout", "--quiet", "README.md")
    kept = folder / "kept"
    kept.mkdir()
    shutil.copy(folder / DATABASE, kept)
    shutil.copytree(folder / "artifacts", kept / "artifacts")
    return Place(folder, runs, parent)


def restore(place: Place) -> None:
    """Bring the store back as it was recorded."""
    with (
        contextlib.closing(sqlite3.connect(place.folder / "kept" / DATABASE)) as kept,
        contextlib.closing(sqlite3.connect(place.folder / DATABASE)) as used,
    ):
        kept.backup(used)  # a copied file would leave what an open connection has cached
    shutil.rmtree(place.folder / "artifacts")
    shutil.copytree(place.folder / "kept/artifacts", place.folder / "artifacts")


def subject(tampering: Tampering, place: Place) -> str:
    """Name what is reproduced."""
    return f"models:/{REGISTERED}/1" if tampering.subject == "version" else place.runs[tampering.subject]


@dataclass(frozen=True)
class Outcome:
    """What `reprise reproduce` said."""

    exit_code: int
    verdict: str
    named: list[str]
    output: str


def reproduce(tampering: Tampering, place: Place) -> Outcome:
    """Do a tampering on the store as it was recorded, and reproduce."""
    restore(place)
    tampering.act(place)
    command = ["python", "-m", "reprise", "reproduce", subject(tampering, place), "--env-manager", "local"]
    variables = {"MLFLOW_TRACKING_URI": place.uri, "REPRISE_CACHE": str(place.folder / "cache")}
    variables["MLFLOW_EXPERIMENT_NAME"] = "tamperings"
    done = subprocess.run(
        [*command, "--rerun-env-manager", "local"], cwd=place.folder / "project", env=environment(**variables),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    verdict = re.search(r"^(reproduced|diverged|cannot be reproduced): ", done.stdout, re.MULTILINE)
    record = re.search(r"^record .*\n((?: {16}.*\n)*)", done.stdout, re.MULTILINE)
    named = [line.strip() for line in record[1].splitlines()] if record else []
    return Outcome(done.returncode, verdict[1] if verdict else "none", named, done.stdout + done.stderr)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        place = prepare(Path(name))
        print(f"{'tampering':34}  {'verdict':20}  exit  record names")
        for tampering in tamperings():
            found = reproduce(tampering, place)
            named = " ".join(line[:150] for line in found.named[:1])
            named += f" (and {len(found.named) - 1} more)" if found.named[1:] else ""
            print(f"{tampering.name:34}  {found.verdict:20}  {found.exit_code:4}  {named}", flush=True)


if __name__ == "__main__":
    main()

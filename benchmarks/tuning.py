"""Measure a search with `tune` against scikit-learn's bare search and the usual loop, as whole process trees.

Run `python benchmarks/tuning.py` in the project's environment. It needs uv for MLflow's server. `--write` writes the
table into docs/tuning.md. All sides of a comparison run in turns with two workers. Each number is a median.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from elsewhere import Elsewhere
from measuring import PROJECT, Cost, measure, write_table
from proxy import HOST, proxy

PAGE = PROJECT / "docs/tuning.md"
MLFLOW = "3.17.2"
LATENCY = 0.02
WORKERS = 2
FEW = 2
LOOPED = 3
"""Trials of the usual loop to measure, because each takes seconds."""

PREPARE = """
import sys
sys.path.insert(0, {project!r})
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold, cross_val_score, ParameterSampler
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from reprise.data.dataset import make_dataset, split
from reprise.preprocessing import make_preprocessing
from reprise.data.table import read_table
from scipy.stats import loguniform
data, trials, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
train, test = split(make_dataset(read_table(data), "target"), 0.25, 0)
model = Pipeline([("preprocessing", make_preprocessing(train.X)), ("classifier", SVC())])
space = {{"classifier__C": loguniform(a=0.01, b=1000), "classifier__kernel": ["rbf", "linear"],
         "classifier__gamma": loguniform(a=0.0001, b=1)}}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
"""
BARE = """
search = RandomizedSearchCV(model, space, n_iter=trials, cv=folds, n_jobs=workers, random_state=0)
search.fit(train.X, train.y)
print(f"{{search.best_score_:.4f}}", search.score(test.X, test.y))
"""
LOOP = """
import mlflow
with mlflow.start_run():
    for values in ParameterSampler(space, trials, random_state=0):
        with mlflow.start_run(nested=True):
            model.set_params(**values)
            scores = cross_val_score(model, train.X, train.y, cv=folds, n_jobs=workers)
            mlflow.log_params(values)
            mlflow.log_metrics({{"mean": scores.mean(), "std": scores.std()}})
            model.fit(train.X, train.y)
            mlflow.sklearn.log_model(model, name="model", serialization_format="cloudpickle")
"""
TRIVIAL = '''"""A model that takes no time."""
from dataclasses import dataclass
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

@dataclass(frozen=True)
class Hyperparameters:
    C: float = 1.0
    kernel: str = "rbf"
    gamma: float = 1.0
    solver: str = "auto"

def fit(X, y, hyperparameters, seed=0):
    steps = [("preprocessing", FunctionTransformer().fit(X)), ("classifier", DummyClassifier().fit(X, y))]
    return Pipeline(steps)

def resolved_hyperparameters(pipeline):
    return {}
'''


Side = tuple[str, int]
"""Name of a side, and number of trials."""


class Bench:
    """Folder with the scripts and a store for each side."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "REPRISE_"))}
        self.variables = {**clean, "PYTHONPATH": str(PROJECT)}
        self.variables.pop("PYTHONDONTWRITEBYTECODE", None)
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(scratch / "project")], check=True)
        for name, script in {"bare": BARE, "loop": LOOP}.items():
            (scratch / f"{name}.py").write_text((PREPARE + script).format(project=str(PROJECT)))

    def python(self, store: str, *arguments: str, uri: str = "") -> Cost:
        """Run a Python program in a folder with a store, and measure it with its children."""
        folder = self.scratch / store
        folder.mkdir(exist_ok=True, parents=True)
        variables = {**self.variables, **({"MLFLOW_TRACKING_URI": uri} if uri else {})}
        return measure([sys.executable, *arguments], folder, variables, self.scratch / "log.txt")

    def tune(self, data: str, trials: int, uri: str = "", project: str = "project") -> Cost:
        """Search with `tune`, in a folder that holds the project."""
        options = ("--data", data, "--trials", str(trials), "--n-jobs", str(WORKERS))
        return self.python(project, "-m", "reprise", "job", "tune", *options, uri=uri)

    def script(self, name: str, data: str, trials: int) -> Cost:
        """Run `bare` or `loop`."""
        return self.python(name, str(self.scratch / f"{name}.py"), data, str(trials), str(WORKERS))


@contextmanager
def servers(scratch: Path) -> Iterator[dict[str, str]]:
    """Run MLflow's server behind a delay. Yield its address and that of a stand-in that takes no CPU here.

    The server starts without its runners of background jobs, which take about ten CPU seconds and are not needed.
    """
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = ["uv", "tool", "run", "--quiet", "--from", f"mlflow=={MLFLOW}", "mlflow", "server", "--workers", "1"]
    command += ["--host", HOST, "--port", str(port), "--backend-store-uri", f"sqlite:///{scratch / 'server.db'}"]
    command += ["--artifacts-destination", str(scratch / "artifacts")]
    variables = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (
        (scratch / "server.txt").open("wb") as log,
        subprocess.Popen(command, env=variables, stdout=log, stderr=log) as process,
    ):
        try:
            while process.poll() is None and not answers(f"http://{HOST}:{port}/health"):
                time.sleep(0.2)
            with proxy(port, LATENCY) as here, proxy(port, LATENCY, Elsewhere) as elsewhere:
                yield {"here": f"http://{HOST}:{here.port}", "elsewhere": f"http://{HOST}:{elsewhere.port}"}
        finally:
            process.terminate()


def answers(address: str) -> bool:
    """Check whether a server answers."""
    try:
        with urllib.request.urlopen(address, timeout=5):  # noqa: S310  it is ours
            return True
    except OSError:
        return False


def in_turns(sides: Mapping[Side, Callable[[], Cost]], rounds: int) -> dict[Side, Cost]:
    """Measure all sides in turns, and return medians."""
    found: dict[Side, list[Cost]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side())
            click.echo(f"{name}: {found[name][-1]}", err=True)
    return {
        name: Cost(*(statistics.median(getattr(cost, field) for cost in costs) for field in ("cpu", "wall", "memory")))
        for name, costs in found.items()
    }


def compare(bench: Bench, data: str, trials: int, rounds: int, uris: dict[str, str]) -> list[str]:
    """Measure all sides on one table. The usual loop runs a few trials, and its time is multiplied."""
    sides = {("tune", trials): partial(bench.tune, data, trials)}
    for number in (trials, FEW):
        sides["bare", number] = partial(bench.script, "bare", data, number)
        sides |= {(place, number): partial(bench.tune, data, number, uri) for place, uri in uris.items()}
    costs = in_turns(sides, rounds)
    one, loop = (bench.script("loop", data, number) for number in (1, LOOPED))
    each = Cost(*((getattr(loop, name) - getattr(one, name)) / (LOOPED - 1) for name in ("wall", "cpu", "memory")))
    whole = Cost(one.wall + each.wall * (trials - 1), one.cpu + each.cpu * (trials - 1), loop.memory)
    bare, tune = costs["bare", trials], costs["tune", trials]
    limit = 1.15 * bare.wall + 0.02 * trials
    lines = [
        row(f"{data}: bare RandomizedSearchCV", bare, ""),
        row(f"{data}: tune, SQLite", tune, f"1.15 x bare + 20 ms a trial is {limit:.1f} s"),
        row(f"{data}: usual loop", whole, f"{whole.wall / tune.wall:.0f} x tune; {each.wall:.1f} s a trial"),
    ]
    per_trial = {
        name: 1000 * (costs[name, trials].wall - costs[name, FEW].wall) / (trials - FEW) for name in ("bare", *uris)
    }
    for place in uris:
        more = f"{per_trial[place] - per_trial['bare']:.1f} ms a trial more than bare"
        lines.append(row(f"{data}: tune, server 20 ms away, {place}", costs[place, trials], more))
    return lines


def memory(bench: Bench, many: int) -> list[str]:
    """Compare the peak memory of searches of a trivial model."""
    copy = bench.scratch / "trivial"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".*", "mlruns", "mlflow.db", "tests"))
    (copy / "model.py").write_text(TRIVIAL)
    bench.variables["PYTHONPATH"] = str(copy)
    few, all_of_them = (bench.tune("iris", trials, project=copy.name) for trials in (100, many))
    return [
        row("trivial model, 100 trials", few, f"{few.memory:.0f} MiB"),
        row(f"trivial model, {many:,} trials", all_of_them, f"{all_of_them.memory:.0f} MiB"),
    ]


def row(name: str, cost: Cost, remark: str) -> str:
    """Return a row of the table."""
    return f"| {name} | {cost.wall:.1f} | {cost.cpu:.1f} | {remark} |"


@click.command()
@click.option("--trials", default=200, show_default=True, help="Of each search, of five folds.")
@click.option("--rounds", default=3, show_default=True, help="Measured rounds.")
@click.option("--many", default=10_000, show_default=True, help="Trials of the trivial model.")
@click.option("--data", "tables", multiple=True, default=("iris", "digits"), show_default=True)
@click.option("--write", "writing", is_flag=True, help="Put the table into docs/tuning.md.")
def main(trials: int, rounds: int, many: int, tables: tuple[str, ...], writing: bool) -> None:  # noqa: FBT001
    """Measure searches."""
    lines = [f"| {trials} trials x 5 folds, {WORKERS} workers | wall s | CPU s | |", "|---|---:|---:|---|"]
    with tempfile.TemporaryDirectory(prefix="reprise-tuning-") as folder:
        bench = Bench(Path(folder))
        for side in (bench.tune, partial(bench.script, "loop")):
            side("iris", 1)  # makes the store, and the byte-code
        with servers(bench.scratch) as uris:
            for data in tables:
                lines += compare(bench, data, trials, rounds, uris)
                click.echo("\n".join(lines), err=True)
        lines += memory(bench, many)
    click.echo("\n".join(lines))
    if writing:
        write_table(PAGE, "costs", lines)


if __name__ == "__main__":
    main()

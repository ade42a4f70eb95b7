"""Measure promote, rollback and history against a trivial MLflow call, in a store of 10,000 runs and 1,000 versions.

Run `python benchmarks/registry.py`. It needs uv. `--write` writes the table into docs/registry.md. The method is that
of benchmarks/costs.py. It measures whole process trees, runs both sides of a ratio in turns, and takes medians.
"""

import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import click
from measuring import PROJECT, Bench, Cost, interleaved, write_table

PAGE = PROJECT / "docs/registry.md"
RUNS, VERSIONS = 10_000, 1_000
PROBE = "import sys; from reprise.models.bare_environment import answers_alone; answers_alone(sys.argv[1], 'uv')"
TRIVIAL = "import sys, mlflow; print(mlflow.get_run(sys.argv[1]).info.status)"


def train(bench: Bench, launcher: Path, folder: Path) -> list[str]:
    """Train two models, judge them, register both under two names, and return their runs."""
    folder.mkdir()
    runs = []
    for C in ("1.0", "2.0"):
        job = ("mlflow", "run", str(PROJECT), "--env-manager", "uv")
        bench.call(*job, "-P", f"C={C}", cwd=folder, programs=launcher)
        bench.call(*job, "-e", "evaluate", cwd=folder, programs=launcher)
        with sqlite3.connect(folder / "mlflow.db") as store:
            newest = "select run_uuid from tags where key = 'reprise.job' and value = 'train' order by rowid desc"
            runs.append(store.execute(newest).fetchone()[0])
        for name in ("reprise", "other"):
            bench.call("reprise", "register", runs[-1], "--name", name, cwd=folder, programs=launcher)
    for name in ("reprise", "other"):
        for version in "12":
            promote = ("reprise", "promote", version, "--name", name, "--force", "--reason", "a benchmark")
            bench.call(*promote, cwd=folder, programs=launcher)
    with sqlite3.connect(folder / "mlflow.db") as store:  # as if each had been compared with the other
        first, second = (
            row[0] for row in store.execute("select model_id from logged_models order by creation_timestamp_ms")
        )
        for model, champion in ((first, second), (second, first)):
            store.execute(
                "update logged_model_tags set tag_value = ?"
                " where model_id = ? and tag_key = 'reprise.verdict.champion'",
                (champion, model),
            )
    return runs


def fill(path: Path, run: str) -> None:
    """Copy one run and one version often enough, in SQL because MLflow's calls would take an hour."""
    with sqlite3.connect(path) as store:
        identities = [uuid.uuid4().hex for _ in range(RUNS)]
        for table in ("runs", "tags", "params", "latest_metrics"):
            _copy(store, table, "run_uuid", run, identities)
        for table in ("model_versions", "model_version_tags"):
            _copy(store, table, "version", 2, range(3, VERSIONS + 1), "and name = 'reprise'")


def _copy(store: sqlite3.Connection, table: str, key: str, original: object, copies: object, also: str = "") -> None:
    names = [row[1] for row in store.execute(f"pragma table_info({table})")]
    rows = store.execute(f"select * from {table} where {key} = ? {also}", (original,)).fetchall()  # noqa: S608
    place, marks = names.index(key), ", ".join("?" * len(names))
    store.executemany(
        f"insert into {table} values ({marks})",  # noqa: S608
        ((*row[:place], copy, *row[place + 1 :]) for copy in copies for row in rows),  # type: ignore[attr-defined]
    )


def measure(bench: Bench, rounds: int) -> Iterator[str]:
    """Return the lines of the table."""
    launcher = bench.install("launcher", "-e", f"{PROJECT}[launcher]")
    small, large = bench.scratch / "small", bench.scratch / "large"
    run = train(bench, launcher, small)[0]
    shutil.copytree(small, large)
    fill(large / "mlflow.db", run)
    promoted, rolled = cycle("12"), cycle("12")
    sides = {
        "trivial call: `get_run`": lambda: ("python", "-c", TRIVIAL, run),
        "`reprise promote`": lambda: ("reprise", "promote", next(promoted)),
        "`reprise history`": lambda: ("reprise", "history"),
        "`reprise rollback`": lambda: ("reprise", "rollback", "--name", "other", "--to", next(rolled)),
        "of it: load and score with its own pins alone": lambda: (
            "python", "-c", PROBE, "models:/other/1",
        ),
    }  # fmt: skip
    calls: dict[str, Callable[[], Cost]] = {
        name: lambda side=side: bench.call(*side(), cwd=large, programs=launcher)  # type: ignore[misc]
        for name, side in sides.items()
    }
    calls["`reprise history`, in a store of 2 training runs"] = lambda: bench.call(
        "reprise", "history", cwd=small, programs=launcher
    )
    costs = interleaved(calls, rounds)
    unit = next(iter(costs.values()))
    yield from ("| command | CPU s | wall s | CPU, ratio to the trivial call |", "|---|---:|---:|---:|")
    for name, cost in costs.items():
        yield f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.cpu / unit.cpu:.2f} |"


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Measured rounds.")
@click.option("--write", "writing", is_flag=True, help="Put the table into docs/registry.md.")
def main(rounds: int, writing: bool) -> None:  # noqa: FBT001
    """Measure the commands that move models in the registry."""
    with tempfile.TemporaryDirectory(prefix="reprise-registry-") as scratch:
        lines = list(measure(Bench(Path(scratch)), rounds))
    click.echo("\n".join(lines))
    if writing:
        write_table(PAGE, "registry", lines)


if __name__ == "__main__":
    main()

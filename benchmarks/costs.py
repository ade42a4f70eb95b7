"""Measure the cost of recording against the same work without it, in CPU and wall seconds of whole process trees.

Run `python benchmarks/costs.py`. It needs uv and builds its environments in a scratch folder. `--write` writes the
tables into docs/costs.md. The name of a part measures only that part. Both sides of a ratio are measured in turns in
one run. Each number is a median. The machine may be shared, so compare ratios, and prefer CPU to wall time.
"""

import tempfile
from functools import partial
from pathlib import Path

import click
from levers import OPTIONS, SCRIPT, UNDONE
from measuring import PROJECT, Bench, interleaved, write_table

PAGE = PROJECT / "docs/costs.md"
MLFLOW = "3.17.2"

TABLES = (
    (10_000, "parquet", 7),
    (100_000, "csv", 7),
    (100_000, "parquet", 3),
    (1_000_000, "parquet", 7),
    (3_000_000, "parquet", 1),
)
"""Rows, format, and the most rounds to measure. The largest tables take minutes each."""

TRIVIAL = """
import mlflow
with mlflow.start_run():
    mlflow.log_metric("accuracy", 1.0)
"""
BARE = """
import sys
sys.path.insert(0, {project!r})
import pandas as pd
from sklearn.model_selection import train_test_split
from model import Hyperparameters, fit
read = pd.read_parquet if sys.argv[1].endswith("parquet") else pd.read_csv
frame = read(sys.argv[1])
X, y = frame.drop(columns="target"), frame["target"]
del frame
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
del X, y
model = fit(X_train, y_train, Hyperparameters(solver="approximate"))
print(model.score(X_test, y_test))
"""
TABLE = """
import sys
import numpy as np, pandas as pd
rows, path = int(sys.argv[1]), sys.argv[2]
random = np.random.default_rng(0)
X = random.normal(size=(rows, 20))
y = (X[:, 0] + X[:, 1] * X[:, 2] + random.normal(size=rows) / 2 > 0).astype(int)
frame = pd.DataFrame(X).add_prefix("x").assign(target=y)
frame.to_parquet(path) if path.endswith("parquet") else frame.to_csv(path, index=False)
"""


def runs(bench: Bench, rounds: int) -> list[str]:
    """Compare the main job with a run that does nothing, both with warm caches."""
    launcher = bench.scratch / "launcher/bin"
    full = bench.install("full", f"mlflow=={MLFLOW}", "uv")
    trivial = bench.scratch / "trivial"
    trivial.mkdir()
    (trivial / "trivial.py").write_text(TRIVIAL)
    (trivial / "MLproject").write_text("name: trivial\nentry_points: {main: {command: python trivial.py}}\n")
    environment = bench.environment
    job = ("mlflow", "run", str(PROJECT), "--env-manager", "uv", "-P", "C=1.0")
    python = ("python", str(PROJECT / "train.py"), "--C", "1.0")
    sides = {
        "trivial run": lambda: bench.call(
            "mlflow", "run", str(trivial), "--env-manager", "local", cwd=bench.store("trivial"), programs=full
        ),
        "main job, README's launcher": lambda: bench.call(*job, cwd=bench.store("lean"), programs=launcher),
        "main job, launcher with full mlflow": lambda: bench.call(*job, cwd=bench.store("full"), programs=full),
        "plain `python train.py`": lambda: bench.call(*python, cwd=bench.store("python"), programs=environment / "bin"),
    }
    costs = interleaved(sides, rounds)
    unit = costs["trivial run"].cpu
    lines = ["| warm run on iris | CPU s | wall s | CPU, ratio to the trivial run |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.cpu / unit:.2f} |" for name, cost in costs.items()]
    sizes = {"project's environment": environment, "launcher": launcher.parent, "full mlflow": full.parent}
    lines += ["", "| environment, byte-code compiled | MiB |", "|---|---:|"]
    lines += [f"| {name} | {size(folder):.0f} |" for name, folder in sizes.items()]
    packages = next((environment / "lib").glob("python*")) / "site-packages"
    lines += [f"| of it {name} | {size(packages, name):.0f} |" for name in ("pyarrow", "scipy", "matplotlib")]
    return lines


def levers(bench: Bench, rounds: int) -> list[str]:
    """Measure `python train.py` on iris without each optimisation, and without each cost that was kept."""
    place = {"cwd": bench.store("python"), "programs": bench.environment / "bin"}
    scripts = {name: SCRIPT.format(project=str(PROJECT), undo=undo) for name, undo in UNDONE.items()}
    sides = {
        name: partial(bench.call, "python", *OPTIONS.get(name, ()), "-c", script, **place)
        for name, script in scripts.items()
    }
    costs = interleaved(sides, rounds)
    unit = costs["nothing"].cpu
    lines = ["| `python train.py` on iris without | CPU s | more |", "|---|---:|---:|"]
    return lines + [f"| {name} | {cost.cpu:.2f} | {cost.cpu - unit:+.2f} |" for name, cost in costs.items()]


def tables(bench: Bench, rounds: int) -> list[str]:
    """Compare training on large tables with a bare script that fits the same pipeline."""
    environment = bench.environment
    (bench.scratch / "bare.py").write_text(BARE.format(project=str(PROJECT)))
    (bench.scratch / "table.py").write_text(TABLE)
    lines = ["| table | bare, CPU s | train, CPU s | ratio | bare, MiB | train, MiB | ratio |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for rows, suffix, times in TABLES:
        path = str(bench.scratch / f"rows.{suffix}")
        bench.call("python", "table.py", str(rows), path, programs=environment / "bin")
        bare = ("python", str(bench.scratch / "bare.py"), path)
        train = ("python", str(PROJECT / "train.py"), "--solver", "approximate", "--data", path)
        place = {"cwd": bench.store("python"), "programs": environment / "bin"}
        sides = {"bare": partial(bench.call, *bare, **place), "train": partial(bench.call, *train, **place)}
        costs = interleaved(sides, min(rounds, times))
        one, other = costs["bare"], costs["train"]
        lines.append(
            f"| {rows:,} x 20, {suffix} | {one.cpu:.1f} | {other.cpu:.1f} | {other.cpu / one.cpu:.2f} "
            f"| {one.memory:.0f} | {other.memory:.0f} | {other.memory / one.memory:.2f} |"
        )
        click.echo(lines[-1])
    return lines


def size(folder: Path, name: str = "") -> float:
    """Return the MiB of the files below a folder, or of one package in it."""
    parts = [part for part in folder.glob(f"{name}*") if name] or [folder]
    files = (path for part in parts for path in part.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 2**20


PARTS = {"runs": runs, "levers": levers, "tables": tables}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--rounds", default=7, show_default=True, help="Measured rounds; large tables take fewer.")
@click.option("--write", "writing", is_flag=True, help="Put the tables into docs/costs.md.")
def main(parts: tuple[str, ...], rounds: int, writing: bool) -> None:  # noqa: FBT001
    """Measure runs, their optimisations, and large tables."""
    with tempfile.TemporaryDirectory(prefix="reprise-costs-") as scratch:
        bench = Bench(Path(scratch))
        bench.prepare()
        for name in parts or PARTS:
            lines = PARTS[name](bench, rounds)
            click.echo("\n".join(lines))
            if writing:
                write_table(PAGE, name, lines)


if __name__ == "__main__":
    main()

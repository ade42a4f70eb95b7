"""Measure runs at a commit and a reproduction against a plain `mlflow run`.

Run `python benchmarks/commit.py`. It needs uv. `--write` writes the table into docs/commits.md. The benchmark measures
whole processes with warm caches. It runs both sides of a ratio in turns and takes medians. The large repository is
generated. It has 10,000 commits of random content and this project as its last commit.
"""

import random
import re
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import click
from costs import MLFLOW, TRIVIAL
from measuring import PROJECT, Bench, interleaved, write_table

PAGE = PROJECT / "docs/commits.md"
COMMITS = 10_000
HISTORY = 500 * 2**20
"""Bytes of all files in the history. They are random, so that git cannot compress them."""


def make_large(folder: Path) -> None:
    """Build a repository with a long and large history and this project as its last commit."""
    generator = random.Random(0)  # noqa: S311  not for secrets
    git(folder.parent, "init", "--quiet", "--initial-branch=main", str(folder))
    command = ["git", "-C", str(folder), "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as importer:
        for number in range(COMMITS):
            content = generator.randbytes(HISTORY // COMMITS)
            head = f"commit refs/heads/main\ncommitter A <a@example.org> {number} +0000\ndata 1\nx\n"
            head += f"M 100644 inline data/{number % 50}\ndata {len(content)}\n"
            importer.stdin.write(head.encode() + content + b"\n")
    git(folder, "checkout", "--quiet", "main")
    archive = subprocess.run(["git", "-C", str(PROJECT), "archive", "HEAD"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract", "--directory", str(folder)], input=archive, check=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "the project")
    git(folder, "config", "uploadpack.allowFilter", "true")


def git(folder: Path, *arguments: str) -> None:
    """Run git under the benchmark's own name."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True)


def sides(bench: Bench) -> dict[str, partial]:  # type: ignore[type-arg]
    """Prepare all sides, with a first run of each."""
    launcher = bench.install("launcher", "-e", f"{PROJECT}[launcher]")
    full = bench.install("full", f"mlflow=={MLFLOW}", "uv")
    bench.variables["REPRISE_CACHE"] = str(bench.scratch / "cache")
    (bench.scratch / "trivial").mkdir()
    (bench.scratch / "trivial/trivial.py").write_text(TRIVIAL)
    (bench.scratch / "trivial/MLproject").write_text(
        "name: trivial\nentry_points: {main: {command: python trivial.py}}\n"
    )
    make_large(bench.scratch / "large")
    git(bench.scratch, "clone", "--quiet", "--bare", str(PROJECT), "small")
    job = partial(bench.call, "mlflow", "run", programs=launcher)
    options = ("--env-manager", "uv", "-P", "C=1.0")
    small, large = f"{bench.scratch}/small#HEAD", f"{bench.scratch}/large#main"
    name = f"{COMMITS:,} commits, {HISTORY >> 20} MiB"
    job(small, "-b", "commit", *options, cwd=bench.store("commit"))
    run_id = re.findall(r"in run (\w+)", (bench.scratch / "log.txt").read_text())[-1]
    trivial = partial(bench.call, "mlflow", "run", "trivial", "--env-manager", "local", programs=full)
    return {
        "trivial run": trivial,
        "`mlflow run .`": partial(job, str(PROJECT), *options, cwd=bench.store("run")),
        "at a commit, by path": partial(job, small, "-b", "commit", *options, cwd=bench.store("commit")),
        "at a commit, by URL": partial(job, f"file://{small}", "-b", "commit", *options, cwd=bench.store("commit")),
        f"of {name}, by path": partial(job, large, "-b", "commit", *options, cwd=bench.store("commit")),
        f"of {name}, by URL": partial(job, f"file://{large}", "-b", "commit", *options, cwd=bench.store("commit")),
        "`reprise reproduce`": partial(
            bench.call, "reprise", "reproduce", run_id, cwd=bench.store("commit"), programs=launcher
        ),
    }


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Measured rounds.")
@click.option("--write", "writing", is_flag=True, help="Put the table into docs/commits.md.")
def main(rounds: int, writing: bool) -> None:  # noqa: FBT001
    """Measure runs at a commit and a reproduction."""
    with tempfile.TemporaryDirectory(prefix="reprise-commit-") as scratch:
        costs = interleaved(sides(Bench(Path(scratch))), rounds)
    unit = costs["`mlflow run .`"].cpu
    lines = ["| warm run on iris | CPU s | wall s | CPU, ratio |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.cpu / unit:.2f} |" for name, cost in costs.items()]
    click.echo("\n".join(lines))
    if writing:
        write_table(PAGE, "runs", lines)


if __name__ == "__main__":
    main()

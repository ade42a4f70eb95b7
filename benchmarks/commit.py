"""What running at a commit costs: a large repository against this one, the second run of each.

Run `python benchmarks/commit.py` where the launcher is; `--write` puts the table into docs/commits.md. Both sides are run
in turns; each number is a median of whole process trees. The machine may be shared: read the ratio.
"""

import os
import random
import subprocess
import tempfile
from pathlib import Path

import click
from measuring import PROJECT, interleaved, measure, write_table

PAGE = PROJECT / "docs/commits.md"
COMMITS = 10_000
HISTORY = 500 * 2**20
"""Bytes of files in the history, of random content so that git cannot pack them smaller."""


def make_large(folder: Path) -> None:
    """Make a repository with a long and heavy history whose last commit is this project."""
    random.seed(0)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(folder)], check=True)
    with subprocess.Popen(
        ["git", "-C", str(folder), "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE
    ) as importer:
        assert importer.stdin
        for number in range(COMMITS):
            content = random.randbytes(HISTORY // COMMITS)
            importer.stdin.write(
                b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 1\nx\nM 100644 inline data/%d\ndata %d\n"
                % (number, number % 50, len(content))
            )
            importer.stdin.write(content + b"\n")
    listed = subprocess.run(["git", "-C", str(PROJECT), "archive", "HEAD"], check=True, capture_output=True).stdout
    subprocess.run(["git", "-C", str(folder), "checkout", "--quiet", "main"], check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=listed, check=True)
    commit(folder)


def commit(folder: Path) -> None:
    """Commit all that is in a folder."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), "add", "--all"], check=True)
    subprocess.run(["git", *who, "-C", str(folder), "commit", "--quiet", "--message", "project"], check=True)
    subprocess.run(["git", "-C", str(folder), "config", "uploadpack.allowFilter", "true"], check=True)


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Measured rounds.")
@click.option("--env-manager", default="uv", show_default=True)
@click.option("--write", "writing", is_flag=True, help="Put the table into docs/commits.md.")
def main(rounds: int, env_manager: str, writing: bool) -> None:  # noqa: FBT001
    """Compare second runs at a commit."""
    with tempfile.TemporaryDirectory(prefix="reprise-commit-") as place:
        scratch = Path(place)
        make_large(scratch / "large")
        subprocess.run(["git", "clone", "--quiet", "--bare", str(PROJECT), str(scratch / "small")], check=True)
        variables = {**os.environ, "REPRISE_CACHE": str(scratch / "cache")}
        options = ("-b", "commit", "--env-manager", env_manager, "-P", "C=1.0")
        sides = {
            name: lambda uri=uri: measure("mlflow", "run", uri, *options, cwd=scratch, variables=variables)
            for name, uri in {
                "this repository, by path": f"{scratch}/small#HEAD",
                f"{COMMITS:,} commits and {HISTORY >> 20} MiB, by path": f"{scratch}/large#main",
                "this repository, by URL": f"file://{scratch}/small#HEAD",
                f"{COMMITS:,} commits and {HISTORY >> 20} MiB, by URL": f"file://{scratch}/large#main",
            }.items()
        }
        costs = interleaved(sides, rounds)
    unit = costs["this repository, by path"]
    lines = ["| second run of | CPU s | wall s | CPU, ratio |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.cpu / unit.cpu:.2f} |" for name, cost in costs.items()
    ]
    click.echo("\n".join(lines))
    if writing:
        write_table(PAGE, "runs", lines)


if __name__ == "__main__":
    main()

"""Measure CPU time, wall time and memory of whole process trees, with the sides of a ratio in turns."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

PROJECT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds of a process tree, and the peak memory of its largest process in MiB."""

    cpu: float
    wall: float
    memory: float


class Bench:
    """Environments and folders of a benchmark."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.environment = Path()
        dropped = ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "MLFLOW_", "REPRISE_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        self.variables = {**clean, "MLFLOW_ENV_ROOT": str(scratch / "envs"), "UV_COMPILE_BYTECODE": "1"}

    def prepare(self) -> None:
        """Build the launcher, and the project's environment by a first run."""
        self.install("launcher", "-e", f"{PROJECT}[launcher]")
        self.call("mlflow", "run", str(PROJECT), "--env-manager", "uv", programs=self.scratch / "launcher/bin")
        (self.environment,) = (self.scratch / "envs").iterdir()

    def store(self, name: str) -> Path:
        """Return a new folder for a store."""
        folder = self.scratch / f"store-{name}"
        folder.mkdir(exist_ok=True)
        return folder

    def install(self, name: str, *what: str) -> Path:
        """Build an environment with compiled byte-code, and return its folder of programs."""
        folder = self.scratch / name
        self.call("uv", "venv", "--quiet", "--python", PYTHON, str(folder))
        self.call("uv", "pip", "install", "--quiet", "--python", str(folder / "bin/python"), *what)
        return folder / "bin"

    def call(self, *command: str, cwd: Path | None = None, programs: Path | None = None) -> Cost:
        """Run a command with an environment's programs first on the path, and measure it with its children."""
        path = os.pathsep.join([*([str(programs)] if programs else []), self.variables["PATH"]])
        return measure(command, cwd or self.scratch, {**self.variables, "PATH": path}, self.scratch / "log.txt")


def measure(command: Sequence[str], folder: Path, variables: Mapping[str, str], log: Path) -> Cost:
    """Run a command and measure it with its children. Its output goes to a file."""
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)}: {log.read_text()[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def interleaved(sides: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """Measure all sides in turns after one warm-up round, and return medians."""
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            cost = side()
            if number:
                found[name].append(cost)
    return {
        name: Cost(*(statistics.median(getattr(cost, field) for cost in costs) for field in ("cpu", "wall", "memory")))
        for name, costs in found.items()
    }


def write_table(page: Path, name: str, lines: list[str]) -> None:
    """Write a table between its marks in a page of docs."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = page.read_text(encoding="utf-8").partition(start)
    page.write_text(before + start + "\n".join(lines) + "\n" + end + rest.partition(end)[2], encoding="utf-8")

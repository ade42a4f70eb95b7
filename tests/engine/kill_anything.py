"""Kill commands with SIGKILL at random moments; after each, `reprise doctor --fix` and the same command again succeed.

`python tests/engine/kill_anything.py 200` prints a line a kill: command, store, moment, and what was left. Each command
is a whole process, as a person starts it. Half of the kills take all of its processes, the others its first one alone.
Half of the stores are new. It exits with the number of kills after which something was left RUNNING, broken or behind.
"""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import python_stand_in
from conftest import copy_project, environment

LANES = 2
TIMEOUT = 300  # seconds
LINGER = 120  # seconds that the others of a command may take when its first process is gone


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: of it.
        words: to type.
        needs_store: whether it needs the models and runs of a store that exists.
        done: what it says, with exit code 2, where it has come through and is called again; "" if it can be repeated.
    """

    name: str
    words: tuple[str, ...]
    needs_store: bool = False
    done: str = ""


@dataclass(frozen=True)
class Prepared:
    """What the commands work on.

    Attributes:
        project: a checkout of this project.
        store: a folder with a store, in which two models are registered and judged.
        commands: to kill.
        seconds: name of a command -> about how long it takes.
    """

    project: Path
    store: Path
    commands: tuple[Command, ...]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Lane:
    """Where one command after the other is killed.

    Attributes:
        folder: with a store, temporary files and a cache of its own.
        project: a checkout of this project.
        quick: folder of a `python` that has its libraries loaded, for commands that are not killed.
    """

    folder: Path
    project: Path
    quick: Path | None = None

    def call(self, *words: str, quick: Path | None = None) -> subprocess.Popen[str]:
        """Start a command in a process group of its own; by what waits in the folder `quick`, if one is given."""
        variables = {
            **({"PATH": os.pathsep.join([str(quick), os.environ["PATH"]])} if quick else {}),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
            "TMPDIR": str(self.folder / "tmp"),
            "REPRISE_CACHE": str(self.folder / "cache"),
        }
        return subprocess.Popen(
            words, cwd=self.project, env=environment(**variables), text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def done(self, *words: str) -> tuple[int, str]:
        """Run a command to its end."""
        process = self.call(*words, quick=self.quick)
        said, _ = process.communicate(timeout=TIMEOUT)
        return process.returncode, said

    def reset(self, store: Path | None) -> None:
        """Begin anew, with a copy of a store or with none."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        if store:
            shutil.copy(store / "mlflow.db", self.folder)

    def left(self) -> Iterator[str]:
        """Name what is wrong with what is left."""
        with sqlite3.connect(self.folder / "mlflow.db") as database:
            if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                yield "the store is broken"
            running = database.execute("SELECT COUNT(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0]
            if running:
                yield f"{running} runs are RUNNING"
        places = (self.folder / "cache/clones", *(self.folder / "tmp").iterdir())
        folders = [path for place in places if place.is_dir() for path in place.iterdir() if path.is_dir()]
        loose = [path for path in (self.folder / "tmp").iterdir() if not path.name.startswith("reprise-")]
        for path in (*folders, *(path for path in loose if "reprise" in path.name)):
            yield f"{path.relative_to(self.folder)} is left"


def prepare(folder: Path, quick: Path) -> Prepared:
    """Make a project and a store with two models, and find how long each command takes."""
    project = copy_project(folder / "project")
    lane = Lane(folder / "store", project, quick)
    lane.reset(None)
    seconds, local = {}, ("--env-manager", "local")
    for seed in ("1", "2"):
        seconds["train"] = _timed(lane, "python", "train.py", "--seed", seed)
        seconds["evaluate"] = _timed(lane, "python", "evaluate.py", "--champion", "none")
        seconds["register"] = _timed(lane, "reprise", "register", _newest(lane), *local)
    force = ("--force", "--reason", "a test", *local)
    for version in ("1", "2"):
        seconds["promote"] = seconds["rollback"] = _timed(lane, "reprise", "promote", version, *force)
    commands = (
        Command("train", ("python", "train.py")),
        Command("mlflow run", ("mlflow", "run", ".", "--env-manager", "local", "-P", "seed=3")),
        Command("mlflow run -b commit", ("mlflow", "run", ".", "-b", "commit", "--env-manager", "local")),
        Command("tune", ("python", "-m", "reprise", "job", "tune", "--trials", "4", "--folds", "2", "--n-jobs", "2")),
        Command("evaluate", ("python", "evaluate.py", "--champion", "none"), needs_store=True),
        Command(
            "register",
            ("reprise", "register", _newest(lane), "--name", "another", *local),
            needs_store=True,
            done="is the model of run",
        ),
        Command("promote", ("reprise", "promote", "1", *force), needs_store=True, done="is champion already"),
        Command("rollback", ("reprise", "rollback", *force[1:]), needs_store=True, done="no previous champion"),
        Command("reproduce", ("reprise", "reproduce", _newest(lane), "--env-manager", "local"), needs_store=True),
    )
    for command in commands:
        if command.name not in seconds:
            trial = Lane(folder / "trial", project, quick)
            trial.reset(folder / "store")
            seconds[command.name] = _timed(trial, *command.words)
    slow = Lane(folder / "trial", project)
    slow.reset(folder / "store")
    imports = _timed(slow, "python", "train.py") - seconds["train"]  # which those that are killed do themselves
    return Prepared(project, folder / "store", commands, {name: imports + each for name, each in seconds.items()})


def _timed(lane: Lane, *words: str) -> float:
    """Run a command, and return how many seconds it took."""
    begin = time.monotonic()
    exit_code, said = lane.done(*words)
    assert exit_code == 0, f"{words} ended with {exit_code}:\n{said}"
    return time.monotonic() - begin


def _newest(lane: Lane) -> str:
    trained = (
        "SELECT r.run_uuid FROM runs r JOIN tags t USING (run_uuid) WHERE t.key = 'reprise.job' AND t.value = 'train'"
    )
    with sqlite3.connect(lane.folder / "mlflow.db") as database:
        return str(database.execute(f"{trained} ORDER BY r.start_time DESC").fetchone()[0])


def kill(prepared: Prepared, number: int, seed: int, folder: Path, quick: Path) -> tuple[str, list[str]]:
    """Kill one command, tidy up, do it again; give a line about it, and what was wrong."""
    rng = random.Random(f"{seed} {number}")  # noqa: S311
    command = prepared.commands[number % len(prepared.commands)]
    new = not command.needs_store and rng.random() < 0.5
    lane = Lane(folder / f"lane {number}", prepared.project, quick)
    lane.reset(None if new else prepared.store)
    moment, all_of_it = rng.uniform(0, 1.5 * prepared.seconds[command.name]), rng.random() < 0.5
    process = lane.call(*command.words)
    time.sleep(moment)
    ended = process.poll() is not None
    with contextlib.suppress(ProcessLookupError):  # it has ended, and all of it
        (os.killpg if all_of_it else os.kill)(process.pid, signal.SIGKILL)
    wrong = []
    try:
        process.communicate(timeout=LINGER)  # the others of it may come to their end, as they hold its output
    except subprocess.TimeoutExpired:
        wrong.append(f"processes are left after {LINGER} s")
        os.killpg(process.pid, signal.SIGKILL)
    for words in (("reprise", "doctor", "--fix"), command.words):
        exit_code, said = lane.done(*words)
        came_through = words == command.words and exit_code == 2 and bool(command.done) and command.done in said
        if exit_code and not came_through:
            wrong.append(f"{words[1]} again: exit code {exit_code}: {said.strip().splitlines()[-1:]}")
    if any(lane.left()):
        lane.done("reprise", "doctor", "--fix")
    wrong += lane.left()
    store = "new store" if new else "store"
    how = (
        "came through" if ended else f"killed after {moment:.2f} s, {'all of it' if all_of_it else 'the first process'}"
    )
    shutil.rmtree(lane.folder, ignore_errors=True)
    return f"{number + 1:3}  {command.name:22} {store:10} {how}", wrong


def main(kills: int, seed: int) -> int:
    """Kill as often as asked."""
    with tempfile.TemporaryDirectory() as name, python_stand_in.waiting(Path(name)) as quick:
        prepared = prepare(Path(name), quick)
        with ThreadPoolExecutor(LANES) as lanes:
            results = lanes.map(lambda number: kill(prepared, number, seed, Path(name), quick), range(kills))
            bad = 0
            for line, wrong in results:
                bad += bool(wrong)
                print(f"{line}: {'; '.join(wrong) or 'all well'}", flush=True)
    print(f"seed {seed}: {kills} kills, something wrong after {bad}")
    return bad


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 0))

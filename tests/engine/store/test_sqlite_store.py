"""The local store: first runs at once, and first runs that are killed, leave one that works."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pytest
from click.testing import CliRunner
from conftest import PROJECT, environment, run

from reprise.base.errors import JobFailed, WrongCall
from reprise.base.process_lock import locked_folder
from reprise.cli.commands import cli
from reprise.store import sqlite_store

FIRST_RUNS = 6
KILLS = 12

FORKED = """
import os, random, signal, sys, time
import mlflow
from pathlib import Path

here, random = Path.cwd(), random.Random(int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        mlflow.search_experiments()
        os._exit(0)
    until = time.monotonic() + 20
    while not list(here.glob(".mlflow.db.making-*")) and time.monotonic() < until:
        time.sleep(0.001)
    assert list(here.glob(".mlflow.db.making-*")), "it makes no store aside"
    time.sleep(random.uniform(0, 1.2))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if Path("mlflow.db").exists():
        mlflow.MlflowClient().get_experiment("0")
        print("made")
        Path("mlflow.db").rename(f"mlflow.db.{time.time()}")
        os.execv(sys.executable, [sys.executable, __file__, str(random.randrange(10**6)), sys.argv[2]])
    print("killed")
"""


def broken(path: Path, upto: str | None) -> Path:
    """Make a store as MLflow does, and break it off before a migration, or before the first where that is None."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config, create_sqlalchemy_engine_with_retry
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = create_sqlalchemy_engine_with_retry(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    if upto:
        with engine.begin() as connection:
            config = _get_alembic_config(f"sqlite:///{path}")
            config.attributes["connection"] = connection
            command.upgrade(config, upto)
    engine.dispose()
    age(path)
    return path


def age(path: Path) -> None:
    before = time.time() - 60
    os.utime(path, (before, before))


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder without a store."""
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    return tmp_path


class TestAtOnce:
    @pytest.mark.integration
    @pytest.mark.parametrize("by", ["mlflow run", "train.py"])
    def test_first_runs_in_a_fresh_folder_all_finish(self, by: str, project: Path, tmp_path: Path) -> None:
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        script: list[Any] = ["python", project / "train.py"]
        command = script if by == "train.py" else ["mlflow", "run", project, "--env-manager", "local"]
        with ThreadPoolExecutor(FIRST_RUNS) as pool:
            done = list(pool.map(lambda _: run(*command, cwd=fresh), range(FIRST_RUNS)))
        assert [one.returncode for one in done] == [0] * FIRST_RUNS, [one.stderr[-2000:] for one in done]
        with closing(sqlite3.connect(fresh / "mlflow.db")) as database:
            assert database.execute("SELECT status, lifecycle_stage FROM runs").fetchall() == (
                [("FINISHED", "active")] * FIRST_RUNS
            )
            (place,) = database.execute("SELECT artifact_location FROM experiments").fetchone()
        assert place == str(fresh / "mlruns/0")
        assert {path.name for path in fresh.iterdir()} == {"mlflow.db", "mlruns"}

    def test_a_folder_that_another_process_keeps_locked_is_said(
        self, fresh: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reprise.store.sqlite_store._PATIENCE", 0.2)
        hold = (
            "import sys, time; from pathlib import Path; from reprise.base.process_lock import locked_folder\n"
            "with locked_folder(Path(sys.argv[1]), 1): print(flush=True); time.sleep(600)"
        )
        command = [sys.executable, "-c", hold, str(fresh)]
        with subprocess.Popen(command, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            with pytest.raises(JobFailed, match=r"has held the lock "):
                mlflow.search_experiments()
            other.kill()
        assert len(mlflow.search_experiments()) == 1

    def test_a_lock_of_a_folder_leaves_no_file(self, tmp_path: Path) -> None:
        with locked_folder(tmp_path, 1):
            assert list(tmp_path.iterdir()) == []

    def test_a_store_that_came_first_is_kept(self, fresh: Path) -> None:
        def make(uri: str) -> None:
            Path(uri.removeprefix("sqlite:///")).write_bytes(b"mine")
            (fresh / "mlflow.db").write_bytes(b"another's, by a process that knows no lock")

        sqlite_store.ensure(fresh / "mlflow.db", make)
        assert (fresh / "mlflow.db").read_bytes().startswith(b"another's")

    def test_without_hard_links_it_is_renamed(self, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_links(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr("os.link", no_links)
        assert [one.name for one in mlflow.search_experiments()] == ["Default"]
        assert [path.name for path in fresh.iterdir()] == ["mlflow.db"]


class TestKilled:
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_killed_creation_leaves_nothing_that_troubles_the_next(self, fresh: Path) -> None:
        (fresh / "killer.py").write_text(FORKED)
        done = run(sys.executable, "killer.py", "0", str(KILLS), cwd=fresh)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("killed") >= KILLS, done.stdout
        assert not (fresh / "mlflow.db").exists()
        assert [one.name for one in mlflow.search_experiments()] == ["Default"]
        assert not list(fresh.glob(".mlflow.db.making-*"))

    @pytest.mark.parametrize("upto", [None, "451aebb31d03", "c48cb773bb87"])
    def test_a_store_that_was_left_unfinished_is_said_and_set_aside_with_all_it_holds(
        self, upto: str | None, fresh: Path
    ) -> None:
        before = broken(fresh / "mlflow.db", upto).read_bytes()
        with pytest.raises(JobFailed, match=r"mlflow\.db was left unfinished .* rename it with: reprise doctor --fix"):
            mlflow.search_experiments()
        told = CliRunner().invoke(cli, ["doctor"]).output
        assert "FAIL  tracking" in told
        assert "-> reprise doctor --fix" in told
        assert (fresh / "mlflow.db").read_bytes() == before
        told = CliRunner().invoke(cli, ["doctor", "--fix"]).output
        (aside,) = fresh.glob("mlflow.db.unfinished-*")
        assert aside.name in told
        assert aside.read_bytes() == before
        assert [one.name for one in mlflow.search_experiments()] == ["Default"]

    @pytest.mark.usefixtures("quick_python")
    def test_train_says_it_in_one_line(self, fresh: Path) -> None:
        broken(fresh / "mlflow.db", "451aebb31d03")
        done = run("python", PROJECT / "train.py", cwd=fresh)
        assert done.returncode == 1
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert line.endswith("rename it with: reprise doctor --fix")
        assert "Traceback" not in done.stderr

    def test_one_that_is_being_made_by_mlflow_alone_is_waited_for(self, fresh: Path, empty_store: Path) -> None:
        broken(fresh / "mlflow.db", "451aebb31d03")
        (fresh / "mlflow.db").touch()
        assert "may be making it" in CliRunner().invoke(cli, ["doctor", "--fix"]).output
        assert not list(fresh.glob("*.unfinished-*"))
        finish = f"import time, shutil; time.sleep(1); shutil.copy({str(empty_store)!r}, 'mlflow.db')"
        with subprocess.Popen([sys.executable, "-c", finish], cwd=fresh):
            assert [one.name for one in mlflow.search_experiments()] == ["Default"]

    def test_an_empty_file_is_filled(self, fresh: Path) -> None:
        (fresh / "mlflow.db").touch()
        age(fresh / "mlflow.db")
        assert [one.name for one in mlflow.search_experiments()] == ["Default"]


class TestOthers:
    def test_a_store_of_another_version_with_an_experiment_is_left_to_mlflow(self, fresh: Path) -> None:
        path = broken(fresh / "mlflow.db", "451aebb31d03")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (0, 'old', 'active')"
            )
        assert sqlite_store.state(path) == "usable"

    def test_a_store_of_a_newer_mlflow_is_not_taken_for_an_unfinished_one(self, fresh: Path, empty_store: Path) -> None:
        path = Path(shutil.copy(empty_store, fresh / "newer.db"))
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM experiments")
            assert sqlite_store.state(path) == "usable"
            database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        assert sqlite_store.state(path) == "usable"

    def test_what_is_no_database_is_said_at_once(self, fresh: Path) -> None:
        (fresh / "mlflow.db").write_text("a,b\n1,2\n" * 1000)
        begin = time.monotonic()
        with pytest.raises(WrongCall, match=r"mlflow\.db is not a readable SQLite database"):
            mlflow.search_experiments()
        assert time.monotonic() - begin < sqlite_store.QUIET
        assert "is not a readable SQLite database" in CliRunner().invoke(cli, ["doctor", "--fix"]).output
        assert (fresh / "mlflow.db").exists()

    @pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:"])
    def test_memory_has_no_file(self, uri: str) -> None:
        assert sqlite_store.file_of(uri) is None

    def test_a_folder_that_cannot_be_made_is_said(self, fresh: Path) -> None:
        (fresh / "file").touch()
        mlflow.set_tracking_uri(f"sqlite:///{fresh}/file/mlflow.db")
        with pytest.raises(WrongCall, match=r"no store can be made at .*: .*; work in another folder"):
            mlflow.search_experiments()

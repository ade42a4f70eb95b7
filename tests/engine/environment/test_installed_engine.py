"""The engine installed as a wheel, launcher and environment in one, and projects that have no folder `reprise/`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import python_stand_in
import yaml
from conftest import PROJECT, commit_all, copy_project, environment, git, put_store

import reprise
from reprise.base import engine, tag

pytestmark = [
    pytest.mark.integration,
    pytest.mark.real_python,  # for that of this environment; these have one of their own
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
]

PIN = f"reprise=={reprise.__version__}"
LOCAL = ("--env-manager", "local")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of the engine as it is now, named by it: uv keeps a wheel by its folder and version."""
    folder = tmp_path_factory.mktemp(f"wheels-{engine.this().digest}")
    subprocess.run(["uv", "build", "--quiet", "--wheel", "--out-dir", folder, PROJECT], check=True)
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of programs of an environment with that wheel, outside of any repository; some of them wait."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    python = folder / "bin/python"
    (wheel,) = wheels.glob("*.whl")
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, folder], check=True)
    requirements = PROJECT / "tests/requirements.txt"
    command = ["uv", "pip", "install", "--quiet", "--python", python, "-r", requirements, f"{wheel}[launcher]"]
    subprocess.run([str(part) for part in command], check=True)
    (folder / "waiting").mkdir()
    with python_stand_in.waiting(folder / "waiting", python):
        yield folder / "bin"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that pins the engine and has none of its own, with a store that holds a training run."""
    folder = copy_project(tmp_path_factory.mktemp("pinned") / "project")
    shutil.rmtree(folder / "reprise")
    shutil.rmtree(folder / "tests")
    text = (folder / "conda.yaml").read_text()
    (folder / "conda.yaml").write_text(text.replace("      - requests==", f"      - {PIN}\n      - requests=="))
    commit_all(folder, "get the engine by a pin")
    put_store(folder)
    return folder


@pytest.fixture
def pinned(shared: Path) -> Path:
    """That project, clean."""
    git(shared, "checkout", "--quiet", "--", ".")
    return shared


def call(
    installed: Path, folder: Path, *command: str | Path, code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment in a folder, where no other environment is on the path."""
    others = [each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != Path(sys.executable).parent]
    path = os.pathsep.join([str(installed.parent / "waiting/bin"), str(installed), *others])
    done = subprocess.run(
        [str(shutil.which(command[0], path=path)), *map(str, command[1:])],
        cwd=folder,
        env=environment(PATH=path, REPRISE_CACHE=str(folder.parent / "cache"), **variables),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def runs(folder: Path, job: str = "train") -> list[mlflow.entities.Run]:
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    wanted = f"tags.`reprise.job` = '{job}'"
    return list(mlflow.search_runs(search_all_experiments=True, filter_string=wanted, output_format="list"))


def test_the_wheel_is_the_engine_whole(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, "python", "-m", "reprise.base.engine")
    assert done.stdout.splitlines() == [str(engine.this()), *engine.this().edited]


@pytest.mark.parametrize(
    "command",
    [
        ("python", "train.py"),
        ("mlflow", "run", ".", *LOCAL),
        ("mlflow", "run", ".", "-b", "commit", *LOCAL),
        ("mlflow", "run", ".", *LOCAL, "-e", "evaluate"),
    ],
    ids=["plainly", "mlflow run", "at a commit", "evaluate"],
)
def test_a_run_says_that_the_installed_engine_filled_it(
    installed: Path, pinned: Path, command: tuple[str, ...]
) -> None:
    call(installed, pinned, *command)
    newest = runs(pinned, "evaluate" if "evaluate" in command else "train")[0]
    assert newest.data.tags[tag.ENGINE] == str(engine.this())
    assert newest.data.tags["mlflow.source.git.commit"] == git(pinned, "rev-parse", "HEAD")
    assert newest.data.tags["mlflow.source.git.dirty"] == "false"
    record = mlflow.artifacts.load_dict(f"runs:/{newest.info.run_id}/provenance/provenance.json")
    assert record["engine"]["version"] == reprise.__version__
    assert not [line for line in record["environment"]["mismatches"] if line.startswith("reprise")]


def test_doctor_examines_the_project_and_names_the_installed_engine(installed: Path, pinned: Path) -> None:
    done = call(installed, pinned, "reprise", "doctor")
    assert f"engine        {engine.this()} in {installed.parent}/lib" in done.stdout
    assert f"ok    repository    {pinned}, main at " in done.stdout
    assert "note: " not in done.stderr


def test_a_run_is_reproduced(installed: Path, pinned: Path) -> None:
    call(installed, pinned, "python", "train.py", "--data", "wine")
    done = call(installed, pinned, "reprise", "reproduce", "latest", *LOCAL, "--rerun-env-manager", "local")
    assert "reproduced: bit for bit" in done.stdout


def test_a_model_is_registered_judged_and_promoted(installed: Path, pinned: Path) -> None:
    call(installed, pinned, "python", "train.py", "--seed", "2")
    run_id = runs(pinned)[0].info.run_id
    call(installed, pinned, "python", "evaluate.py", "--model", f"runs:/{run_id}/model")
    call(installed, pinned, "reprise", "register", run_id, *LOCAL)
    done = call(installed, pinned, "reprise", "promote", "1", *LOCAL)
    assert "champion of reprise: version" in done.stdout
    assert runs(pinned, "promote")[0].data.tags[tag.ENGINE] == str(engine.this())
    call(installed, pinned, "mlflow", "run", ".", *LOCAL, "-e", "probe")  # of the champion
    assert runs(pinned, "probe")[0].data.tags[tag.ENGINE] == str(engine.this())


def test_a_search_s_processes_have_the_model(installed: Path, pinned: Path) -> None:
    call(
        installed,
        pinned,
        "mlflow",
        "run",
        ".",
        *LOCAL,
        "-e",
        "tune",
        "-P",
        "trials=3",
        "-P",
        "folds=2",
        "-P",
        "n_jobs=2",
    )
    assert runs(pinned, "tune")[0].info.status == "FINISHED"


def test_the_launcher_of_another_version_says_that_the_job_runs_with_the_project_s(
    installed: Path, pinned: Path
) -> None:
    text = (pinned / "conda.yaml").read_text()
    (pinned / "conda.yaml").write_text(text.replace(PIN, "reprise==0.2.0"))
    (pinned / "MLproject").write_text("conda_env: conda.yaml\nentry_points: {tune: {command: 'true'}}\n")
    done = call(installed, pinned, "reprise", "tune", *LOCAL)
    said = f"note: this launcher's engine is {reprise.__version__}, the project pins 0.2.0; the job runs with this one"
    assert said in done.stderr
    (pinned / "conda.yaml").write_text(text)
    assert "this launcher's engine" not in call(installed, pinned, "reprise", "tune", *LOCAL).stderr


def test_the_folder_of_a_project_wins_over_the_wheel(installed: Path, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "project")
    path = folder / "reprise/__init__.py"
    path.write_text(path.read_text().replace(reprise.__version__, "9.8.7"))
    done = call(installed, folder / "docs", "reprise", "doctor")
    said = f"note: using the engine in {folder}/reprise (version 9.8.7) instead of the installed one"
    assert said in done.stderr
    assert "9.8.7 sha256:" in done.stdout
    assert f"edited in {folder}/reprise" in done.stdout
    done = call(installed, folder, "python", "train.py")
    assert "note: the engine was edited: __init__.py (changed); the run records that" in done.stderr
    assert runs(folder)[0].data.tags[tag.ENGINE].startswith("9.8.7 sha256:")


def test_lock_pins_the_engine_of_a_folder_of_wheels(installed: Path, pinned: Path, wheels: Path) -> None:
    listed = "".join(f'    "{name}",\n' for name in (PIN, "scikit-learn", "skops"))
    (pinned / "pyproject.toml").write_text(f"[dependency-groups]\nproject = [\n{listed}]\n")
    call(installed, pinned, "reprise", "lock", UV_FIND_LINKS=str(wheels))
    *_, block = yaml.safe_load((pinned / "conda.yaml").read_text())["dependencies"]
    assert PIN in block["pip"]
    assert "mlflow-skinny==3.17.2" in block["pip"], "which the engine needs"


def test_the_environment_gets_the_engine_by_its_pin(
    installed: Path, pinned: Path, wheels: Path, tmp_path: Path
) -> None:
    """By uv; the whole environment, since that is what a user builds."""
    envs = tmp_path / "envs"
    call(
        installed, pinned, "mlflow", "run", ".", "--env-manager", "uv",
        UV_FIND_LINKS=str(wheels), MLFLOW_ENV_ROOT=str(envs),
    )  # fmt: skip
    assert len(list(envs.glob("mlflow-*/lib/python3*/site-packages/reprise/__init__.py"))) == 1
    newest = runs(pinned)[0].data.tags
    assert (newest["mlflow.project.env"], newest[tag.ENGINE]) == ("uv", str(engine.this()))

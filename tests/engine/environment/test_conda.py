"""The manager conda, by a stand-in that knows other environments as the real one does: conda_stand_in.py."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import conda_stand_in
import pytest
from conftest import commit_all, git, run
from mlflow.utils.conda import _get_conda_env_name

from reprise.base.errors import JobFailed, WrongCall
from reprise.code.project_uri import ProjectUri
from reprise.environment import conda
from reprise.environment.built_environment import error_lines
from reprise.running.commit_run import run_at_commit
from reprise.running.run_request import RunRequest

MLPROJECT = """
name: foreign
conda_env: conda.yaml
entry_points:
  main:
    parameters: {out: string}
    command: "echo $CONDA_PREFIX > {out}; ls $CONDA_PREFIX >> {out}"
"""


@dataclass(frozen=True)
class Foreign:
    """A project with a conda.yaml, and where its runs write the environment that they ran in."""

    folder: Path
    home: Path
    out: Path

    def at_commit(self) -> Path:
        """Run it by the backend, and return its environment."""
        place = ProjectUri(str(self.folder), None, "")
        asked = RunRequest(place, parameters={"out": str(self.out)}, env_manager="conda")
        assert run_at_commit(asked).exit_code == 0
        return self.environment()

    def plain(self) -> Path:
        """Run it by plain `mlflow run`, which knows no lock, and return its environment."""
        known = {name: os.environ[name] for name in ("HOME", "CONDA_STAND_IN_BASE", "CONDA_EXE", "MLFLOW_TRACKING_URI")}
        known["CONDA_ENVS_PATH"] = ""  # which the backend has set in this process
        done = run("mlflow", "run", self.folder, "-P", f"out={self.out}", cwd=self.home, **known)
        assert done.returncode == 0, done.stderr
        return self.environment()

    def environment(self) -> Path:
        prefix, *content = self.out.read_text().splitlines()
        assert "whole" in content
        self.out.unlink()
        return Path(prefix)

    def builds(self) -> int:
        return len((self.home / "built").read_text().split())


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str) -> Path:
    """Conda's own folder, and a home without any environment."""
    folder, home = tmp_path / "conda", tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
    monkeypatch.setenv("CONDA_STAND_IN_BASE", str(folder))
    monkeypatch.setenv("CONDA_EXE", str(conda_stand_in.install(folder)))
    monkeypatch.setenv("CONDA_ENVS_PATH", "")  # taken back by the fixture
    return folder


@pytest.fixture
def foreign(base: Path, tmp_path: Path) -> Foreign:
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "MLproject").write_text(MLPROJECT)
    (folder / "conda.yaml").write_text("dependencies: [python=3.11]\n")
    commit_all(folder)
    return Foreign(folder, tmp_path / "home", tmp_path / "out")


@pytest.mark.integration
class TestBesidePlainRuns:
    """conda knows one environment of a name, wherever it is: the two must not have the same."""

    def test_both_ways_in_turn_keep_their_own(self, foreign: Foreign, tmp_path: Path) -> None:
        first = foreign.at_commit()
        plain = foreign.plain()
        assert first.parent == tmp_path / "envs/at-commit/conda"
        assert plain.parent == tmp_path / "conda/envs"
        assert (foreign.at_commit(), foreign.plain()) == (first, plain)
        assert foreign.builds() == 2

    def test_a_half_built_plain_one_is_not_taken(self, foreign: Foreign, base: Path) -> None:
        half = base / "envs" / _get_conda_env_name(foreign.folder / "conda.yaml")
        (half / "conda-meta").mkdir(parents=True)
        assert foreign.at_commit() != half
        assert list(half.iterdir()) == [half / "conda-meta"]

    def test_two_folders_for_environments_have_one_each(
        self, foreign: Foreign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = foreign.at_commit()
        monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "others"))
        second = foreign.at_commit()
        assert second.parent == tmp_path / "others/at-commit/conda"
        monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
        assert foreign.at_commit() == first
        assert foreign.builds() == 2

    def test_one_that_a_killed_build_left_is_built_anew(
        self, foreign: Foreign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CONDA_STAND_IN_KILLED", "yes")
        with pytest.raises(JobFailed, match=r"cannot be built: its builder was ended by SIGKILL; memory may be short$"):
            foreign.at_commit()
        monkeypatch.delenv("CONDA_STAND_IN_KILLED")
        assert (foreign.at_commit() / "whole").exists()

    def test_one_that_conda_builds_elsewhere_is_not_said_to_be_whole(self, foreign: Foreign, base: Path) -> None:
        program = base / "bin/conda"
        program.write_text(program.read_text().replace("${CONDA_ENVS_PATH:-}", ""))
        with pytest.raises(JobFailed, match=r"conda has built no environment at .*; look at envs_dirs"):
            foreign.at_commit()
        assert not list((foreign.home.parent / "envs/at-commit/conda").glob("*.whole"))


class TestFinding:
    def test_conda_behind_a_venv_on_the_path_is_activated_by_its_own_hook(
        self, foreign: Foreign, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "venv/bin").mkdir(parents=True)
        (tmp_path / "venv/bin/activate").write_text("export CONDA_PREFIX=/a/venv\n")
        monkeypatch.delenv("CONDA_EXE")
        monkeypatch.setenv("PATH", f"{tmp_path / 'venv/bin'}:{base / 'condabin'}:{os.environ['PATH']}")
        assert foreign.at_commit().parent == tmp_path / "envs/at-commit/conda"
        assert os.environ["CONDA_EXE"] == str(base / "bin/conda")

    def test_a_link_to_conda_from_elsewhere_is_followed(
        self, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("CONDA_EXE")
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/conda").symlink_to(base / "bin/conda")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        conda.find()
        assert os.environ["CONDA_EXE"] == str(base / "bin/conda")

    @pytest.mark.parametrize(
        ("variable", "value", "said"),
        [
            (
                "MLFLOW_CONDA_HOME",
                "/nowhere",
                r"MLFLOW_CONDA_HOME is /nowhere, .* no bin/conda .*; name conda's",
            ),
            ("CONDA_EXE", "/nowhere/bin/conda", r"CONDA_EXE is /nowhere/bin/conda, which is no conda .*; unset it"),
            ("PATH", "/nowhere", r"conda is not on the PATH; install it, set MLFLOW_CONDA_HOME, or give"),
        ],
    )
    @pytest.mark.usefixtures("base")
    def test_a_wrong_place_is_said_with_the_remedy(
        self, variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("CONDA_EXE")
        monkeypatch.setenv(variable, value)
        with pytest.raises(WrongCall, match=said):
            conda.find()

    def test_a_conda_without_its_hook_is_said(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CONDA_EXE")
        (base / "etc/profile.d/conda.sh").unlink()
        monkeypatch.setenv("PATH", str(base / "bin"))
        with pytest.raises(WrongCall, match=r"has no etc/profile\.d/conda\.sh beside it; set MLFLOW_CONDA_HOME"):
            conda.find()


HEAD = ["Non-zero exit code: 1", "Command: ['conda', 'env', 'create']", "STDERR:"]
NOT_THERE = "PackagesNotFoundInChannelsError: The following packages are not available from current channels:"
PIP = "ERROR: No matching distribution found for six==99.0"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([*HEAD, "Solving environment: failed", NOT_THERE, "  - six=99"], f"{NOT_THERE}   - six=99"),
        ([*HEAD, "LibMambaUnsatisfiableError: Encountered problems", "  - nothing"], "LibMambaUnsatisfiableError: "),
        ([*HEAD, "ResolvePackageNotFound: ", "  - six=99"], "ResolvePackageNotFound: "),
        ([*HEAD, "NoWritableEnvsDirError: No writeable envs directories configured."], "NoWritableEnvsDirError: No"),
        ([*HEAD, "CondaHTTPError: HTTP 000 CONNECTION FAILED for url <x>", "Elapsed: -"], "CondaHTTPError: HTTP 000"),
        ([*HEAD, "Pip subprocess error:", PIP, "failed", "CondaEnvException: Pip failed"], PIP),
        ([*HEAD, "python-build: definition not found: 3.11.99"], "python-build: definition not found: 3.11.99"),
        ([*HEAD, "  \N{MULTIPLICATION SIGN} No solution found:", "six"], "  \N{MULTIPLICATION SIGN} No solution"),
        (["Non-zero exit code: -9", "Command: x", "Solving"], "its builder was ended by SIGKILL; memory may be short"),
        (["Non-zero exit code: 137", "Command: x"], "its builder was ended by SIGKILL; memory may be short"),
        (["Non-zero exit code: -15", "Command: x"], "its builder was ended by SIGTERM"),
        ([*HEAD, "something else"], "something else"),
    ],
)  # fmt: skip
def test_the_line_that_tells_is_found(lines: Sequence[str], expected: str) -> None:
    assert error_lines(lines).startswith(expected)


def test_what_conda_leaves_when_killed_is_ignored(project: Path) -> None:
    (project / "condaenv.x1y2z3.requirements.txt").touch()
    assert git(project, "status", "--short") == ""

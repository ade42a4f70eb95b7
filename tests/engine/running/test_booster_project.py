"""A booster of another package: model.py, pyproject.toml and `reprise lock`, and nothing else, to a champion."""

import shutil
import subprocess
from pathlib import Path

import mlflow
import pytest
from conftest import commit_all, environment

from reprise.base import tag
from reprise.models import registry

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
]

EXACT = "SVC(C=resolved.C, **kernel) if"
BOOSTED = "LGBMClassifier(n_estimators=20, reg_lambda=1 / resolved.C, random_state=seed, verbose=-1) if"
LOCAL = ("--env-manager", "local")
UNPINNED = 'of lightgbm, which conda.yaml does not pin: it could not be loaded elsewhere; add "lightgbm>=4.'


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_lightgbm_becomes_a_champion_that_answers_with_its_own_pins_alone(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")

    def call(*command: str, code: int = 0) -> str:
        """Run a command of the tests' own environment, which stands for the project's, in the project."""
        done = subprocess.run(
            command, cwd=project, env=environment(MLFLOW_ENV_ROOT=str(tmp_path / "envs")), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    edit(project / "model.py", EXACT, BOOSTED)
    edit(project / "model.py", "from sklearn.kernel", "from lightgbm import LGBMClassifier\nfrom sklearn.kernel")
    assert UNPINNED in call("python", "train.py", code=1)

    edit(project / "pyproject.toml", "project = [", 'project = [\n    "lightgbm>=4.6,<5",')
    call("reprise", "lock")
    commit_all(project, "boost")
    call("python", "train.py")
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    trained = "tags.`reprise.job` = 'train' and attributes.status = 'FINISHED'"
    (run,) = mlflow.search_runs(search_all_experiments=True, filter_string=trained, output_format="list")
    call("python", "evaluate.py")
    call("reprise", "register", run.info.run_id)  # by uv, in an environment that is built for it
    assert "champion of reprise: version none -> 1" in call("reprise", "promote", "1")

    champion = registry.aliased("reprise", "champion")
    assert champion
    assert champion.tags[tag.MODEL_LOADS] == champion.tags[tag.MODEL_DIGEST]
    (place,) = (tmp_path / "envs/at-commit").glob("*.whole")
    installed = {path.name for path in place.with_suffix("").glob("lib/python3*/site-packages/*")}
    assert "lightgbm" in installed
    assert not {"matplotlib", "reprise"} & installed
    assert "reproduced: bit for bit" in call("reprise", "reproduce", "latest", *LOCAL, "--rerun-env-manager", "local")

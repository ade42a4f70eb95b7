"""A project of the template, with the engine by its pin: lock, runs, reproduction, its own tests, and an update."""

import shutil
import sys
from pathlib import Path

import mlflow
import pytest
from conftest import commit_all, git, run
from template_repository import make_project, template_repository

from reprise.base import engine, tag

pytestmark = [
    pytest.mark.integration,
    pytest.mark.real_python,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
]

UNUSUAL = {"title": 'Größe "x" \\ {{ y }}', "name": "groesse-2024", "description": 'It\'s "ours"'}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_repository(tmp_path_factory.mktemp("template") / "engine")


def test_its_environment_is_built_of_the_pin_and_its_runs_are_reproduced(template: Path, tmp_path: Path) -> None:
    folder = make_project(template, tmp_path / "größe 1", **UNUSUAL)
    git(folder, "init", "--quiet")
    commit_all(folder, "start")
    variables = {"MLFLOW_ENV_ROOT": str(tmp_path / "envs"), "REPRISE_CACHE": str(tmp_path / "cache")}

    def call(*command: str) -> str:
        done = run(*command, cwd=folder, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    call("reprise", "lock")
    assert git(folder, "status", "--porcelain") == "", "the template has written what lock writes"
    said = call("mlflow", "run", ".", "--env-manager", "uv")
    assert "accuracy  0.9737 on 38 held-out rows" in said
    call("mlflow", "run", ".", "-b", "commit", "--env-manager", "uv")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    found = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert len(found) == 2
    for one in found:
        record = mlflow.artifacts.load_dict(f"runs:/{one.info.run_id}/provenance/provenance.json")
        assert one.data.tags[tag.ENGINE] == str(engine.identify(template / "reprise", engine.this().version))
        assert (record["environment"]["mismatches"], record["environment"]["uncompared"]) == ([], [])
        assert record["git"]["commit"] == git(folder, "rev-parse", "HEAD")
    assert "reproduced: bit for bit" in call("reprise", "reproduce", "latest")
    call(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_an_update_moves_the_pin_and_keeps_what_the_user_wrote(template: Path, tmp_path: Path) -> None:
    import copier

    folder = make_project(template, tmp_path / "churn", ci="github")
    git(folder, "init", "--quiet")
    commit_all(folder, "start")
    before = git(template, "rev-parse", "HEAD")
    for name, old, new in (
        ("model.py", "C: Positive = 1.0", "C: Positive = 2.0"),
        ("README.md", "# Who cancels?", "# Who cancels, and why?"),
    ):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    (folder / "notes.md").write_text("mine\n")
    commit_all(folder, "make it ours")
    engine_file = template / "reprise/__init__.py"
    engine_file.write_text(f"{engine_file.read_text()}# newer\n")
    (template / "reprise/MANIFEST").write_text(engine.text(engine.hashes(template / "reprise")))
    policy = template / "policy.yaml"
    policy.write_text(policy.read_text().replace("rows: {min: 30}", "rows: {min: 40}"))
    model = template / "model.py"
    model.write_text(model.read_text().replace("COMPONENTS = 100", "COMPONENTS = 200"))
    commit_all(template, "a later version")
    after = git(template, "rev-parse", "HEAD")
    copier.run_update(folder, defaults=True, overwrite=True, quiet=True, vcs_ref="HEAD")
    for name in ("conda.yaml", "pyproject.toml", "launcher.txt", "tests/requirements.txt"):
        assert before not in (folder / name).read_text()
        assert after in (folder / name).read_text()
    assert (
        f"# engine sha256:{engine.identify(template / 'reprise', '').digest}\n" in (folder / "conda.yaml").read_text()
    )
    text = (folder / "model.py").read_text()
    assert "C: Positive = 2.0" in text
    assert "COMPONENTS = 200" in text
    assert (folder / "README.md").read_text().startswith("# Who cancels, and why?\n")
    assert "rows: {min: 40}" in (folder / "policy.yaml").read_text()
    assert (folder / "notes.md").read_text() == "mine\n"
    assert "<<<<<<<" not in git(folder, "diff")

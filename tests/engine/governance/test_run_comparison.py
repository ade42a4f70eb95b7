"""`reprise compare`: two runs, versions or aliases side by side."""

from pathlib import Path

import mlflow
import pytest
from conftest import commit_all, git
from mlflow import MlflowClient
from registered import done, refused

from reprise.base import project
from reprise.models import registry

pytestmark = pytest.mark.contract


def test_versions_aliases_and_runs(judged: MlflowClient) -> None:
    done("promote", "1")
    by_number = done("compare", "1", "3")
    run = str(registry.find("reprise", "1").run_id)
    for one in ("champion", "@champion", "models:/reprise/1", "models:/reprise@champion"):
        shown = done("compare", one, "3").splitlines()[1:]
        assert [line.split() for line in shown] == [line.split() for line in by_number.splitlines()[1:]]
    lines = [line.split() for line in done("compare", run, "3").splitlines()]
    assert ["parameter", "features", "all", "sepal"] in [line[:4] for line in lines]
    assert any(line[:2] == ["metric", "columns"] for line in lines)
    assert not any(line[:2] == ["parameter", "seed"] for line in lines), "what is equal is counted, not listed"
    assert "code: the same commit" in by_number


def test_code_is_compared_by_git(
    judged: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/model.py").write_text("one\n")
    first = commit_all(tmp_path / "code")
    (tmp_path / "code/model.py").write_text("two\n")
    second = commit_all(tmp_path / "code")
    assert git(tmp_path / "code", "status", "--porcelain") == ""
    for version, commit in (("1", first), ("3", second)):
        judged.set_tag(registry.find("reprise", version).run_id, "mlflow.source.git.commit", commit)
    monkeypatch.setattr(project, "FOLDER", tmp_path / "code")
    shown = done("compare", "1", "3")
    assert "model.py | 2 +-" in shown
    judged.set_tag(registry.find("reprise", "3").run_id, "mlflow.source.git.commit", "0" * 40)
    assert "this checkout does not hold both commits" in done("compare", "1", "3")


def test_what_does_not_exist_is_one_line(judged: MlflowClient) -> None:
    assert "has no version 'nobody'" in refused(2, "compare", "nobody", "1")
    assert "is no run, version or alias" in refused(2, "compare", "0" * 32, "1")
    assert "is no run, version or alias" in refused(2, "compare", "models:/reprise/9", "1")
    assert mlflow.active_run() is None

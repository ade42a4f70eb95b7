"""Paths and names from a store: inside, or refused."""

from pathlib import Path

import mlflow
import pytest
from mlflow.entities import LoggedModelOutput, Run, RunOutputs

from reprise.base import paths
from reprise.base.errors import WrongCall
from reprise.data import source
from reprise.proof.run_models import models_of
from reprise.store.recorded import Recorded

ODD_BUT_INSIDE = [
    "",
    ".",
    "a",
    "a/b",
    "a//b/",
    "./a",
    "a b",
    "a:b",
    "a%20b",
    "a\nb",
    "..a",
    "a..",
    "ä",
    ".github",
    "-x",
]


@pytest.mark.parametrize("text", ODD_BUT_INSIDE)
def test_a_path_inside_is_given_back(text: str, tmp_path: Path) -> None:
    assert paths.inside(tmp_path, text, "subdirectory") == tmp_path / text


@pytest.mark.parametrize(
    "text",
    [
        "..", "../x", "../../..", "a/../../x", "a/..", "/", "/tmp/x", "//host/x", "a\0b",
        "..\\x", "a\\..\\..\\x", "\\x", "C:\\x", "C:/x", "\\\\host\\x",
        ".git", ".git/hooks", "a/.git/config", ".GIT/hooks", ".git./x", "GIT~1/x", ".git::$INDEX/x", "a\\.git",
    ],
)  # fmt: skip
def test_a_path_that_leads_out_is_refused_by_name(text: str, tmp_path: Path) -> None:
    for check in (paths.relative, lambda path, what: paths.inside(tmp_path, path, what)):
        with pytest.raises(WrongCall, match=r"^subdirectory .* is refused"):
            check(text, "subdirectory")


def test_a_link_may_stay_inside_and_not_lead_out(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "real").mkdir(parents=True)
    (folder / "link").symlink_to("real")
    (folder / "out").symlink_to("../elsewhere")
    (tmp_path / "elsewhere").mkdir()
    assert paths.inside(folder, "link/x", "artifact") == folder / "link/x"
    for text in ("out", "out/x", "link/../out"):
        with pytest.raises(WrongCall):
            paths.inside(folder, text, "artifact")


@pytest.mark.parametrize("text", ["m-0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d", "0b3f", "iris.csv", "_x"])
def test_an_id_is_given_back(text: str) -> None:
    assert paths.name(text, "model id") == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "/tmp/x", "a/b", "a\\b", "a b", "-rf", ".git", "a\n", "ä", "a\0", "x" * 256]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(WrongCall, match=r"^model id .* is refused"):
        paths.name(text, "model id")


@pytest.mark.parametrize("inside", ["/etc/hostname", "../../table.csv", "a/../../table.csv"])
def test_a_recorded_file_of_the_project_stays_in_the_project(inside: str) -> None:
    with pytest.raises(WrongCall, match=r"^the record's file of the project .* is refused"):
        source.again({"in_project": inside, "uri": "table.csv"})


def test_a_link_of_one_s_own_checkout_may_lead_to_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/table.csv").write_text("a\n1\n")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/data").symlink_to("../shared")
    monkeypatch.setattr("reprise.data.source.project.FOLDER", tmp_path / "project")
    found = source.again({"in_project": "data/table.csv", "uri": "gone"})
    assert found == str(tmp_path / "project/data/table.csv")


@pytest.mark.parametrize("model_id", ["/tmp/x", "../../x", "a/b"])
def test_a_model_s_id_writes_nothing_elsewhere(model_id: str, store: str, tmp_path: Path) -> None:
    """As a hostile server gives it."""
    with mlflow.start_run() as run:
        pass
    outputs = RunOutputs([LoggedModelOutput(model_id, step=0)])
    hostile = Run(mlflow.get_run(run.info.run_id).info, run.data, run_outputs=outputs)
    (tmp_path / "artifacts").mkdir()
    folder = tmp_path / "models"
    (found,) = models_of(Recorded(hostile, tmp_path / "artifacts", {}), folder).values()
    assert found.folder is None
    assert "is refused" in found.gone
    assert not folder.exists()

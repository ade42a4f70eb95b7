"""`reprise retire`: which versions go, and what stays."""

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from registered import done, refused

from reprise.governance import retirement
from reprise.governance.retirement import Retirable
from reprise.models import registry

NOW = ("retire", "--days", "0", "--last", "0")


@pytest.fixture
def own_files(judged: MlflowClient, tmp_path: Path) -> MlflowClient:
    """Two more versions, whose files are this test's own."""
    for number in range(2):
        folder = tmp_path / f"model{number}"
        folder.mkdir()
        (folder / "MLmodel").write_text("flavors: {}\n")
        model = judged.create_logged_model("0", name="model")
        judged.log_model_artifacts(model.model_id, str(folder))
        judged.finalize_logged_model(model.model_id, "READY")
        judged.create_model_version("reprise", f"models:/{model.model_id}", model_id=model.model_id)
    return judged


def numbers() -> set[str]:
    return {version.number for version in registry.versions("reprise")}


def test_what_has_an_alias_is_young_or_among_the_last_stays(judged: MlflowClient) -> None:
    done("promote", "1")
    output = done(*NOW)
    assert [line.split()[1] for line in output.splitlines()[:-1]] == ["2", "3"]
    assert "2 versions of reprise may retire; nothing was changed" in output
    assert "version 2" in done("retire", "--days", "0", "--last", "1")
    assert "version 3" not in done("retire", "--days", "0", "--last", "1")
    assert done("retire", "--last", "0").startswith("0 versions")
    assert "is not in the range" in refused(2, "retire", "--days", "9" * 12)


def test_archiving_is_a_tag(judged: MlflowClient) -> None:
    assert "archived 3 versions" in done(*NOW, "--no-dry-run")
    assert "archived 0 versions" in done(*NOW, "--no-dry-run")
    assert all("reprise.archived" in version.tags for version in registry.versions("reprise"))


def test_deletion_takes_the_files_and_spares_what_the_history_names(own_files: MlflowClient) -> None:
    for version in ("1", "2", "3"):
        done("promote", version, "--force", "--reason", "each was champion once")
    assert "named in the history" in done(*NOW)
    assert "2 versions of reprise may be deleted; nothing was changed" in done(*NOW, "--delete")
    doomed = registry.find("reprise", "4").model_id
    place = Path(own_files.get_logged_model(doomed).artifact_location)
    assert place.exists()
    assert "deleted 2 versions" in done(*NOW, "--delete", "--no-dry-run")
    assert numbers() == {"1", "2", "3"}
    assert not place.exists()
    with pytest.raises(MlflowException):
        own_files.get_logged_model(doomed)


def test_files_that_another_version_is_made_of_stay(own_files: MlflowClient) -> None:
    model = registry.find("reprise", "4").model_id
    own_files.create_registered_model("other")
    own_files.create_model_version("other", f"models:/{model}", model_id=model)
    assert len(retirement.delete("reprise", [Retirable(registry.find("reprise", "4"), named=False)])) == 1
    assert Path(own_files.get_logged_model(model).artifact_location, "MLmodel").exists()

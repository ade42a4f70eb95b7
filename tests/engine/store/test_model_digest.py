"""The digest of a saved model."""

from pathlib import Path

import mlflow
import pytest
from conftest import Job

from reprise.base import tag
from reprise.store.saved_model import folder_digest

pytestmark = pytest.mark.contract


@pytest.fixture
def model(train: Job) -> tuple[str, Path]:
    """The digest that a training run recorded, and its model as it comes from the store."""
    run = mlflow.get_run(train().info.run_id)
    uri = f"models:/{run.outputs.model_outputs[0].model_id}"
    return run.data.tags[tag.MODEL_DIGEST], Path(mlflow.artifacts.download_artifacts(uri))


def test_the_recorded_digest_is_that_of_the_model_in_the_store(model: tuple[str, Path]) -> None:
    recorded, folder = model
    assert folder_digest(folder) == recorded


@pytest.mark.parametrize("name", ["model.skops", "MLmodel", "requirements.txt"])
def test_a_change_of_any_file_shows(model: tuple[str, Path], name: str) -> None:
    recorded, folder = model
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"sklearn", b"sklearm", 1) if name == "MLmodel" else content + b"#")
    assert folder_digest(folder) != recorded


def test_a_file_more_or_less_shows(model: tuple[str, Path]) -> None:
    recorded, folder = model
    (folder / "more").write_text("")
    assert folder_digest(folder) != recorded


def test_a_registered_name_does_not_count(model: tuple[str, Path], tmp_path: Path) -> None:
    recorded, _ = model
    run = mlflow.last_active_run()
    mlflow.register_model(f"models:/{run.outputs.model_outputs[0].model_id}", "flowers")
    (tmp_path / "download").mkdir()
    registered = mlflow.artifacts.download_artifacts("models:/flowers/1", dst_path=str(tmp_path / "download"))
    assert folder_digest(Path(registered)) == recorded

"""A model's content digest."""

from pathlib import Path

from reprise.digest import model_digest


def model(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_same_files_elsewhere_give_the_same_digest(tmp_path: Path) -> None:
    one = model(tmp_path / "one", a="1", b="2")
    (one / "data").mkdir()
    (one / "data/c").write_text("3")
    two = model(tmp_path / "two", b="2", a="1")
    (two / "data").mkdir()
    (two / "data/c").write_text("3")
    assert model_digest(one) == model_digest(two)


def test_content_names_and_borders_count(tmp_path: Path) -> None:
    variants = [{"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "1", "b": ""}, {"a": "", "b": "1"}]
    digests = {model_digest(model(tmp_path / str(number), **files)) for number, files in enumerate(variants)}
    assert len(digests) == len(variants)


def test_what_mlflow_writes_itself_does_not_count(tmp_path: Path) -> None:
    plain = model(tmp_path / "plain", a="1")
    stamped = model(tmp_path / "stamped", a="1", MLmodel="run_id: 1", registered_model_meta="model_name: x")
    assert model_digest(plain) == model_digest(stamped)

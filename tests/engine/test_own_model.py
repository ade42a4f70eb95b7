"""The page on a model of one's own, step by step: each block is written where it says, and each command is run."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from conftest import PROJECT, environment

from reprise.base import tag
from reprise.contract.mlproject import disagreements
from reprise.models import registry

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
]

PAGE = PROJECT / "docs" / "own_model.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(model\.py|search_space\.yaml|pyproject\.toml)`")
REFUSED = {"python train.py --learning-rate 2": 2, "python train.py": 1}
LOCAL = ("--env-manager", "local")


def blocks() -> Iterator[tuple[str, str, str]]:
    """Yield the language of each block, the file that is named last before it, and its text."""
    text = PAGE.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield found[1], FILE.findall(text[: found.start()])[-1], found[2]


def put_in(file: Path, language: str, block: str) -> None:
    """Write a whole file, the line of a list, or the lines of a diff."""
    text = file.read_text()
    if language == "diff":
        for removed, added in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", block, re.MULTILINE):
            old, new = ("".join(line[1:] + "\n" for line in part.splitlines()) for part in (removed, added))
            assert text.count(old) == 1, old
            text = text.replace(old, new)
    elif language == "toml":
        text = text.replace("\nproject = [\n    ", f"\nproject = [\n    {block.strip()}\n    ", 1)
    else:
        text = block
    file.write_text(text)


def test_the_page_goes_from_the_shipped_model_to_lightgbm(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    printed = {}

    def call(line: str) -> None:
        """Run a command in the tests' own environment, which stands for the project's."""
        newest = mlflow.search_runs(["0"], "tags.`reprise.job` = 'train'", output_format="list", max_results=1)
        words = [newest[0].info.run_id if word == "RUN_ID" else word for word in shlex.split(line)]
        if words[:2] == ["reprise", "reproduce"]:
            words += [*LOCAL, "--rerun-env-manager", "local"]
        built = environment(MLFLOW_ENV_ROOT=str(tmp_path / "envs"))
        done = subprocess.run(words, cwd=project, env=built, capture_output=True, text=True, check=False)
        assert done.returncode == REFUSED.get(line, 0), f"{line}\n{done.stdout}{done.stderr}"
        printed[line] = done.stdout + done.stderr

    last = ""
    for language, name, block in blocks():
        if language:
            put_in(project / name, language, block)
        elif block.startswith("Error"):
            assert re.search(re.escape(block.strip()).replace("…", ".*"), printed[last])
        else:
            for last in block.splitlines():
                call(last)
    assert disagreements(project) == []
    proofs = [text for line, text in printed.items() if line.startswith("reprise reproduce")]
    assert proofs
    assert all("reproduced: bit for bit" in text for text in proofs)
    assert "champion of reprise: version none -> 1" in printed["reprise promote 1"]
    champion = registry.aliased("reprise", "champion")
    assert champion
    assert champion.tags[tag.MODEL_LOADS] == champion.tags[tag.MODEL_DIGEST]
    (place,) = (tmp_path / "envs/at-commit").glob("*.whole")
    installed = {path.name for path in place.with_suffix("").glob("lib/python3*/site-packages/*")}
    assert "lightgbm" in installed
    assert not {"matplotlib", "reprise"} & installed

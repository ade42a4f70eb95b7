"""MLproject is compared with the scripts as they are written, and edited without harm to anything else in it."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from reprise.base import project
from reprise.base.errors import WrongCall
from reprise.cli.commands import cli
from reprise.contract import mlproject
from reprise.contract.mlproject import disagreements, synchronised, unread, write
from reprise.doctor import project_check

TRAIN = "from model import Hyperparameters\n\ndef train(hyperparameters: Hyperparameters, seed: int = 0):\n    pass\n"
HEAD = "from dataclasses import dataclass, field\nfrom typing import ClassVar\n"
MODEL = f"{HEAD}\n@dataclass\nclass Hyperparameters:\n    C: float = 2.0\n    D: int = 3\n"
COMMAND = "python train.py --seed={seed} --C={C}"
SEED = "seed: {type: int, default: 0}"
BLOCK = f"    parameters:\n      {SEED}\n      C: {{type: float, default: 1.0}}  # above 0\n"
LONG = """    parameters:
      seed:
        type: int
        default: 0
      # of the penalty
      C:
        type: float
        default: 1.0

"""
TAIL = "  other:\n    command: echo {x}\n    parameters:\n      x: string  # a word\n"


def folder_of(tmp_path: Path, entry: str, model: str = MODEL, train: str = TRAIN) -> Path:
    (tmp_path / "train.py").write_text(train)
    (tmp_path / "model.py").write_text(model)
    (tmp_path / "MLproject").write_bytes(f"name: x\nentry_points:\n  main:\n{entry}{TAIL}".encode())
    return tmp_path


def main_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["entry_points"]["main"]
    return found


COMMANDS = {
    "plain": f"    command: {COMMAND}\n",
    "double": f'    command: "{COMMAND}"\n',
    "single": f"    command: '{COMMAND}'  # quoted\n",
    "folded": "    command: >-\n      python train.py --seed={seed}\n      --C={C}\n",
    "literal": "    command: |\n      python train.py --seed={seed} \\\n        --C={C}\n      echo done\n",
    "chained": f"    command: {COMMAND} && echo done\n",
    "redirected": f"    command: {COMMAND} > log.txt 2>&1\n",
}


@pytest.mark.parametrize("first", ["parameters", "command"])
@pytest.mark.parametrize("form", [BLOCK, LONG], ids=["lines", "long"])
@pytest.mark.parametrize("style", COMMANDS)
def test_block_forms_get_a_parameter_and_a_default(style: str, form: str, first: str, tmp_path: Path) -> None:
    parts = [form, COMMANDS[style]]
    folder = folder_of(tmp_path, "".join(parts if first == "parameters" else reversed(parts)))
    before = (folder / "MLproject").read_text()
    text, mended = synchronised(folder)
    assert [one.parameter for one in mended] == ["C", "D"]
    main = main_of(text)
    assert main["parameters"] == {
        "seed": {"type": "int", "default": 0},
        "C": {"type": "float", "default": 2.0},
        "D": {"type": "int", "default": 3},
    }
    assert "--C={C} --D={D}" in main["command"]
    assert main["command"].replace(" --D={D}", "") == main_of(before)["command"]
    assert {line for line in before.split("\n") if "#" in line and "C" not in line} <= {*text.split("\n")}
    write(folder, text)
    assert (disagreements(folder), synchronised(folder)) == ([], (text, []))


@pytest.mark.parametrize("first", ["parameters", "command"])
@pytest.mark.parametrize("form", [BLOCK, LONG], ids=["lines", "long"])
@pytest.mark.parametrize("style", COMMANDS)
def test_block_forms_lose_what_the_script_does_not_take(style: str, form: str, first: str, tmp_path: Path) -> None:
    parts = [form, COMMANDS[style]]
    model = MODEL.replace("C: float = 2.0\n    D: int = 3", "E: int = 1")
    folder = folder_of(tmp_path, "".join(parts if first == "parameters" else reversed(parts)), model)
    text, mended = synchronised(folder)
    assert [one.parameter for one in mended] == ["E", "C"]
    assert [*main_of(text)["parameters"]] == ["seed", "E"]
    assert "{C}" not in main_of(text)["command"]
    assert text.endswith(TAIL)


def test_the_last_parameter_leaves_an_empty_mapping(tmp_path: Path) -> None:
    entry = "    parameters:\n      C: {type: float, default: 1}\n    command: python train.py --C={C}\n"
    folder = folder_of(tmp_path, entry, train="def train():\n    pass\n")
    assert main_of(synchronised(folder)[0]) == {"parameters": {}, "command": "python train.py"}


@pytest.mark.parametrize("given", ["", "    parameters: {}\n", "    parameters:\n", "    parameters: {}  # none yet\n"])
@pytest.mark.parametrize("before", [True, False])
def test_an_entry_point_without_parameters_gets_them(given: str, before: bool, tmp_path: Path) -> None:  # noqa: FBT001
    command = "    command: python train.py\n"
    folder = folder_of(tmp_path, given + command if before else command + given)
    main = main_of(synchronised(folder)[0])
    assert [*main["parameters"]] == ["C", "D", "seed"]
    assert main["command"] == "python train.py --C={C} --D={D} --seed={seed}"


REFUSED = {
    "flow parameters": f"    parameters: {{{SEED}, C: {{type: float, default: 1.0}}}}\n    command: {COMMAND}\n",
    "flow entry": f'    {{command: "{COMMAND}"}}\n',
    "substitution": BLOCK + "    command: python train.py --seed={seed} --C={C} --at=$(date)\n",
    "alias": f"    parameters:\n      {SEED}\n      C: &c {{type: float, default: 2.0}}\n    command: &cmd {COMMAND}\n"
    "  again:\n    parameters:\n      seed: *c\n    command: *cmd\n",
}


@pytest.mark.parametrize("form", REFUSED)
def test_other_forms_are_left_and_the_lines_are_named(form: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, REFUSED[form])
    with pytest.raises(WrongCall, match=r"in a way that reprise sync does not edit.*D: \{type: int, default: 3\}"):
        synchronised(folder)


def test_merge_keys_count(tmp_path: Path) -> None:
    common = "    parameters:\n      <<: &common {seed: {type: int, default: 0}, C: {type: float, default: 2.0}}\n"
    folder = folder_of(tmp_path, f"{common}    command: {COMMAND}\n")
    assert [one.problem for one in disagreements(folder)] == ["main lacks D, which the script takes"]


def test_a_shared_mapping_is_not_changed_for_others(tmp_path: Path) -> None:
    shared = f"    parameters: &p\n      {SEED}\n      C: {{type: float, default: 2.0}}\n    command: {COMMAND}\n"
    folder = folder_of(tmp_path, f"{shared}  third:\n    parameters: *p\n    command: echo {{seed}}\n")
    with pytest.raises(WrongCall, match="does not edit"):
        synchronised(folder)


@pytest.mark.parametrize("default", [r"C:\data", 'a "b"', "a: b # c", "{x}", "yes", "", "1", "é", "a\nb"])
def test_any_text_is_a_default(default: str, tmp_path: Path) -> None:
    model = MODEL.replace("D: int = 3", f"D: str = {default!r}").replace("2.0", "1.0")
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"], model)
    text, _ = synchronised(folder)
    assert main_of(text)["parameters"]["D"] == {"type": "string", "default": default}
    write(folder, text.replace("default: 0", "default: 7"))
    (tmp_path / "train.py").write_text(TRAIN.replace("int = 0", f"str = {default!r}"))
    assert main_of(synchronised(folder)[0])["parameters"]["seed"] == {"type": "string", "default": default}


def problems(folder: Path) -> list[str]:
    return [one.problem for one in disagreements(folder)]


BASE = (
    f"{HEAD}\n@dataclass\nclass Base:\n    C: float = 1.0\n    E: ClassVar[int] = 1\n    F: int = field(init=False)\n"
)


def test_inherited_fields_count(tmp_path: Path) -> None:
    model = f"{BASE}\n@dataclass\nclass Hyperparameters(Base):\n    D: int = 3\n"
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"], model)
    assert problems(folder) == ["main lacks D, which the script takes"]


@pytest.mark.parametrize(
    "model",
    [
        f"from far import Base\n{HEAD}\n@dataclass\nclass Hyperparameters(Base):\n    pass\n",
        "class Hyperparameters:\n    pass\n",
        "Hyperparameters = make()\n",
        "from far import *\n",
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_false(model: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"], model)
    assert disagreements(folder) == []
    assert len(unread(folder)) == 1
    assert [one.level for one in project_check.examine_parameters(folder)] == ["note"]


@pytest.mark.parametrize(
    ("header", "annotation"),
    [
        ("import model\n", "model.Hyperparameters"),
        ("import model as m\n", "'m.Hyperparameters'"),
        ("from pkg.deep import X\n", "X"),
        ("from pkg import X\n", "X"),
        ("import pkg.deep\n", "pkg.deep.X"),
    ],
)
def test_a_class_is_found_however_it_is_imported(header: str, annotation: str, tmp_path: Path) -> None:
    train = f"{header}def train(hyperparameters: {annotation}, seed: int = 0):\n    pass\n"
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"], train=train)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").write_text("from .deep import X\n")
    (tmp_path / "pkg/deep.py").write_text(MODEL.replace("Hyperparameters", "X"))
    assert problems(folder)[1:] == ["main lacks D, which the script takes"]


def test_a_plain_type_from_a_file_beside_turns_no_check_off(tmp_path: Path) -> None:
    train = "from kinds import Positive\ndef train(alpha: Positive = 1.0, seed: int = 0):\n    pass\n"
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"], train=train)
    (tmp_path / "kinds.py").write_text("from typing import Annotated\nPositive = Annotated[float, 'gt 0']\n")
    assert problems(folder) == [
        "main lacks alpha, which the script takes",
        "main gives C, which the script does not take: mlflow run fails",
    ]


def test_an_annotation_of_another_package_is_passed_over(tmp_path: Path) -> None:
    train = "from far import Many\ndef train(many: Many, beta: int = 2, seed: int = 0):\n    pass\n"
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"], train=train)
    assert problems(folder) == ["main lacks beta, which the script takes"]


def test_a_constant_is_read_and_what_is_computed_is_left_to_a_person(tmp_path: Path, monkeypatch: Any) -> None:
    model = MODEL.replace("@dataclass", "BEST = 2.5\n\n@dataclass").replace("2.0", "BEST").replace("3", "len('abc')")
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"], model)
    text, mended = synchronised(folder)
    assert [one.parameter for one in mended] == ["C"]
    assert main_of(text)["parameters"]["C"]["default"] == 2.5
    assert "D:" not in text
    monkeypatch.setattr(project, "FOLDER", folder)
    done = invoke("sync")
    assert done.exit_code == 1
    assert "write into its parameters   D: {type: int, default: …}" in done.output
    assert (folder / "MLproject").read_text() == text


@pytest.mark.parametrize(
    "required", ["float", "{type: float}", "\n        type: float", "{type: float, default: null}"]
)
def test_a_required_parameter_is_meant(required: str, tmp_path: Path) -> None:
    entry = f"    parameters:\n      {SEED}\n      C: {required}\n      D: {{type: int, default: 3}}\n"
    assert problems(folder_of(tmp_path, f"{entry}    command: {COMMAND} --D={{D}}\n")) == []


def invoke(*arguments: str) -> Any:
    from click.testing import CliRunner

    return CliRunner().invoke(cli, arguments)


def test_what_is_not_utf_8_is_said_in_a_line(tmp_path: Path, monkeypatch: Any) -> None:
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"])
    monkeypatch.setattr(project, "FOLDER", folder)
    (folder / "MLproject").write_bytes(b"name: caf\xe9\n")
    assert mlproject.notes(str(folder / "train.py")) == [
        "MLproject is not compared with train.py: MLproject is not UTF-8 at byte 9"
    ]
    for arguments in (["sync"], ["sync", "--check"]):
        done = invoke(*arguments)
        assert done.exit_code == 2
        assert done.output.rstrip().endswith("MLproject is not UTF-8 at byte 9"), done.output
    assert [one.level for one in project_check.examine_parameters(folder)] == ["warn"]


def test_line_ends_byte_order_mark_link_and_mode_stay(tmp_path: Path, monkeypatch: Any) -> None:
    folder = folder_of(tmp_path, BLOCK + COMMANDS["literal"])
    content = b"\xef\xbb\xbf" + (folder / "MLproject").read_bytes().replace(b"\n", b"\r\n")
    (folder / "MLproject").unlink()
    (folder / "real").write_bytes(content)
    (folder / "real").chmod(0o640)
    (folder / "MLproject").symlink_to("real")
    monkeypatch.setattr(project, "FOLDER", folder)
    assert invoke("sync").exit_code == 0
    new = (folder / "real").read_bytes()
    assert (folder / "MLproject").is_symlink()
    assert (folder / "real").stat().st_mode & 0o777 == 0o640
    assert new.startswith(b"\xef\xbb\xbfname")
    assert new.count(b"\r\n") == new.count(b"\n") == content.count(b"\n") + 1
    assert sorted(os.listdir(folder)) == ["MLproject", "model.py", "real", "train.py"]  # noqa: PTH208  names alone
    assert disagreements(folder) == []


def test_the_options_of_a_second_program_are_its_own(tmp_path: Path) -> None:
    entry = f"    parameters:\n      {SEED}\n      C: {{type: float, default: 2.0}}\n      m: string\n"
    command = f"    command: {COMMAND} --D=3 && python -m judge --m={{m}}\n"
    assert problems(folder_of(tmp_path, entry + command)) == []


def test_a_computed_default_that_mlproject_has_stays(tmp_path: Path) -> None:
    entry = BLOCK + "      D: {type: int, default: 9}\n" + COMMANDS["plain"]
    folder = folder_of(tmp_path, entry, MODEL.replace("int = 3", "int = len('abc')"))
    main = main_of(synchronised(folder)[0])
    assert main["parameters"]["D"] == {"type": "int", "default": 9}
    assert main["command"].endswith("--D={D}")


def test_notes_are_of_the_script_that_runs(tmp_path: Path, monkeypatch: Any) -> None:
    folder = folder_of(tmp_path, BLOCK + COMMANDS["plain"])
    monkeypatch.setattr(project, "FOLDER", folder)
    assert len(mlproject.notes(str(folder / "train.py"))) == 2
    assert mlproject.notes(str(folder / "evaluate.py")) == []

"""The environment lock, and what is really installed."""

import hashlib
import platform
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from reprise.base.errors import WrongCall
from reprise.base.project import LOCK_FILE
from reprise.environment.pins import (
    Lock,
    describe_machine,
    installed_versions,
    mismatches,
    parse_lock,
    pinned,
    read_lock,
)


def test_the_lock_is_the_hash_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "conda.yaml"
    path.write_text("dependencies:\n  - python=3.11\n  - pip\n  - pip:\n      - Foo_Bar==1.0\n")
    lock = read_lock(path)
    assert lock.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert lock.python == "3.11"
    assert str(lock.pins["foo-bar"]) == "Foo_Bar==1.0"


GARBAGE = ["", "[", "- a", "dependencies: 5", "dependencies: [python=3.11]", "dependencies: [{pip: [a==1]}]"]
GARBAGE += [f"dependencies: [python=3.11, {{pip: {pins}}}]" for pins in ("", "a==1", "[==1]", "[5]", "[[]]")]


@pytest.mark.parametrize("text", GARBAGE)
def test_another_text_is_no_lock(text: str) -> None:
    with pytest.raises(WrongCall, match=r"^conda\.yaml is no environment lock \(.*\): .*; restore it$"):
        parse_lock(text.encode())


def test_the_tests_run_in_the_locked_environment() -> None:
    lock = read_lock()
    packages = [line for line in mismatches(lock, installed_versions()) if not line.startswith("python ")]
    assert packages == []


def test_differences_are_named() -> None:
    pins = {"a": Requirement("a==1.0"), "b": Requirement("b==2.0"), "c": Requirement("c==1.0; sys_platform=='none'")}
    lock = Lock("0" * 64, platform.python_version(), pins)
    assert mismatches(lock, {"a": "1.1"}) == ["a 1.1, locked ==1.0", "b is not installed, locked ==2.0"]
    assert mismatches(lock, {"a": "1.0", "b": "2.0", "z": "9"}) == []
    assert mismatches(Lock("0" * 64, "2.7", {}), {})[0].startswith("python ")


def test_a_pin_brings_what_it_needs() -> None:
    lock = read_lock()
    names = {Requirement(line).name for line in pinned(["scikit-learn"], lock)}
    assert {"scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl"} <= names
    assert "mlflow-skinny" not in names


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert machine["python_version"] == platform.python_version()
    assert machine["blas"][0]["num_threads"] >= 1


def test_conda_yaml_is_where_mlproject_says() -> None:
    assert LOCK_FILE.name == "conda.yaml"

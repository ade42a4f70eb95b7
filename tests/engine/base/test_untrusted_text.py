"""YAML and JSON of files and stores that would break their reader: nested without end, huge numbers, odd values."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from reprise.base import process, untrusted_text
from reprise.base.errors import JobFailed, WrongCall
from reprise.code.project_uri import ProjectUri
from reprise.contract.value_type import ValueType
from reprise.environment import built_environment
from reprise.governance.policy import read_policy
from reprise.kubernetes import template
from reprise.kubernetes.api_server import ApiServer, Unreachable, parsed
from reprise.kubernetes.settings import KubernetesSettings
from reprise.models import verified_model
from reprise.proof import model_files, run_models
from reprise.running.backend_settings import read_settings
from reprise.running.entry_point_run import load
from reprise.running.run_request import RunRequest, Workspace
from reprise.search.search_space import read_search_space
from reprise.store import recorded, saved_model

DEEP = 100_000
BOMB = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))])
YAML = {
    "deep list": "[" * DEEP,
    "deep mapping": "{a: " * DEEP,
    "deep closed": "[" * DEEP + "]" * DEEP,
    "many digits": f"a: {'9' * 5_000}",
    "many hexadecimal digits": f"a: 0x{'f' * 5_000}",
    "no date": "a: 2026-99-99",
    "no truth": "a: !!bool maybe",
    "no time": "a: !!timestamp later",
    "no number": "a: !!int x",
    "an object": "a: !!python/object/apply:os.system [id]",
    "a key that is none": "? [a]\n: 1",
    "a time of many parts": f"a: {'1:' * 200}1.5",
    "an empty number": "a: !!int ''",
    "itself": "&a [*a]",
    "bomb": BOMB,
}
JSON = {
    "deep": "[" * DEEP,
    "deep closed": "[" * DEEP + "]" * DEEP,
    "deep, yet parsed": '{"a":' * 500 + "1" + "}" * 500,
    "many digits": f'{{"a": {"9" * 5_000}}}',
    "nothing": "",
}


def by_name(cases: dict[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in cases.items()])


@by_name(YAML)
def test_yaml_is_a_value_or_a_yaml_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        untrusted_text.load_yaml(text)


def test_aliases_as_mlflow_writes_them_are_read() -> None:
    assert untrusted_text.load_yaml("a: &x {b: 1}\nc: *x") == {"a": {"b": 1}, "c": {"b": 1}}
    assert untrusted_text.load_yaml("") is None


@by_name(JSON)
def test_json_is_a_value_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|integer string|Expecting value"):
        untrusted_text.parse_json(text)


@by_name(YAML)
def test_a_file_of_a_person_is_one_short_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    for read in (template.read, read_policy, lambda place: read_search_space(place, {"a": ValueType(float)})):
        with pytest.raises(WrongCall) as raised:
            read(path)
        message = raised.value.format_message()
        assert "\n" not in message
        assert len(message) < 700


@pytest.mark.parametrize("rule", ["rows: {min: 0xVALUE}", "rows: {min: VALUE}", "slices: {a: 0xVALUE}", "? [a]\n: 1"])
def test_a_bound_that_nobody_could_be_shown_is_one_line(rule: str, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(rule.replace("VALUE", "9" * 5_000))
    with pytest.raises(WrongCall, match=r"policy\.yaml, line 1: ") as raised:
        read_policy(tmp_path / "policy.yaml")
    assert len(raised.value.format_message()) < 300


@by_name(YAML)
def test_a_project_of_anybody_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(
        f"{text}\nname: x\nconda_env: conda.yaml\nentry_points: {{main: {{command: a}}}}"
    )
    place, workspace = ProjectUri(str(tmp_path)), Workspace(tmp_path, "that project", tmp_path)
    with pytest.raises(WrongCall, match="that project: "):
        load(RunRequest(place, "train"), workspace)
    (tmp_path / "MLproject").write_text("name: x\nconda_env: conda.yaml\nentry_points: {main: {command: a}}")
    (tmp_path / "conda.yaml").write_text(text)
    loaded = load(RunRequest(place), workspace)
    with suppress(JobFailed):
        built_environment._python_env(loaded)  # noqa: SLF001


@pytest.mark.parametrize(
    "content", [*(text.encode() for text in YAML.values()), b"\xff\xfe", b"[]", b"", b"1: a\nb: c"]
)
def test_a_model_of_a_store_is_read_or_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_bytes(content)
    assert len(saved_model.folder_digest(tmp_path)) == 64
    assert str(verified_model.code_in(tmp_path)).startswith("its MLmodel cannot be read")
    assert run_models.needs_of({"model": tmp_path}) == {}
    assert model_files._content(tmp_path / "MLmodel") is not None  # noqa: SLF001


@by_name(JSON)
def test_a_record_of_a_store_that_cannot_be_read_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text(text)
    assert recorded._provenance(tmp_path / "provenance.json") is None  # noqa: SLF001
    assert process.read(text) is None
    with pytest.raises(Unreachable, match="answers as no cluster does"):
        parsed(ApiServer("context", "here", "https://127.0.0.1:9", None, None), text.encode())


def test_a_process_that_no_system_has_is_none() -> None:
    fields = {**vars(process.this_process()), "pid": 2**40}
    assert process.read(json.dumps(fields)) is None


@pytest.mark.parametrize("value", ["1e999", "NaN", "9" * 400, "-1", str(10**9)])
def test_a_number_of_the_configuration_is_one_that_can_be(value: str) -> None:
    for name in ("start-timeout", "workers"):
        number = json.loads(value)
        with pytest.raises(WrongCall, match=f"backend config {name} is ") as raised:
            read_settings(KubernetesSettings, {"kube-job-template-path": "x", name: number})
        assert len(raised.value.format_message()) < 200

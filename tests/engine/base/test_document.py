"""A file of a person's against a type: the first fault in it is named by line, key, value and what is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from reprise.base import validated
from reprise.base.document import read
from reprise.base.errors import WrongCall


@dataclass(frozen=True)
class Port:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    number: Annotated[int, Field(strict=True, gt=0)]
    open: Annotated[bool, Field(strict=True)] = False


def _odd(value: dict[str, int]) -> dict[str, int]:
    for name, number in value.items():
        if number % 2 == 0:
            raise validated.fault(name, f"{number} is even; take an odd one")
    return value


class Host(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(alias="host-name")
    ports: list[Port] = []
    wait: Annotated[float, Field(le=10)] | None = None
    parts: dict[str, Port] = Field(default_factory=dict)
    odd: Annotated[dict[str, int], AfterValidator(_odd)] = Field(default_factory=dict)
    size: Annotated[int, Field(gt=5)] | list[int] = 6


Message = Callable[[str], str]


@pytest.fixture
def message(tmp_path: Path) -> Message:
    def said(text: str) -> str:
        (tmp_path / "host.yaml").write_text(text)
        with pytest.raises(WrongCall) as raised:
            read(tmp_path / "host.yaml", "host.yaml", "the host").check(TypeAdapter(Host))
        return raised.value.message

    return said


FAULTS = {
    "host-name: a\nwait: 11\n": "host.yaml, line 2: wait: 11 should be less than or equal to 10",
    "wait: 1\n": "host.yaml, line 1: host-name: is missing",
    "host-name: 7\n": "host.yaml, line 1: host-name: 7 is not text; quote it",
    "host-name: off\n": "host.yaml, line 1: host-name: 'off', read as False, is not text; quote it",
    "host-name: a\nwait: 1999-12-31\n": (
        "host.yaml, line 2: wait: '1999-12-31', read as datetime.date(1999, 12, 31), should be a valid number; "
        "quote it if it is text"
    ),
    "name: a\n": "host.yaml, line 1: name: unknown; known here: host-name, ports, wait, parts, odd, size",
    "host-name: a\nports:\n- number: 1\n- number: 0\n": (
        "host.yaml, line 4: ports.number: 0 should be greater than 0"
    ),
    "host-name: a\nports:\n- number: 1\n  nummer: 1\n": (
        "host.yaml, line 4: ports.nummer: unknown; known here: number, open"
    ),
    "host-name: a\nparts:\n  x: {number: 1, oben: yes}\n": (
        "host.yaml, line 3: parts.x.oben: unknown; known here: number, open"
    ),
    "host-name: a\nports: [3]\n": "host.yaml, line 2: ports: `name: value` pairs are wanted, not 3",
    "host-name: a\nports: [{number: 1, open: 1}]\n": "host.yaml, line 2: ports.open: 1 is neither true nor false",
    "host-name: a\nodd:\n  a: 1\n  b: 2\n": "host.yaml, line 4: odd.b: 2 is even; take an odd one",
    "host-name: a\nsize: 1\n": "host.yaml, line 2: size: 1 should be greater than 5, or a valid list",
    "ports: [{number: 0}]\nwait: 11\nhost: a\n": "host.yaml, line 1: ports.number: 0 should be greater than 0",
    "a: 1\nb: 2\na: 3\n": "host.yaml, line 3: a: stands here twice; leave one of them out",
    "? [a]\n: 1\n": "host.yaml, line 1: a name is wanted, not a list or mapping",
    f"host-name: [{'1, ' * 99}]\n": (
        f"host.yaml, line 1: host-name: [{'1, ' * 19}1,… is not text; quote it"
    ),
    "a: &a [*a]\n": "host.yaml: not YAML: its aliases expand to too many values",
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_the_first_fault_in_a_file_is_named(text: str, message: Message) -> None:
    assert message(text) == FAULTS[text]


def test_what_to_do_stands_apart(tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("host-name: 7\n")
    with pytest.raises(WrongCall) as raised:
        read(tmp_path / "host.yaml", "host.yaml", "the host").check(TypeAdapter(Host))
    assert (raised.value.problem, raised.value.remedy) == ("host.yaml, line 1: host-name: 7 is not text", "quote it")


def test_values_of_the_type_are_returned(tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("host-name: a\nports: [{number: 3, open: yes}]\nwait: null\n")
    host = read(tmp_path / "host.yaml", "host.yaml", "the host").check(TypeAdapter(Host))
    assert (host.name, host.ports, host.wait) == ("a", [Port(3, open=True)], None)


def test_no_value_is_refused_where_none_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("host-name: a\nwait:\n")
    with pytest.raises(WrongCall, match=r"host\.yaml, line 2: wait: has no value; give one, or take it out"):
        read(tmp_path / "host.yaml", "host.yaml", "the host").check(TypeAdapter(Host), nulls=False)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"host-name": "a", "wait": 11}, "config: wait: 11 should be less than or equal to 10"),
        ({"host-name": "a", "ports": [{"number": 0}]}, "config: ports.0.number: 0 should be greater than 0"),
        ({"name": "a"}, "config: name: unknown; known here: host-name, ports, wait, parts, odd, size"),
        ({}, "config: host-name: is missing"),
        ({"host-name": "a", "x": 1}, "config: x: unknown; known here: host-name, ports, wait, parts, odd, size"),
        ([], "config: `name: value` pairs are wanted, not []"),
    ],
)
def test_values_without_lines_are_named_by_their_key(value: Any, said: str) -> None:
    with pytest.raises(WrongCall) as raised:
        validated.check(value, TypeAdapter(Host), "config")
    assert raised.value.message == said

"""A project's function as a command, and what its parameters must be."""

from dataclasses import dataclass, make_dataclass
from typing import Any

import cloudpickle
import numpy as np
import pytest
from click.testing import CliRunner

from reprise import Seed
from reprise.base.errors import WrongCall
from reprise.contract.command import command, current
from reprise.contract.parameter import call, fields, parameters


@dataclass(frozen=True)
class Depth:
    """Of a tree."""

    max_depth: int | None = None
    """Levels at most."""

    bagged: bool = True
    """Whether samples are drawn."""


def job(depth: Depth, data: str = "iris", seed: Seed = 0) -> None:
    """Do it.

    Args:
        data: A table.

    Example: python job.py
    """
    print(depth, data, seed, current().parameters)


def test_a_dataclass_is_an_option_a_field() -> None:
    done = CliRunner().invoke(command(job), ["--max_depth=3", "--bagged=no", "--seed", "7"])
    values = "{'max_depth': 3, 'bagged': False, 'data': 'iris', 'seed': 7}"
    assert done.output == f"Depth(max_depth=3, bagged=False) iris 7 {values}\n"


def test_help_says_what_each_is() -> None:
    shown = CliRunner().invoke(command(job), ["--help"]).output
    for text in (
        "Do it.",
        "Levels at most.",
        "[default: (none)]",
        "A table.",
        "[default: (yes)]",
        "Example: python job.py",
    ):
        assert text in shown, text
    assert "Args" not in shown


def test_nothing_is_left_on_the_way() -> None:
    """Each field reaches the dataclass, whoever calls."""
    seen: list[Any] = []

    def keep(depth: Depth, data: str = "iris") -> None:
        seen.append((depth, data))

    call(keep, {"max_depth": 7, "data": "wine"})
    assert seen == [(Depth(7), "wine")]


def _untyped(data) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001


def _twice(depth: Depth, bagged: bool = False) -> None: ...  # noqa: FBT001, FBT002


@dataclass
class _Needy:
    C: float


@dataclass
class _Wrong:
    C: float = -1
    kind: Seed = -1


@dataclass
class _Odd:
    kernel: np.ndarray | None = None


class Plain:
    C: float = 1.0


def _odd(odd: _Odd) -> None: ...


def _plain(plain: Plain) -> None: ...


def _needy(needy: _Needy) -> None: ...


def _wrong(wrong: _Wrong) -> None: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (_untyped, "parameter data has no type"),
        (_twice, "takes bagged twice; rename the hyper-parameter"),
        (_odd, r"_Odd: kernel: numpy.ndarray \| None is no type of an option; use numbers, str"),
        (_plain, "_plain: plain: Plain is no type of an option"),
        (_needy, "_Needy.C has no default"),
        (_wrong, "the default of kind is not of its own type: -1 should be greater than or equal to 0"),
    ],
)
def test_what_cannot_be_an_option_is_one_line(function: Any, said: str) -> None:
    with pytest.raises(WrongCall, match=said):
        parameters(function)


def test_a_class_that_has_been_to_a_cluster_and_back_has_its_defaults() -> None:
    """Cloudpickle brings another MISSING, also into the class itself where that is in the same process."""
    there = cloudpickle.loads(cloudpickle.dumps(make_dataclass("Kept", [("C", float, 2.0), ("depth", int, 3)])))
    assert {one.name: one.default for one in fields(there)} == {"C": 2.0, "depth": 3}
    cloudpickle.loads(cloudpickle.dumps(Shipped := make_dataclass("Shipped", [("C", float, 2.0)])))
    assert [one.default for one in fields(Shipped)] == [2.0]

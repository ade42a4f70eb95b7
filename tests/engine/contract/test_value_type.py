"""Values of parameters: text as one types it, values as YAML reads them, and what is said of the others."""

from typing import Annotated, Any, Literal

import click
import pytest
from pydantic import Field

from reprise.contract.value_type import ValueType
from reprise.proof.record_agreement import same_option

POSITIVE = Annotated[float, Field(gt=0)]
WHOLE = Annotated[int, Field(ge=1)]

TAKEN: list[tuple[Any, Any, Any]] = [
    (POSITIVE, "1e-3", 0.001),
    (POSITIVE, 3, 3.0),
    (POSITIVE | Literal["scale"], "scale", "scale"),
    (POSITIVE | Literal["scale"], "0.5", 0.5),
    (WHOLE, "3.0", 3),
    (WHOLE, "1e3", 1000),
    (WHOLE, 3.0, 3),
    (WHOLE | None, "none", None),
    (WHOLE | None, "None", None),
    (WHOLE | None, "2", 2),
    (str | None, "none", None),
    (str, "none", "none"),
    (str, "1", "1"),
    (int | float, "1.0", 1.0),
    (int | float, "1", 1),
    (Literal["1", "2"], "1", "1"),
    (bool, "yes", True),
    (bool, "no", False),
    (bool, "False", False),
    (bool, True, True),
    (Literal[1, 2], "2", 2),
    (tuple[int, ...], "[100, 50]", (100, 50)),
]
REFUSED: list[tuple[Any, Any, str]] = [
    (POSITIVE, "abc", "'abc' should be a valid number"),
    (POSITIVE, "", "'' should be a valid number"),
    (POSITIVE, "0", "'0' should be greater than 0"),
    (POSITIVE, "nan", "'nan' should be a finite number"),
    (POSITIVE, "-inf", "'-inf' should be a finite number"),
    (POSITIVE, True, "True should be a valid number"),
    (POSITIVE, "none", "'none' should be a valid number"),
    (POSITIVE | Literal["scale"], "x", "'x' should be a valid number, or 'scale'"),
    (WHOLE, "2.5", "'2.5' should be a valid integer"),
    (WHOLE, "0", "'0' should be greater than or equal to 1"),
    (WHOLE, f"1{'0' * 5000}", "should be"),
    (bool, "maybe", "'maybe' should be a valid boolean"),
    (Literal["a", "b"], "c", "'c' should be 'a' or 'b'"),
    (tuple[int, ...], "[1, x]", "should be a valid"),
]


@pytest.mark.parametrize(("annotation", "value", "expected"), TAKEN)
def test_what_is_taken(annotation: Any, value: Any, expected: Any) -> None:
    found = ValueType(annotation).convert(value, None, None)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("annotation", "value", "said"), REFUSED)
def test_what_is_refused_is_one_line(annotation: Any, value: Any, said: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        ValueType(annotation).convert(value, None, None)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (POSITIVE | Literal["scale"], "number|scale"),
        (Literal["a", "b"], "a|b"),
        (bool, "yes|no"),
        (WHOLE | None, "whole number|none"),
    ],
)
def test_help_names_the_kind(annotation: Any, name: str) -> None:
    assert ValueType(annotation).name == name


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("none", "None", True),
        ("no", "False", True),
        ("yes", "no", False),
        ("[100, 50]", "[100,50]", True),
        ("5.0", "5", True),
        ("rbf", "RBF", False),
        ("1", "2", False),
    ],
)
def test_two_spellings_of_one_value_agree(one: str, other: str, alike: bool) -> None:  # noqa: FBT001
    """A command line may have another one than what was recorded."""
    assert same_option(one, other) is alike

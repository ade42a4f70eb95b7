"""Each table of a kind that goes wrong elsewhere comes to what is right for it."""

import pytest
from table_cases import CASES, RIGHT, outcome


@pytest.mark.parametrize("name", RIGHT)
def test_a_case_comes_to_what_is_right(name: str) -> None:
    right, is_right = RIGHT[name]
    found = outcome(CASES / name)
    assert is_right(found), f"wanted: {right}; came out: {found}"


def test_every_table_is_tried() -> None:
    assert set(RIGHT) == {path.relative_to(CASES).as_posix() for path in CASES.glob("*/*.csv")}

"""A list that is cut for a message says how many entries it leaves out."""

import pytest
from conftest import PROJECT

from reprise.base.display_text import few, listed

NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("limit", "said"), [(1, "a; and 3 more"), (3, "a; b; c; and 1 more"), (4, "a; b; c; d"), (9, "a; b; c; d")]
)
def test_the_first_entries_and_how_many_more(limit: int, said: str) -> None:
    assert "; ".join(few(NAMES, limit)) == said
    assert few(iter(NAMES), limit) == few(NAMES, limit)


def test_where_all_of_them_are() -> None:
    assert few(NAMES, 2, "verdict.json") == ["a", "b", "and 2 more (all in verdict.json)"]
    assert few(NAMES, 4, "verdict.json") == [*NAMES]


@pytest.mark.parametrize(("limit", "said"), [(1, "a and 3 more"), (3, "a, b, c and 1 more"), (4, "a, b, c, d")])
def test_a_line_of_names(limit: int, said: str) -> None:
    assert listed(NAMES, limit) == said


def test_numbers_are_names_too_and_nothing_is_nothing() -> None:
    assert listed([3, 5], 1) == "3 and 1 more"
    assert listed([], 1) == ""
    assert few([], 1) == []


def test_no_other_module_counts_what_it_leaves_out() -> None:
    modules = (PROJECT / "reprise").rglob("*.py")
    counting = {path.name for path in modules if "} more" in path.read_text()}
    assert counting == {"display_text.py", "leaf_comparison.py", "reproduction.py"}  # the latter two say of what

"""A search gives what is on all of its pages, and asks for none that nobody reads."""

from collections.abc import Callable
from typing import Any

import mlflow
import pytest

from reprise.store.paging import every, pages

RUNS = 5


@pytest.fixture
def search(store: object) -> Callable[..., Any]:
    """Return the search of a real store with some runs, and count its calls in `asked`."""
    client = mlflow.MlflowClient()
    for number in range(RUNS):
        client.create_run("0", tags={"number": str(number)}, start_time=number + 1)  # 0 would be now

    def counted(*which: Any, **options: Any) -> object:
        counted.asked.append(options)  # type: ignore[attr-defined]
        return client.search_runs(*which, **options)

    counted.asked = []  # type: ignore[attr-defined]
    return counted


@pytest.mark.parametrize("size", [1, 2, RUNS - 1, RUNS, RUNS + 1, None])
def test_every_entry_is_found_once_in_order(search: Callable[..., Any], size: int | None) -> None:
    found = list(every(search, ["0"], order_by=["attributes.start_time ASC"], size=size))
    assert [run.data.tags["number"] for run in found] == [str(number) for number in range(RUNS)]


def test_a_page_is_asked_for_as_it_is_needed(search: Any) -> None:
    found = every(search, ["0"], size=2)
    assert search.asked == []
    next(found)
    next(found)
    assert len(search.asked) == 1
    next(found)
    assert [options["max_results"] for options in search.asked] == [2, 2]


def test_what_is_not_there_is_one_empty_page(search: Any) -> None:
    assert list(every(search, ["0"], "tags.number = 'none'")) == []
    assert [list(page) for page in pages(search, ["0"], "tags.number = 'none'")] == [[]]


def test_pages_come_one_by_one(search: Any) -> None:
    assert [len(page) for page in pages(search, ["0"], size=2)] == [2, 2, 1]

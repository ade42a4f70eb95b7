"""Read all pages of a search of MLflow's client."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import mlflow
from mlflow.entities import Run

from reprise.base import tag

PAGE = 1000
"""Entries of a page, where all pages are wanted."""


def every(search: Callable[..., Any], *which: Any, size: int | None = None, **options: Any) -> Iterator[Any]:
    """Read the results of a search. The next page is requested when the last one is used up.

    Args:
        search: a method of mlflow.MlflowClient, such as search_runs.
        which: what it is asked for.
        size: entries of a page, few where the first ones may do; None for `PAGE`.
        options: of the search.
    """
    return chain.from_iterable(pages(search, *which, size=size, **options))


def runs_under(parent: Run, also: str = "", **options: Any) -> Iterator[Run]:
    """Read the child runs of a run.

    Args:
        parent: the run.
        also: a further condition, in the language of mlflow.search_runs.
        options: of the search.
    """
    wanted = f"tags.`{tag.PARENT}` = '{parent.info.run_id}'" + (f" and {also}" if also else "")
    return every(mlflow.MlflowClient().search_runs, [parent.info.experiment_id], wanted, **options)


def pages(search: Callable[..., Any], *which: Any, size: int | None = None, **options: Any) -> Iterator[Any]:
    """Read what a search finds, a page at a time, as `every`."""
    token = None
    while True:
        page = search(*which, max_results=size or PAGE, page_token=token, **options)
        yield page
        token = page.token
        if not token:
            return

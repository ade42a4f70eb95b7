"""Variables that are changed for a while come back as they were, whoever else changes them meanwhile."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import permutations
from threading import Barrier

import pytest

from reprise.base.environment_variables import changed_variables

NAME = "REPRISE_TEST_OF_VARIABLES"


@pytest.fixture(params=[None, "before", ""])
def before(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """Return what the variable holds, and look after the test that it holds it again."""
    if request.param is None:
        monkeypatch.delenv(NAME, raising=False)
    else:
        monkeypatch.setenv(NAME, request.param)
    yield request.param
    assert os.environ.get(NAME) == request.param


@pytest.mark.usefixtures("before")
def test_a_block_may_lie_in_another() -> None:
    with changed_variables({NAME: "outer"}):
        with changed_variables({NAME: None}):
            assert NAME not in os.environ
            with changed_variables({NAME: "inner"}):
                assert os.environ[NAME] == "inner"
            assert NAME not in os.environ
        assert os.environ[NAME] == "outer"


@pytest.mark.usefixtures("before")
def test_a_block_that_fails_leaves_nothing() -> None:
    with pytest.raises(KeyError), changed_variables({NAME: "1"}):
        raise KeyError


@pytest.mark.usefixtures("before")
def test_a_value_that_cannot_be_set_leaves_nothing() -> None:
    with pytest.raises(ValueError, match="null"), changed_variables({NAME: "1", "REPRISE_TEST": "a\0b"}):
        pass


@pytest.mark.usefixtures("before")
def test_what_somebody_writes_within_a_block_goes_with_it() -> None:
    with changed_variables({NAME: "1"}):
        os.environ.pop(NAME)
    with changed_variables({NAME: "1"}):
        os.environ[NAME] = "2"


@pytest.mark.parametrize("order", permutations(range(3)))
def test_blocks_may_end_in_any_order(before: str | None, order: tuple[int, ...]) -> None:
    """As those of threads do; the one that began last and is not over decides."""
    blocks = []
    for number in range(3):
        block = ExitStack()
        block.enter_context(changed_variables({NAME: str(number)}))
        blocks.append(block)
    open_ones = set(range(3))
    for number in order:
        assert os.environ[NAME] == str(max(open_ones))
        blocks[number].close()
        open_ones.remove(number)
    assert os.environ.get(NAME) == before


@pytest.mark.usefixtures("before")
def test_no_thread_waits_for_the_end_of_another_s_block() -> None:
    """Both are in their blocks at once, or the barrier breaks."""
    together = Barrier(2)

    @contextmanager
    def met(name: str) -> Iterator[None]:
        with changed_variables({name: "1"}):
            together.wait(10)
            yield

    def work(name: str) -> str:
        with met(name), changed_variables({NAME: name}):
            return os.environ[name] and name

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(work, [NAME, f"{NAME}_2"])) == [NAME, f"{NAME}_2"]
    assert f"{NAME}_2" not in os.environ


@pytest.mark.usefixtures("before")
def test_many_threads_leave_nothing() -> None:
    def work(number: int) -> None:
        for _ in range(200):
            with changed_variables({NAME: str(number)}):
                assert NAME in os.environ

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))

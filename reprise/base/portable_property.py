"""A cached property of a class that is sent to other processes as code."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

Value = TypeVar("Value")


class portable_property(cached_property[Value]):  # noqa: N801  it is used as a decorator
    """`functools.cached_property` that cloudpickle can send by value: that of Python 3.11 holds a lock."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again: its function, and the name under which the value is kept."""
        return _made, (self.func, self.attrname)


def _made(function: Callable[[Any], Value], name: str) -> portable_property[Value]:
    made = portable_property(function)
    made.attrname = name
    return made

"""Run a function of a project as a command, whose options follow from the parameters of the function."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import click

from reprise.base import entry_point
from reprise.base.display_text import as_option, as_text
from reprise.contract.parameter import Parameter, call, parameters


@dataclass(frozen=True)
class Call:
    """The script and the parameters of a job.

    Attributes:
        parameters: name -> value, as click has read it.
        command: the script and its arguments.
        tags: of its run, where another job calls it.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = field(default_factory=lambda: tuple(sys.argv))
    tags: Mapping[str, str] = field(default_factory=dict)


_call: ContextVar[Call | None] = ContextVar("call", default=None)


def current() -> Call:
    """Return how the job that runs was called; without parameters where it is a plain call of Python's."""
    return _call.get() or Call()


def main(function: Callable[..., Any]) -> NoReturn:
    """Run a function as a script, with its parameters from the command line, and end as an entry point does.

    Args:
        function: each parameter has a type, and becomes an option; a dataclass becomes an option a field. The first
            line of the docstring stands in `--help`.

    Raises:
        SystemExit: always: 0 done, 1 failed or refused, 2 a wrong call, 130 interrupted.
    """
    entry_point.main(lambda: command(function))


def command(function: Callable[..., Any]) -> click.Command:
    """Make the command of a function.

    Raises:
        WrongCall: its parameters cannot be options.
    """
    known = parameters(function)

    def run(**values: Any) -> None:
        ordered = {one.name: values[one.name] for one in known}  # click has those first that were given
        with called(Call(ordered)):
            call(function, ordered)

    text, _, example = inspect.cleandoc(function.__doc__ or "").partition("\n\nExample: ")
    text = text.partition("\n\nArgs:")[0]
    return click.Command(
        function.__name__,
        callback=run,
        params=[_option(one) for one in known],
        help=text,
        epilog=f"Example: {example}" if example else None,
        context_settings={"token_normalize_func": _as_spelled},
    )


@contextmanager
def called(how: Call) -> Iterator[None]:
    """Set the result of `current` within the block."""
    token = _call.set(how)
    try:
        yield
    finally:
        _call.reset(token)


def started_as(script: Path, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Write the command that calls a script with some values."""
    return (str(script), *(f"{as_option(name)}={as_text(value)}" for name, value in values.items()))


def _option(one: Parameter) -> click.Option:
    required = one.default is MISSING
    worded = as_text(one.default) != str(one.default)
    known = {} if required else {"default": one.default, "show_default": as_text(one.default) if worded else True}
    name = one.type.name
    return click.Option(
        [as_option(one.name), one.name],
        type=one.type,
        help=one.help or None,
        required=required,
        metavar=name if "|" in name else name.upper(),
        **known,
    )


def _as_spelled(token: str) -> str:
    """Convert `--test_size` to `--test-size`. MLflow passes undeclared parameters with underscores."""
    return token.replace("_", "-")

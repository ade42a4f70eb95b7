"""Print progress, notes and results for a person at the terminal.

All output is printed here. It may contain text of a store, a table or a repository, so each line is made printable
(`reprise.base.display_text`). A value can neither add a line nor control the terminal.
"""

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from reprise.base.display_text import printable


def accept_every_letter() -> None:
    r"""Print letters that the encoding of the streams lacks as escapes, such as `\u2264`.

    A stream of cp1252 or ASCII would raise an error instead, in MLflow's own lines too, after all of a job is done.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Show on a terminal that a step runs and how long it took; say nothing in a pipe."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield
        return
    click.echo(f"  {printable(name)} …", nl=False, err=True)
    begin = time.perf_counter()
    try:
        yield
    except BaseException:
        click.echo(err=True)
        raise
    click.echo(f"\r  {printable(name)}: {time.perf_counter() - begin:.1f} s", err=True)


@contextmanager
def progress(name: str, parts: int) -> Iterator[Callable[[str], None]]:
    """Show on a terminal how far a step is that has many parts, and when it may end; say nothing in a pipe.

    Args:
        name: of the step.
        parts: how many there are.

    Yields:
        What to call as each part ends, with a few words on how things stand.
    """
    if not (sys.stderr and sys.stderr.isatty()):
        yield lambda _: None
        return
    with click.progressbar(
        length=parts, label=f"  {printable(name)}", show_pos=True, item_show_func=lambda text: text, file=sys.stderr
    ) as bar:
        yield lambda text: bar.update(1, printable(text))


def say(*lines: str, err: bool = False) -> None:
    """Print lines; without any, an empty one."""
    for line in lines or ("",):
        click.echo(printable(line), err=err)


def coloured(text: str) -> None:
    """Print lines that are plain already, but for colours of our own."""
    click.echo(text)


def note(text: str) -> None:
    """Print a line that a person should know, apart from the result."""
    say(f"note: {text}", err=True)


def summary(lines: Mapping[str, str]) -> None:
    """Print the results of a job, one line for each label and text."""
    say()
    for label, line in zip(map(printable, lines), columns(lines.items()), strict=True):
        click.echo(click.style(label, bold=True) + line.removeprefix(label))


def labelled(lines: Mapping[str, str | None]) -> list[str]:
    """Put labels and texts side by side, a line each; what has no text is left out."""
    return columns((label, text) for label, text in lines.items() if text)


def columns(rows: Iterable[Sequence[object]], least: int = 0) -> list[str]:
    """Put cells into columns, a line a row; each cell stays in its place, whatever it holds.

    Args:
        rows: of equally many cells.
        least: the characters that the first column has at least, where it is to look like that of another table.
    """
    table = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths[:1] = [max(least, width) for width in widths[:1]]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]

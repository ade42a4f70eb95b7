"""What a person at the terminal reads: progress while a job runs, notes, and a few lines at its end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def step(name: str) -> Iterator[None]:
    """Show on a terminal that a step runs and how long it took; say nothing in a pipe."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield
        return
    click.echo(f"  {name} …", nl=False, err=True)
    begin = time.perf_counter()
    try:
        yield
    except BaseException:
        click.echo(err=True)
        raise
    click.echo(f"\r  {name}: {time.perf_counter() - begin:.1f} s", err=True)


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
        length=parts, label=f"  {name}", show_pos=True, item_show_func=lambda text: text, file=sys.stderr
    ) as bar:
        yield lambda text: bar.update(1, text)


def note(text: str) -> None:
    """Print a line that a person should know, apart from the result."""
    click.echo(f"note: {text}", err=True)


def summary(lines: dict[str, str]) -> None:
    """Print the end of a job: a label and a text a line."""
    width = max(map(len, lines))
    click.echo()
    for label, text in lines.items():
        click.echo(f"{click.style(label.ljust(width), bold=True)}  {text}")

"""What a person at the terminal reads: progress while a job runs, notes, and a few lines at its end."""

import sys
import time
from collections.abc import Iterator
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


def note(text: str) -> None:
    """Print a line that a person should know, apart from the result."""
    click.echo(f"note: {text}", err=True)


def summary(lines: dict[str, str]) -> None:
    """Print the end of a job: a label and a text a line."""
    width = max(map(len, lines))
    click.echo()
    for label, text in lines.items():
        click.echo(f"{click.style(label.ljust(width), bold=True)}  {text}")

"""Types of parameters that click does not bring: numbers that are above zero, and gamma."""

import math
from typing import Any

import click


class PositiveNumber(click.ParamType[float | str]):
    """A finite number above zero; words that stand for a value may be allowed as well."""

    name = "number"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """Check a value; anything else than the allowed is a wrong call."""
        if value in self.words:
            return str(value)
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            also = f"{', '.join(self.words)} or " if self.words else ""
            self.fail(f"{value!r} is not {also}a number above 0.", param, ctx)
        return number


class Share(click.ParamType[float]):
    """A number between zero and one, both excluded."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Check a value; anything else is a wrong call."""
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not 0 < number < 1:
            self.fail(f"{value!r} is not a number between 0 and 1, such as 0.25.", param, ctx)
        return number

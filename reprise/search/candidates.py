"""The candidates of a search and their numbers of rows: grid, random sample and successive halving."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log
from typing import Any, Literal

from sklearn.model_selection import ParameterGrid, ParameterSampler

from reprise.base.display_text import as_text
from reprise.base.errors import WrongCall
from reprise.contract.value_type import ValueType
from reprise.search.search_space import SearchSpace

Method = Literal["grid", "random", "halving"]

FACTOR = 3
"""Of the candidates of a rung one in so many goes on, with so many times the rows; scikit-learn's default."""


@dataclass(frozen=True)
class Candidate:
    """A setting of hyper-parameters.

    Attributes:
        number: its place among the candidates of a search, from 0.
        hyperparameters: name -> value.
    """

    number: int
    hyperparameters: Mapping[str, Any]

    def __str__(self) -> str:
        """Name the values, as on a command line."""
        return " ".join(f"{name}={as_text(value)}" for name, value in self.hyperparameters.items())


def make_candidates(
    space: SearchSpace, method: Method, trials: int, seed: int, hyperparameters: Mapping[str, ValueType]
) -> list[Candidate]:
    """Return the candidates of a search. The same arguments give the same list.

    Args:
        space: what is varied.
        method: `grid` tries all combinations; `random` and `halving` draw `trials` of them, without repeating where the
            space is finite.
        trials: how many at most.
        seed: of the draw.
        hyperparameters: their types, which turn drawn numbers into values that the model takes.

    Raises:
        WrongCall: a grid that is infinite, or larger than `trials`.
    """
    size = None if space.distributions else len(ParameterGrid(list(space.parts)))
    if method == "grid":
        if size is None:
            message = (
                f"search=grid over {', '.join(space.distributions)}, drawn from a distribution, never ends; "
                "list values there, or search=random"
            )
            raise WrongCall(message)
        if size > trials:
            message = f"the grid has {size} combinations, more than trials={trials}"
            raise WrongCall(message, remedy="raise trials, or search=random")
        drawn: Sequence[Any] | Iterator[Any] = ParameterGrid(list(space.parts))
    else:
        drawn = ParameterSampler(list(space.parts), min(trials, size or trials), random_state=seed)
    return [Candidate(number, _converted(values, hyperparameters)) for number, values in enumerate(drawn)]


def rungs(method: Method, candidates: int, rows: int, folds: int, classes: int) -> list[tuple[int, int]]:
    """Return how many candidates are tried on how many rows, rung by rung; all on all rows but for halving.

    Halving follows HalvingGridSearchCV and HalvingRandomSearchCV with `min_resources="exhaust"`: the first rung is as
    large as lets the last one have nearly all rows (Karnin, Koren and Somekh, ICML 2013).

    Raises:
        WrongCall: there are fewer rows than a rung of halving needs at least.
    """
    if method != "halving":
        return [(candidates, rows)]
    smallest = 2 * folds * classes
    if smallest > rows:
        message = f"search=halving needs {smallest} rows for {folds} folds of {classes} classes; there are {rows}"
        raise WrongCall(message)
    required = 1 + floor(log(candidates, FACTOR))
    first = max(smallest, rows // FACTOR ** (required - 1))
    possible = 1 + floor(log(rows // first, FACTOR))
    schedule = []
    for power in range(min(required, possible)):
        schedule.append((candidates, min(FACTOR**power * first, rows)))
        candidates = ceil(candidates / FACTOR)
    return schedule


def _converted(values: Mapping[str, Any], hyperparameters: Mapping[str, ValueType]) -> dict[str, Any]:
    return {name: hyperparameters[name].convert(_plain(value), None, None) for name, value in sorted(values.items())}


def _plain(value: Any) -> Any:
    """Turn numpy's numbers into Python's, which print and are stored as they are."""
    return value.item() if hasattr(value, "item") else value

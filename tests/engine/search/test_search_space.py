"""The search space: read strictly, and what it comes to in candidates."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import pytest
from conftest import PROJECT
from pydantic import Field
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, ParameterGrid, ParameterSampler
from sklearn.tree import DecisionTreeClassifier

from reprise.base.errors import WrongCall
from reprise.contract.value_type import ValueType
from reprise.search.candidates import make_candidates, rungs
from reprise.search.search_space import SearchSpace, read_search_space

KNOWN = {
    "C": ValueType(Annotated[float, Field(gt=0)]),
    "kernel": ValueType(Literal["linear", "poly", "rbf", "sigmoid"]),
    "gamma": ValueType(Annotated[float, Field(gt=0)] | Literal["scale", "auto"]),
    "solver": ValueType(Literal["exact", "approximate", "auto"]),
}
"""Hyper-parameters of a model as the shipped one has them; its own are not the subject here."""


@pytest.fixture
def space(tmp_path: Path) -> Callable[[str], SearchSpace]:
    def read(text: str) -> SearchSpace:
        (tmp_path / "space.yaml").write_text(text)
        return read_search_space(tmp_path / "space.yaml", KNOWN)

    return read


Read = Callable[[str], SearchSpace]

WRONG = {
    "": "is empty",
    "[]": "is empty",
    "C": "line 1: `name: value` pairs are wanted, not 'C'",
    "C: [1": "space.yaml, line 1: not YAML",
    "[" * 5_000: "space.yaml: nested too deeply to be read",
    "C: \x1b": "space.yaml: not YAML: unacceptable character #x001b",
    "C: 2020-13-45": "line 1: C: '2020-13-45' is no value",
    "C: 2020-01-01": "line 1: C: '2020-01-01', read as datetime.date(2020, 1, 1), should be a valid number",
    "C: !!python/object:os.system x": "line 1: C: 'x' is no value",
    f"C: 1{'0' * 400}": "should be a valid number",
    f"C: 1{'0' * 5_000}": f"line 1: C: '1{'0' * 58}… is no value",
    f"C: {{distribution: uniform, loc: 1, scale: 1{'0' * 400}}}": "is no finite number",
    f"C: {{distribution: randint, low: 1, high: 1{'0' * 30}}}": "C: no value can be drawn from randint with these",
    "{}": "names no hyper-parameter",
    "kernel: rbf\ndepth: [1, 2]": "line 2: depth: unknown; known here: C, kernel, gamma, solver",
    "C: []": "line 1: C: lists no value",
    "kernel: rbf\nC: [1, -1]": "line 2: C: -1 should be greater than 0",
    "kernel: [rbf, cubic]": "line 1: kernel: 'cubic' should be 'linear', 'poly', 'rbf' or 'sigmoid'",
    "- C: 1\n- kernel: rbf\n  C:\n  - 1\n  - 0": "line 5: C: 0 should be greater than 0",
    "- C: 1\n- depth: 1": "line 2: depth: unknown; known here: C, kernel, gamma, solver",
    "gamma: -1": "line 1: gamma: -1 should be greater than 0, or 'scale' or 'auto'",
    "C: [1, 1.0]": "line 1: C: lists 1.0 twice",
    "C: 1\nC: 2": "line 2: C: stands here twice",
    "C: [yes]": "line 1: C: 'yes', read as True, should be a valid number; quote it if it is text",
    "C: [[1]]": "line 1: C: holds a list or a mapping where one value belongs",
    "C: {a: 1}": "line 1: C: lacks the key distribution",
    "C: {distribution: lognormal}": "'lognormal' is no distribution of scipy.stats",
    "C: {distribution: loguniform}": "line 1: C: loguniform without a and b has no bounds",
    "C: {distribution: loguniform, a: 1}": "line 1: C: loguniform without b has no bounds",
    "C: {distribution: uniform}": "line 1: C: uniform without loc and scale has no bounds",
    "C: {distribution: loguniform, a: 10, b: 1}": "there is no loguniform with these arguments",
    "C: {distribution: loguniform, a: 1, b: ten}": "line 1: C.b: 'ten' is no finite number",
    "C: {distribution: loguniform, a: 1, b: .inf}": "line 1: C.b: inf is no finite number",
    "C:\n  distribution: loguniform\n  low: 1": "line 3: C.low: is no argument of loguniform; it has a, b, loc, scale",
    "C: {distribution: norm, loc: 1}": "C: norm without bounds gives values that cannot be: -5.0 should",
    "C: {distribution: uniform, loc: -1, scale: 5}": "C: uniform so bounded gives values that cannot be: -1.0 should",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_by_line_and_key(text: str, space: Read) -> None:
    with pytest.raises(WrongCall) as caught:
        space(text)
    assert WRONG[text] in caught.value.message
    assert "\n" not in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongCall, match=r"nothing\.yaml cannot be read: No such file"):
        read_search_space(tmp_path / "nothing.yaml", KNOWN)


def test_values_have_the_types_of_the_parameters(space: Read) -> None:
    read = space("C: [1e-3, 1, 0.5]\nkernel: linear\ngamma: [scale, 1]")
    assert read.parts == ({"C": [0.001, 1.0, 0.5], "kernel": ["linear"], "gamma": ["scale", 1.0]},)


def test_the_project_own_space_can_be_read() -> None:
    assert read_search_space(PROJECT / "search_space.yaml", KNOWN).distributions == ["C", "gamma"]


def test_comments_do_not_count_but_order_does(space: Read) -> None:
    first = space("C: [1, 2]").sha256
    assert space("C:\n  - 1  # one\n  - 2").sha256 == first
    assert space("C: [2, 1]").sha256 != first


def test_grid_and_random_are_those_of_scikit_learn(space: Read) -> None:
    listed = space("- {kernel: linear, C: [1, 10]}\n- {kernel: rbf, C: [1, 10], gamma: [0.1, 0.2]}")
    grid = make_candidates(listed, "grid", 6, 0, KNOWN)
    assert [candidate.hyperparameters for candidate in grid] == list(ParameterGrid(list(listed.parts)))
    assert [candidate.number for candidate in grid] == list(range(6))
    drawn = space("C: {distribution: loguniform, a: 0.1, b: 10}\nkernel: [rbf, linear]")
    random = make_candidates(drawn, "random", 20, 7, KNOWN)
    assert [candidate.hyperparameters for candidate in random] == list(
        ParameterSampler(list(drawn.parts), 20, random_state=7)
    )
    assert make_candidates(drawn, "random", 20, 8, KNOWN) != random


def test_a_small_space_is_not_drawn_from_twice(space: Read) -> None:
    drawn = make_candidates(space("C: [1, 2, 3]"), "random", 100, 0, KNOWN)
    assert sorted(candidate.hyperparameters["C"] for candidate in drawn) == [1, 2, 3]


def test_a_grid_that_is_infinite_or_too_large_is_refused(space: Read) -> None:
    with pytest.raises(WrongCall, match="over C, drawn from a distribution, never ends"):
        make_candidates(space("C: {distribution: loguniform, a: 1, b: 2}"), "grid", 10, 0, KNOWN)
    with pytest.raises(WrongCall, match="the grid has 4 combinations, more than trials=3"):
        make_candidates(space("C: [1, 2]\nkernel: [rbf, linear]"), "grid", 3, 0, KNOWN)


@pytest.mark.parametrize(("candidates", "rows"), [(1, 112), (20, 112), (50, 1347), (200, 30)])
def test_halving_has_the_schedule_of_scikit_learn(candidates: int, rows: int) -> None:
    X, y = [[number] for number in range(rows)], [number % 3 for number in range(rows)]
    theirs = HalvingRandomSearchCV(
        DecisionTreeClassifier(), {"random_state": range(1000)}, n_candidates=candidates, min_resources=30, cv=5,
        factor=3, random_state=0,
    )  # fmt: skip
    theirs.min_resources = "exhaust"
    theirs.fit(X, y)
    ours = rungs("halving", candidates, rows, 5, 3)
    assert ours == list(zip(theirs.n_candidates_, theirs.n_resources_, strict=True))


def test_halving_of_too_few_rows_is_refused() -> None:
    with pytest.raises(WrongCall, match="search=halving needs 30 rows for 5 folds of 3 classes; there are 20"):
        rungs("halving", 10, 20, 5, 3)

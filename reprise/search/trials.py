"""A trial: one candidate, fitted and scored on every fold of the training rows."""

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import resample

from reprise.base.errors import one_line
from reprise.base.task import CLASSIFICATION, Task
from reprise.contract.parameters import NO_DECISION, DecisionOptions
from reprise.contract.project_model import ProjectModel, fitted, weighted
from reprise.data.dataset import Dataset
from reprise.data.split_column import SplitColumn
from reprise.search.candidates import Candidate
from reprise.search.decision_folds import NO_FOLDS, DecisionFolds, decided, within_folds
from reprise.search.folds import Fold, check_classes, make_folds
from reprise.search.scorer import find
from reprise.search.trial_engine import SearchEngine


@dataclass(frozen=True)
class Trial:
    """The result of a candidate.

    Attributes:
        candidate: what was tried.
        rung: of successive halving, from 0; 0 for other searches.
        rows: rows that all folds together had.
        scores: of each fold, by scikit-learn's scorer: more is better. Empty where another run has the trial.
        mean: of the scores; NaN where the trial failed.
        std: of the scores, as numpy has it (divided by their number); NaN where the trial failed.
        fit_seconds: the mean over the folds; NaN where none was fitted.
        begin: of the first fold, in milliseconds since 1970.
        end: of the last fold.
        failure: why the trial failed, in one line; None where it did not.
        warning: the first warning of the fit or the scorer, in one line.
        run_id: its run, where it has one already.
    """

    candidate: Candidate
    rung: int
    rows: int
    scores: tuple[float, ...]
    mean: float
    std: float
    fit_seconds: float
    begin: int
    end: int
    failure: str | None = None
    warning: str | None = None
    run_id: str | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Rung and candidate's number: what tells it from the search's other trials."""
        return self.rung, self.candidate.number


@dataclass(frozen=True)
class Rung:
    """Rows that candidates are tried on.

    Attributes:
        number: from 0.
        rows: rows that all folds together have.
        folds: shared by all candidates.
        within: the folds within the rows that each of them learns from, by which a classifier is calibrated.
    """

    number: int
    rows: int
    folds: tuple[Fold, ...]
    within: tuple[DecisionFolds, ...]

    @property
    def arrays(self) -> list[np.ndarray]:
        """The folds' arrays, one by one."""
        return [array for fold in self.folds for array in fold]


@dataclass(frozen=True)
class _Outcome:
    score: float
    fit_seconds: float
    begin: float
    end: float
    failure: str | None
    warning: str | None


def make_rung(
    training: Dataset,
    number: int,
    rows: int,
    folds: int,
    seed: int,
    by: SplitColumn | None = None,
    decision: DecisionOptions = NO_DECISION,
) -> Rung:
    """Make folds, and take a share of each where not all rows are to be used; of classes each in proportion.

    Raises:
        WrongCall: there are too few rows for the folds, or within one of them for what the decision needs.
    """
    made = make_folds(training.y, folds, seed, by, training.task)
    if rows < len(training.y):
        classes, share = training.y.to_numpy() if training.task == CLASSIFICATION else None, rows / len(training.y)
        made = [(_some(a, classes, share, seed), _some(b, classes, share, seed)) for a, b in made]
        if training.task == CLASSIFICATION:
            check_classes(made, training.y, by)
    return Rung(number, rows, tuple(made), within_folds(decision, training.y, training.weight, made, by, seed))


def evaluate(
    training: Dataset,
    rung: Rung,
    candidates: Iterable[Candidate],
    model: ProjectModel,
    metric: str,
    seed: int,
    engine: SearchEngine,
    decision: DecisionOptions = NO_DECISION,
) -> Iterator[Trial]:
    """Try candidates, and yield each trial when its last fold ends, so in any order.

    Args:
        training: the rows to learn from; the folds point into them.
        rung: the folds.
        candidates: what to try; taken as workers become free.
        model: the project's.
        metric: name of a scikit-learn scorer.
        seed: of the fit.
        engine: where to.
        decision: what is to become of a classifier's scores.
    """
    shared: list[Any] = [one for one in (training.X, training.y, training.weight) if one is not None]
    shared += [*rung.arrays, *(each for each in rung.within if each is not NO_FOLDS)]
    options = asdict(decision)
    open_trials: dict[int, tuple[Candidate, dict[int, _Outcome]]] = {}

    def calls() -> Iterator[tuple[Any, ...]]:
        for candidate in candidates:
            open_trials[candidate.number] = (candidate, {})
            for number, (train, test) in enumerate(rung.folds):
                key = (candidate.number, number)
                fit = candidate.hyperparameters, metric, seed, training.weight, training.task
                yield key, training.X, training.y, train, test, *fit, options, rung.within[number]

    for (number, fold), *outcome in engine.run(partial(fit_and_score, model), calls(), shared):
        candidate, outcomes = open_trials[number]
        outcomes[fold] = _Outcome(*outcome)
        if len(outcomes) == len(rung.folds):
            del open_trials[number]
            yield _trial(candidate, rung, [outcomes[fold] for fold in range(len(rung.folds))])


def fit_and_score(
    model: ProjectModel,
    key: Any,
    X: pd.DataFrame,
    y: pd.Series,
    train: np.ndarray,
    test: np.ndarray,
    values: Mapping[str, Any],
    metric: str,
    seed: int,
    weight: pd.Series | None = None,
    task: Task = CLASSIFICATION,
    decision: Mapping[str, Any] = MappingProxyType({}),
    within: DecisionFolds = NO_FOLDS,
) -> tuple[Any, float, float, float, float, str | None, str | None]:
    """Fit one candidate on one fold and score it; runs in a worker, so it takes and returns plain values.

    Args:
        model: the project's; bound before the call, for a cluster is sent functions as code and arguments by name.
        key: given back as it is.
        X: features, shape (rows, features).
        y: labels or numbers, shape (rows,).
        train: positions to learn from.
        test: positions to score.
        values: hyper-parameter -> value.
        metric: name of a scikit-learn scorer.
        seed: of the fit.
        weight: sample weights, shape (rows,); None where all rows count the same.
        task: what y is for.
        decision: fields of the options that say what is to become of a classifier's scores.
        within: folds of the rows to learn from, by which that is done.

    Returns:
        key, score, seconds of the fit, begin and end in seconds since 1970, failure or None, first warning or None.
    """
    begin = time.time()
    score, fit_seconds, failure = np.nan, np.nan, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            start = time.perf_counter()
            learned = X.iloc[train], y.iloc[train]
            counts = None if weight is None else weight.iloc[train]
            further = {"task": task, **weighted(counts)}
            pipeline = fitted(model.fit, *learned, model.hyperparameters(**values), seed, **further)
            pipeline, _ = decided(pipeline, DecisionOptions(**decision), *learned, counts, within)
            fit_seconds = time.perf_counter() - start
            counted = weighted(None if weight is None else weight.iloc[test])
            score = float(find(metric, model.metrics)(pipeline, X.iloc[test], y.iloc[test], **counted))
            if not np.isfinite(score):
                failure = f"{metric} is {score}, not a finite number"
        except Exception as error:  # noqa: BLE001  whatever a model raises, the search goes on
            failure = one_line(f"{type(error).__name__}: {error}")
    warning = f"{caught[0].category.__name__}: {caught[0].message}" if caught else None
    return key, score, fit_seconds, begin, time.time(), failure, warning


def _some(rows: np.ndarray, classes: np.ndarray | None, share: float, seed: int) -> np.ndarray:
    stratify = None if classes is None else classes[rows]
    taken: np.ndarray = resample(
        rows, replace=False, n_samples=int(share * len(rows)), random_state=seed, stratify=stratify
    )
    return taken


def _trial(candidate: Candidate, rung: Rung, outcomes: Sequence[_Outcome]) -> Trial:
    scores = tuple(outcome.score for outcome in outcomes)
    failures = [outcome.failure for outcome in outcomes if outcome.failure]
    fitted = [outcome.fit_seconds for outcome in outcomes if np.isfinite(outcome.fit_seconds)]
    return Trial(
        candidate=candidate,
        rung=rung.number,
        rows=rung.rows,
        scores=scores,
        mean=np.nan if failures else float(np.mean(scores)),
        std=np.nan if failures else float(np.std(scores)),
        fit_seconds=float(np.mean(fitted)) if fitted else np.nan,
        begin=int(min(outcome.begin for outcome in outcomes) * 1000),
        end=int(max(outcome.end for outcome in outcomes) * 1000),
        failure=next(iter(failures), None),
        warning=next((outcome.warning for outcome in outcomes if outcome.warning), None),
    )

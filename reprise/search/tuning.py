"""The search: candidates are tried rung by rung, each trial is logged as it ends, and the best one is chosen."""

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

import mlflow
import pandas as pd

from reprise.base import tag, untrusted_text
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.task import CLASSIFICATION, FORMERLY, Task
from reprise.contract.parameters import DecisionOptions
from reprise.contract.project_model import ProjectModel
from reprise.data.dataset import Dataset
from reprise.data.split_column import SplitColumn
from reprise.search.candidates import Candidate, Method, rungs
from reprise.search.trial_engine import SearchEngine
from reprise.search.trial_log import TrialLog, recorded_trials
from reprise.search.trials import Rung, Trial, evaluate, make_rung

SETTING_LENGTH = 500
"""Characters of a setting that the tag holds as they are; a longer one is named by its digest."""


@dataclass(frozen=True)
class SearchSettings:
    """The settings that decide the trials of a search and their results. Only the same settings resume a search.

    Attributes:
        data: the table's fingerprint.
        target: the column to predict.
        features: as the caller named them.
        test_size: share of rows that the search does not see.
        seed: decides held-out rows, folds, candidates and the fit.
        search: `grid`, `random` or `halving`.
        trials: candidates at most.
        folds: of the cross-validation.
        metric: name of a scikit-learn scorer.
        space: SHA-256 of the search space.
        exclude: columns that are left out, as the caller named them.
        split: decides which rows the search does not see, and the folds.
        weight: the column of sample weights, or `none`.
        task: what the target is for.
        calibrate: how a classifier comes to probabilities.
        threshold: at which two classes part.
        missing: the words that stand for a missing value, as the caller named them.

    A field with a default was unknown to earlier versions. Their searches had that value.
    """

    data: str
    target: str
    features: str
    test_size: float
    seed: int
    search: Method
    trials: int
    folds: int
    metric: str
    space: str
    exclude: str = "none"
    split: str = "random"
    weight: str = "none"
    task: Task = FORMERLY
    calibrate: Literal["none", "isotonic", "sigmoid"] = "none"
    threshold: str = "0.5"
    missing: str = "auto"

    @property
    def decision(self) -> DecisionOptions:
        """What is to become of a classifier's scores, in trials as in the winner."""
        return DecisionOptions(self.calibrate, self.threshold)

    def text(self) -> str:
        """Return what the tag holds."""
        return json.dumps({name: _in_short(value) for name, value in asdict(self).items()})


def check_resumable(run_id: str, settings: SearchSettings) -> None:
    """Make sure that a run is a search with the same settings.

    Raises:
        WrongCall: it is none, or has others; the first that differs is named.
    """
    try:
        recorded = mlflow.get_run(run_id).data.tags.get(tag.TUNE_SETTINGS)
    except mlflow.exceptions.MlflowException as error:
        raise WrongCall(f"resume: run {run_id!r} is not in {mlflow.get_tracking_uri()}") from error
    if recorded is None:
        raise WrongCall(f"resume: run {run_id} is no search of tune", remedy="name one that is")
    _check_same(run_id, recorded, settings)


def known_trials(
    run: mlflow.entities.Run, settings: SearchSettings, candidates: Sequence[Candidate], *, resumes: bool
) -> dict[tuple[int, int], Trial]:
    """Return the trials that are not to be repeated, by rung and candidate's number; record the settings.

    Args:
        run: of this search, as it was when this process began to fill it.
        settings: of this search.
        candidates: what it tries.
        resumes: whether it resumes another one.

    Returns:
        The trials of the search that is resumed, and of a process that filled the same run before and was lost.

    Raises:
        WrongCall: that process searched with other settings, as over a table that has changed since.
    """
    before = run.data.tags.get(tag.TUNE_SETTINGS)
    if before:
        _check_same(run.info.run_id, before, settings)
    else:
        mlflow.MlflowClient().set_tag(run.info.run_id, tag.TUNE_SETTINGS, settings.text())
    if not before and not resumes:
        return {}
    return {trial.key: trial for trial in recorded_trials(run.info.run_id, candidates, settings.metric)}


def _check_same(run_id: str, recorded: str, settings: SearchSettings) -> None:
    try:
        before = untrusted_text.parse_json(recorded)
    except ValueError as error:  # MLflow had cut it
        raise WrongCall(
            f"the recorded settings of run {run_id} are cut, so it cannot be resumed", remedy="start a new search"
        ) from error
    before = before if isinstance(before, dict) else {}
    defaults = {field.name: field.default for field in fields(settings) if field.default is not MISSING}
    for name, value in asdict(settings).items():
        searched = before.get(name, defaults.get(name))
        if searched not in (value, _in_short(value)):
            told = f"{searched!r}, not {_in_short(value)!r}"
            raise WrongCall(f"run {run_id} searched with {name} {told}", remedy="give the same value to resume it")


def _in_short(value: Any) -> Any:
    """Write a text that is too long for a tag, such as a long list of features, as its digest."""
    if not isinstance(value, str) or len(value) <= SETTING_LENGTH:
        return value
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"


def plan(
    training: Dataset, settings: SearchSettings, candidates: int, by: SplitColumn | None = None
) -> list[tuple[int, Rung]]:
    """Return how many candidates are tried on which rows, rung by rung.

    Args:
        training: the rows to learn from.
        settings: method, folds and seed.
        candidates: how many there are.
        by: the column that splits the rows; None where they are split at random.

    Raises:
        WrongCall: there are too few rows for the folds, or for halving; or halving would draw rows that are in time's
            order.
    """
    if settings.search == "halving" and by and by.rule.kind == "time":
        message = f"search=halving tries candidates on rows drawn at random, which {by.rule} does not allow"
        raise WrongCall(message, remedy="use search=random or grid")
    classes = training.y.nunique() if training.task == CLASSIFICATION else 1
    schedule = rungs(settings.search, candidates, len(training.y), settings.folds, classes)
    return [
        (size, make_rung(training, number, rows, settings.folds, settings.seed, by, settings.decision))
        for number, (size, rows) in enumerate(schedule)
    ]


def search(
    training: Dataset,
    candidates: Sequence[Candidate],
    schedule: Sequence[tuple[int, Rung]],
    settings: SearchSettings,
    model: ProjectModel,
    engine: SearchEngine,
    log: TrialLog,
    known: Mapping[tuple[int, int], Trial],
    timeout: float = 0,
    told: Callable[[str], None] = lambda _: None,
) -> list[Trial]:
    """Try the candidates, the best of them again on more rows where the schedule says so, and log each trial.

    Args:
        training: the rows to learn from.
        candidates: what to try.
        schedule: from `plan`.
        settings: metric and seed.
        model: the project's, which is fitted.
        engine: where the trials run.
        log: takes each new trial.
        known: (rung, candidate's number) -> trials that are not to be repeated.
        timeout: seconds after which no trial begins any more; 0 for none.
        told: called as each new trial ends, with the best score so far.

    Returns:
        All trials, in order of rung and candidate, those that were known among them.
    """
    until = time.monotonic() + timeout if timeout else math.inf
    going, trials = list(candidates), list[Trial]()
    for size, rung in schedule:
        going = going[:size] if rung.number == 0 else best_of(trials, rung.number - 1, size)
        old = [known[key] for candidate in going if (key := (rung.number, candidate.number)) in known]
        new = [candidate for candidate in going if (rung.number, candidate.number) not in known]
        found, best = [], -math.inf
        fit = model, settings.metric, settings.seed, engine, settings.decision
        for trial in evaluate(training, rung, _before(until, new), *fit):
            log.add(trial)
            found.append(trial)
            best = max(best, -math.inf if trial.failure else trial.mean)
            told(f"best {best:.4f}" if best > -math.inf else "")
        trials += sorted([*old, *found], key=lambda trial: trial.candidate.number)
        if len(found) < len(new):
            break
    return trials


def best_of(trials: Sequence[Trial], rung: int, size: int) -> list[Candidate]:
    """Return the best candidates of a rung, in their own order; of equal ones, those that come first."""
    ranked = sorted(
        (trial for trial in trials if trial.rung == rung and trial.failure is None),
        key=lambda trial: (-trial.mean, trial.candidate.number),
    )
    return sorted((trial.candidate for trial in ranked[:size]), key=lambda candidate: candidate.number)


def choose(trials: Sequence[Trial], schedule: Sequence[tuple[int, Rung]]) -> Trial:
    """Choose the winner: the best mean score of the last rung that was finished; of equal ones, the first candidate.

    Args:
        trials: as `search` gives them.
        schedule: from `plan`. If not even its first rung was finished, the winner is the best of what there is.

    Raises:
        JobFailed: no trial succeeded; the commonest error is named.
    """
    ended = Counter(trial.rung for trial in trials)
    finished = [rung.number for size, rung in schedule if ended[rung.number] == size]
    last = max(finished, default=0)
    good = [trial for trial in trials if trial.failure is None and trial.rung <= last]
    if good:
        top = max(trial.rung for trial in good)
        return max((trial for trial in good if trial.rung == top), key=lambda trial: trial.mean)
    if not trials:
        raise JobFailed("no trial ended within the timeout", remedy="raise timeout")
    (reason, times), *_ = Counter(trial.failure for trial in trials).most_common()
    raise JobFailed(f"all {len(trials)} trials failed; the commonest error, {times} times: {reason}")


def table(trials: Sequence[Trial], run_ids: Mapping[tuple[int, int], str]) -> pd.DataFrame:
    """Put the trials into a table, a row each, in order of rung and candidate."""
    return pd.DataFrame(
        {
            "rung": trial.rung,
            "candidate": trial.candidate.number,
            **{f"params.{name}": value for name, value in trial.candidate.hyperparameters.items()},
            "rows": trial.rows,
            "mean": trial.mean,
            "std": trial.std,
            **{f"fold_{number}": score for number, score in enumerate(trial.scores)},
            "fit_seconds": trial.fit_seconds,
            "failure": trial.failure,
            "warning": trial.warning,
            "run_id": trial.run_id or run_ids.get(trial.key),
        }
        for trial in trials
    )


def _before(until: float, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    for candidate in candidates:
        if time.monotonic() > until:
            return
        yield candidate

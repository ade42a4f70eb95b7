"""Find the best hyper-parameters by cross-validation, and train with them. Each trial is a run."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

import mlflow
from pydantic import Field

from reprise.base import artifact, project, project_settings, tag
from reprise.base.terminal import note, progress, step, summary
from reprise.contract import project_model
from reprise.contract.command import current
from reprise.contract.parameters import DecisionOptions, HoldoutOptions, Pickle, Seed, TableOptions
from reprise.data import dataset_inputs
from reprise.jobs import run_artifacts, training
from reprise.jobs.next_command import ui_command
from reprise.jobs.own_metrics import own_metrics, tags_of
from reprise.search import decision_folds, scorer, search_figures, trial_log, tuning, winner
from reprise.search.candidates import make_candidates
from reprise.search.folds import describe
from reprise.search.search_space import read_search_space
from reprise.search.trial_engine import start
from reprise.store import bundle, provenance


def tune(
    table: TableOptions,
    holdout: HoldoutOptions,
    decision: DecisionOptions,
    seed: Seed = 0,
    search: Literal["grid", "random", "halving"] = "random",
    trials: Annotated[int, Field(ge=1)] = 50,
    folds: Annotated[int, Field(ge=2)] = 5,
    metric: str = "auto",
    space: str = "search_space.yaml",
    timeout: Annotated[float, Field(ge=0)] = 0.0,
    n_jobs: Annotated[int, Field(ge=-1)] = -1,
    engine: str = "loky",
    scheduler: str = "none",
    resume: str = "none",
    *,
    pickle: Pickle = False,
) -> None:
    """Search hyper-parameters by cross-validation on the training rows, and train with the best of them.

    Args:
        seed: The seed of rows, folds and candidates.
        search: The method that chooses candidates.
        trials: The largest number of candidates.
        folds: The number of folds of the cross-validation.
        metric: The name of a scikit-learn scorer; auto: that of pyproject.toml, else accuracy, or r2 for regression.
        space: The file with the hyper-parameters and their values.
        timeout: Seconds after which no trial begins; 0: no limit.
        n_jobs: The number of worker processes; -1: one per core.
        engine: loky, dask, or another backend of joblib.
        scheduler: The address of Dask's scheduler, tcp://host:port; here: start one that workers may join.
        resume: The id of an unfinished run of tune to continue.
        pickle: yes: pickle a winner that skops cannot save. Loading a pickle runs code.

    Example: python -m reprise job tune --data digits --trials 200
    """
    own = own_metrics()
    if metric == scorer.AUTO:
        metric = project_settings.current().metric
    if metric != scorer.AUTO:
        scorer.check_metric(metric, own)
    model, train = project_model.load(), winner.load()
    types = model.types()
    space_file = Path(space) if Path(space).exists() else project.FOLDER / space
    search_space = read_search_space(space_file, types)
    candidates = make_candidates(search_space, search, trials, seed, types)
    parts = training.split(training.read(table), holdout, seed, decision)
    rows, source = parts.training, parts.rows.table
    project_model.check_weight(model.fit, rows.weight)
    metric = scorer.metric_for(metric, rows.task, own)
    settings = tuning.SearchSettings(
        data=source.fingerprint,
        target=table.target,
        features=table.features,
        test_size=holdout.test_size,
        seed=seed,
        search=search,
        trials=trials,
        folds=folds,
        metric=metric,
        space=search_space.sha256,
        exclude=table.exclude,
        split=holdout.split,
        weight=table.weight,
        task=rows.task,
        calibrate=decision.calibrate,
        threshold=decision.threshold,
        missing=table.missing,
    )
    schedule = tuning.plan(rows, settings, len(candidates), parts.by)
    for line in filter(None, (describe(parts.by), *decision_folds.describe(decision, parts.by))):
        note(line)
    tags = {tag.RESUMABLE: "true"}
    if resume != "none":
        tuning.check_resumable(resume, settings)
        tags[tag.TUNE_RESUMES] = resume
    how = current()
    with step("collect provenance"):
        origin = provenance.collect(how.parameters, how.command)
    for line in origin.notes():
        note(line)

    with (
        start(engine, scheduler, n_jobs) as workers,
        tracking.start_run("tune", how.parameters, origin.tags() | tags) as run,
    ):
        ended = tuning.known_trials(run, settings, candidates, resumes=resume != "none")
        workers.invite(run)
        left = sum(size for size, _ in schedule) - len(ended)
        with progress(f"try {len(candidates)} candidates", left) as told, trial_log.writing(run, metric) as log:
            tried = tuning.search(rows, candidates, schedule, settings, model, workers, log, ended, timeout, told)
        best = tuning.choose(tried, schedule)
        metrics = {
            f"best_cv_{metric}": best.mean,
            "trials": len(tried),
            "failed_trials": sum(trial.failure is not None for trial in tried),
        }
        if not run.data.metrics:  # else a process that filled this run before has logged all, metrics last
            with step("log"), bundle.staging() as folder:
                data_record, datasets = dataset_inputs.describe(source, {"train": rows})
                run_artifacts.write_provenance(origin, {**data_record, **parts.recipe}, folder / "artifacts")
                run_artifacts.write_search(tuning.table(tried, log.run_ids), search_space.content, folder / "artifacts")
                missing = search_figures.draw(tried, best, metric, folder / "artifacts" / artifact.FIGURES)
                tags = {tag.DATA_FINGERPRINT: source.fingerprint, tag.TASK: rows.task, **tags_of(own)}
                tags |= {tag.TUNE_SETTINGS: settings.text(), **missing}
                bundle.log(folder, run, bundle.ResultBundle(metrics, best.candidate.hyperparameters, tags, datasets))
        asked = {**asdict(table), **asdict(holdout), **asdict(decision), "seed": seed}
        asked |= {"pickle": True} if pickle else {}
        trained = winner.train(train, asked | dict(best.candidate.hyperparameters), run)
        mlflow.MlflowClient().set_tag(run.info.run_id, tag.TUNE_WINNER, trained)

    summary(
        {
            "best": f"cv_{metric} {best.mean:.4f} ± {best.std:.4f} over {folds} folds: {best.candidate}",
            "trials": f"{len(tried)}, {int(metrics['failed_trials'])} of them failed",
            "winner": trained,
            "look": ui_command(run),
        }
    )

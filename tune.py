"""Find the best hyper-parameters by cross-validation, each trial a run, and train with them."""

from pathlib import Path
from typing import Any

import click

from reprise.store import tracking  # isort: skip  first, since it imports skops and mlflow in the order that is fast

import mlflow

from reprise import results
from reprise.base import process, project
from reprise.base.entry_point import main
from reprise.base.parameters import Share
from reprise.base.terminal import note, progress, step, summary
from reprise.cli.launch import ui_command
from reprise.data import inputs
from reprise.data.dataset import make_dataset, split
from reprise.data.table import read_table
from reprise.search import figures, training, trial_log, tuning
from reprise.search.candidates import make_candidates
from reprise.search.engine import start
from reprise.search.search_space import read_search_space
from reprise.store import bundle, provenance


@click.command(epilog="Example: python tune.py --data digits --trials 200", context_settings={"show_default": True})
@click.option("--data", default="iris", help="iris, wine, breast_cancer, digits; a .csv, .csv.gz or .parquet; a URI.")
@click.option("--target", default="target", help="The column to predict.")
@click.option("--features", default="all", help="all, or column names separated by commas.")
@click.option("--test-size", default=0.25, type=Share(), help="Share of rows that the search does not see.")
@click.option("--seed", default=0, type=click.IntRange(0, 2**32 - 1), help="Decides rows, folds and candidates.")
@click.option("--search", default="random", type=click.Choice(["grid", "random", "halving"]), help="What is tried.")
@click.option("--trials", default=50, type=click.IntRange(1), help="Candidates at most.")
@click.option("--folds", default=5, type=click.IntRange(2), help="Of the cross-validation; stratified.")
@click.option("--metric", default="accuracy", help="The name of a scikit-learn scorer.")
@click.option("--space", default="search_space.yaml", help="The file that says what is varied, and over what.")
@click.option("--timeout", default=0.0, type=click.FloatRange(0), help="Seconds after which no trial begins; 0: none.")
@click.option("--n-jobs", default=-1, type=click.IntRange(-1), help="Worker processes; -1: one a core.")
@click.option("--engine", default="loky", help="loky, dask, or another backend of joblib.")
@click.option("--scheduler", default="none", help="Dask's, tcp://host:port; here: one to which workers come.")
@click.option("--resume", default="none", help="The id of a run of tune that did not end, to carry on with.")
def tune(
    data: str,
    target: str,
    features: str,
    test_size: float,
    seed: int,
    search: Any,
    trials: int,
    folds: int,
    metric: str,
    space: str,
    timeout: float,
    n_jobs: int,
    engine: str,
    scheduler: str,
    resume: str,
) -> None:
    """Search hyper-parameters by cross-validation on the training rows, and train with the best of them."""
    tuning.check_metric(metric)
    train = training.load()
    known = training.hyperparameters(train)
    space_file = Path(space) if Path(space).exists() else project.FOLDER / space
    search_space = read_search_space(space_file, known)
    candidates = make_candidates(search_space, search, trials, seed, known)
    with step(f"read {data}"):
        table = read_table(data)
        dataset = make_dataset(table, target, features)
        rows, _ = split(dataset, test_size, seed)
    settings = tuning.Settings(
        table.fingerprint, target, features, test_size, seed, search, trials, folds, metric, search_space.sha256
    )
    schedule = tuning.plan(rows, settings, len(candidates))
    tags = {process.RESUMABLE: "true"}
    if resume != "none":
        tuning.check_resumable(resume, settings)
        tags[trial_log.RESUMES] = resume
    parameters = click.get_current_context().params
    with step("collect provenance"):
        origin = provenance.collect(parameters)
    for line in (*dataset.notes, *origin.notes()):
        note(line)

    with (
        start(engine, scheduler, n_jobs) as workers,
        tracking.start_run("tune", parameters, origin.tags() | tags) as run,
    ):
        ended = tuning.known_trials(run, settings, candidates, resumes=resume != "none")
        workers.invite(run)
        left = sum(size for size, _ in schedule) - len(ended)
        with progress(f"try {len(candidates)} candidates", left) as told, trial_log.writing(run, metric) as log:
            tried = tuning.search(rows, candidates, schedule, settings, workers, log, ended, timeout, told)
        best = tuning.choose(tried, schedule)
        metrics = {
            f"best_cv_{metric}": best.mean,
            "trials": len(tried),
            "failed_trials": sum(trial.failure is not None for trial in tried),
        }
        if not run.data.metrics:  # else a process that filled this run before has logged all, metrics last
            with step("log"), bundle.staging() as folder:
                data_record, datasets = inputs.describe(table, {"train": rows})
                recipe = {"features": features, "test_size": test_size, "seed": seed, "notes": dataset.notes}
                results.write_provenance(origin, data_record | recipe, folder / "artifacts")
                results.write_search(tuning.table(tried, log.run_ids), search_space.content, folder / "artifacts")
                missing = figures.draw(tried, best, metric, folder / "artifacts/figures")
                tags = {"reprise.data.fingerprint": table.fingerprint, tuning.SETTINGS: settings.text(), **missing}
                bundle.log(folder, run, bundle.Results(metrics, best.candidate.hyperparameters, tags, datasets))
        asked = {"data": data, "target": target, "features": features, "test_size": test_size, "seed": seed}
        winner = training.train(train, asked | dict(best.candidate.hyperparameters), run)
        mlflow.MlflowClient().set_tag(run.info.run_id, "reprise.tune.winner", winner)

    summary(
        {
            "best": f"cv_{metric} {best.mean:.4f} ± {best.std:.4f} over {folds} folds: {best.candidate}",
            "trials": f"{len(tried)}, {int(metrics['failed_trials'])} of them failed",
            "winner": winner,
            "look": ui_command(run),
        }
    )


if __name__ == "__main__":
    main(tune)

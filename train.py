"""Train: read a table, hold rows out, fit the model of model.py, and record what a rerun needs."""

from reprise import DecisionOptions, HoldoutOptions, Pickle, Seed, TableOptions, main, read, split, training_run

from model import Hyperparameters, fit


def train(
    table: TableOptions,
    hyperparameters: Hyperparameters,
    holdout: HoldoutOptions,
    decision: DecisionOptions,
    seed: Seed = 0,
    *,
    pickle: Pickle = False,
) -> None:
    """Fit the model on a table, and record the run in MLflow.

    Example: python train.py --data wine --seed 1
    """
    rows = split(read(table), holdout, seed, decision)
    with training_run() as run:
        model = run.fit(fit, rows, hyperparameters, seed)
        run.record(model, rows, pickle=pickle)


if __name__ == "__main__":
    main(train)

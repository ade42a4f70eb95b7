"""Train: read a table, hold rows out, fit the model of model.py, and record what a rerun needs."""

from reprise import Data, Features, Seed, Share, Target, main, read, split, training_run

from model import Hyperparameters, fit


def train(
    hyperparameters: Hyperparameters,
    data: Data = "iris",
    target: Target = "target",
    features: Features = "all",
    test_size: Share = 0.25,
    seed: Seed = 0,
) -> None:
    """Fit the model on a table, and record the run in MLflow.

    Example: python train.py --data wine --seed 1
    """
    rows = split(read(data, target, features), test_size, seed)
    with training_run() as run:
        model = run.fit(fit, rows.training, hyperparameters, seed)
        run.record(model, rows)


if __name__ == "__main__":
    main(train)

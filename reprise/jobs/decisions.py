"""What the options `calibrate` and `threshold` make of a fitted classifier."""

from typing import Any

from reprise.base.errors import WrongCall
from reprise.base.terminal import note, step
from reprise.contract.parameters import DecisionOptions
from reprise.data.dataset import Dataset
from reprise.data.split_column import SplitColumn
from reprise.search.folds import Fold, make_folds
from reprise.task import decision


def check(options: DecisionOptions, training: Dataset) -> None:
    """Check that the training rows suffice for what is asked, and print what a person should know.

    Raises:
        WrongCall: they do not, or it is not for their target.
    """
    decision.check(options.calibrate, options.threshold, training.y, training.weight)
    for line in decision.notes(options.calibrate, training.y):
        note(line)


def decide(
    model: Any, options: DecisionOptions, training: Dataset, by: SplitColumn | None, seed: int
) -> tuple[Any, dict[str, float]]:
    """Calibrate a fitted classifier and give it a threshold, as far as that is asked.

    Args:
        model: from `fit` of model.py.
        options: what is asked.
        training: the rows that it was fitted on.
        by: the column that split them; the folds part its groups too.
        seed: of the folds.

    Returns:
        The classifier, itself or within others, and the resolved threshold where one was found.

    Raises:
        WrongCall: there are too few rows or groups for folds, or the classifier has no probabilities for a threshold.
        JobFailed: it cannot be calibrated.
    """
    wanted = decision.threshold_of(options.threshold)
    resolved: dict[str, float] = {}
    if options.calibrate != decision.NONE:
        with step(f"calibrate by {options.calibrate}"):
            folds = _folds(f"calibrate={options.calibrate}", training, _whole(by), seed)
            model = decision.calibrated(model, options.calibrate, training.X, training.y, folds, training.weight)
    if wanted != decision.HALF:
        with step("find the threshold"):
            found = isinstance(wanted, str)
            folds = _folds(f"threshold={options.threshold}", training, by, seed) if found else []
            model, threshold = decision.with_threshold(model, wanted, training.X, training.y, folds)
        of = "probability" if hasattr(model, "predict_proba") else "decision function"
        how = f", found by {wanted} on {len(folds)} folds" if found else ""
        note(f"the answer is {str(model.classes_[1])!r} from {threshold:.6g} of its {of} on{how}")
        resolved = {"threshold": threshold} if found else {}
    return model, resolved


def _folds(asked: str, training: Dataset, by: SplitColumn | None, seed: int) -> list[Fold]:
    try:
        return make_folds(training.y, decision.FOLDS, seed, by)
    except WrongCall as error:
        raise WrongCall(f"{asked}: {error.message}", remedy="leave it out, or split otherwise") from error


def _whole(by: SplitColumn | None) -> SplitColumn | None:
    """Leave out an order in time: calibration needs a score of each row, and the oldest rows have none older."""
    if by is not None and by.rule.kind == "time":
        note("calibration takes stratified folds: they are not in time's order, for each row needs a score")
        return None
    return by

"""Whether one of two models is better on the same rows: a paired test of what they answer on each."""

import numpy as np
from scipy.stats import binom
from scipy.stats import wilcoxon as signed_rank

from reprise.task.regression import RegressionEvaluation
from reprise.task.result import Result


def paired(challenger: Result, champion: Result) -> tuple[float, float]:
    """Test two models of one task: of classifications by McNemar's test, of regressions by Wilcoxon's.

    Returns:
        The p-values that the challenger is worse, and that it is better.
    """
    if isinstance(challenger, RegressionEvaluation) and isinstance(champion, RegressionEvaluation):
        return wilcoxon(np.abs(challenger.residuals), np.abs(champion.residuals))
    ours, theirs = (side.predicted == side.truth.to_numpy() for side in (challenger, champion))
    return mcnemar(ours, theirs)


def wilcoxon(errors: np.ndarray, champion_errors: np.ndarray) -> tuple[float, float]:
    """Do the signed-rank test (Wilcoxon 1945, doi:10.2307/3001968) of absolute errors, one-sided both ways.

    If neither is better, the differences of a row's two errors are symmetric about zero. Rows with the same error count
    for neither. Up to 50 rows without ties the test is exact, else it takes the normal approximation.

    Args:
        errors: absolute errors of the challenger, shape (rows,).
        champion_errors: those of the champion on the same rows.

    Returns:
        The p-values that the challenger is worse, and that it is better; both 1 where the two never differ.
    """
    less = champion_errors - errors
    if not less.any():
        return 1.0, 1.0
    worse, better = (signed_rank(less, alternative=side).pvalue for side in ("less", "greater"))
    return float(worse), float(better)


def mcnemar(right: np.ndarray, champion_right: np.ndarray) -> tuple[float, float]:
    """Do the exact McNemar test (McNemar 1947, doi:10.1007/BF02295996), one-sided both ways.

    Of the rows where just one of the two is right, each is right on half if neither is better: the number of the
    challenger's follows a binomial distribution with p = 1/2. No approximation, so few rows are fine.

    Args:
        right: whether the challenger is right, boolean, shape (rows,).
        champion_right: whether the champion is, on the same rows.

    Returns:
        The p-values that the challenger is worse, and that it is better; both 1 where the two never differ.
    """
    wins = int(np.sum(right & ~champion_right))
    losses = int(np.sum(~right & champion_right))
    if not wins + losses:
        return 1.0, 1.0
    return float(binom.cdf(wins, wins + losses, 0.5)), float(binom.cdf(losses, wins + losses, 0.5))

"""Whether one classifier is better than another on the same rows, or only luckier."""

import numpy as np
from scipy.stats import binom


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

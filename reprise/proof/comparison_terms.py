"""The terms on which the results of two runs are compared, and the finding of a comparison."""

from dataclasses import dataclass, field
from typing import Any

from reprise.proof.outcome import Finding, Match
from reprise.proof.run_identity import RunIdentities

TOLERANCE = 1e-6
"""The relative difference that counts as none on a machine that differs in what decides the last bit.

Double precision rounds at 1e-16. Another order of summation, another instruction set or thread count changes a few
last bits of each of at most some million terms, which leaves some 1e-10 of the largest value of a sum; 1e-6 is far
above that and far below what changes a label or the fourth digit of a metric. Labels must be equal in any case.
"""

FOLLOWING = 1e-2
"""The relative difference of scores that may follow from another machine where labels and metrics are the same.

An iterative solver stops at a tolerance of its own: from other last bits it stops elsewhere. On digits, 1 against 2
threads moved coefficients of a linear SVM on a polynomial kernel map by 5e-4, and scores by 2e-4, relative.
"""

FOLLOWS = (
    "another machine's last bits lead a solver elsewhere; labels and metrics are the same, the bits are not claimed"
)


@dataclass(frozen=True)
class ComparisonTerms:
    """On which terms values are compared.

    Attributes:
        tolerance: the relative difference that counts as none; None for bit for bit.
        sides: what names each run.
        follows: whether what a solver learned may follow from another machine, its labels and metrics being the same.
    """

    tolerance: float | None
    sides: RunIdentities = field(default_factory=RunIdentities)
    follows: bool = False


def result(name: str, match: Match, recorded: Any = None, again: Any = None, note: str = "") -> Finding:
    """Build a finding of the area `results`."""
    return Finding("results", name, match, recorded, again, note)

"""Check that a run's metrics and predictions belong together, by comparison with its rerun. Pure: findings in and out.

Only the code of the run's own commit can compute its metrics from its predictions. The rerun did so. From the same
predictions it computes the same metrics.
"""

from collections.abc import Collection, Iterator, Sequence

from reprise.base import artifact
from reprise.proof.outcome import Finding, Match
from reprise.proof.table_comparison import EXACT

PREFIX = "test_"
"""The prefix of metrics of the held-out rows."""

CIRCUMSTANCES = ("code", "data", "environment", "parameters")
"""Areas whose differences explain why the same predictions have other metrics."""

LABELS = tuple(f"{artifact.PREDICTIONS}: {column}" for column in EXACT)
"""Findings about the labels of predictions. Scores may differ without a difference in any metric."""


def agreement(found: Sequence[Finding], metrics: Collection[str]) -> Iterator[Finding]:
    """Compare the findings about metrics with the findings about predictions.

    Args:
        found: all that was compared.
        metrics: names of the run's metrics.

    Returns:
        Findings of the area `record`: each metric where the predictions are the same, and the labels that are others
        where all metrics are the same. None where circumstances differ, or either was not compared.
    """
    results = [finding for finding in found if finding.area == "results"]
    made = [each for each in results if each.name in metrics and each.name.startswith(PREFIX)]
    made = [each for each in made if each.match in (Match.EQUAL, Match.DIFFERENT)]
    predictions = [each for each in results if each.name.partition(":")[0] == artifact.PREDICTIONS]
    if not made or not predictions or any(_explains(finding) for finding in found):
        return
    if all(map(_same, predictions)):
        for each in made:
            note = (
                f"the rerun has the same {artifact.PREDICTIONS}, and makes {'this' if _same(each) else 'another'} of it"
            )
            yield Finding("record", each.name, each.match, each.recorded, each.again, note)
    elif all(map(_same, made)):
        for each in predictions:
            if each.match == Match.DIFFERENT and each.name in LABELS:
                note = f"all {len(made)} metrics are those of the rerun, and this column is not: {each.note}"
                yield Finding("record", each.name, Match.DIFFERENT, note=note)


def _same(finding: Finding) -> bool:
    return finding.match == Match.EQUAL


def _explains(finding: Finding) -> bool:
    return finding.area in CIRCUMSTANCES and finding.match == Match.DIFFERENT

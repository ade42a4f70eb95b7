"""What is named as the cause where results differ: the record, what was not compared, and chance at the last."""

from reprise.proof.outcome import Finding, Match, Reproduction
from reprise.proof.suspects import suspects

MODEL = frozenset({"model"})
SAME_MODEL = Finding("results", "model", Match.EQUAL)
OTHER_MODEL = Finding("results", "model.coef_", Match.DIFFERENT, 1, 2)
METRIC = Finding("results", "score", Match.DIFFERENT, 0.5, 0.9)
NO_DATA = Finding("data", "data", Match.SKIPPED, note="the run does not say which it read")


def named(*found: Finding) -> list[tuple[str, str]]:
    return [(finding.area, finding.note) for finding in suspects(found, MODEL)]


def test_where_all_was_compared_and_is_the_same_it_is_chance() -> None:
    ((area, note),) = named(OTHER_MODEL, METRIC)
    assert (area, note.startswith("all circumstances that were compared are the same")) == ("randomness", True)


def test_what_was_not_compared_is_named_and_never_called_the_same() -> None:
    ((area, note),) = named(NO_DATA, OTHER_MODEL)
    assert area == "randomness"
    assert note.startswith("what was not compared, or differs, may be the cause: data (data); else look for")
    assert "the same" not in note


def test_where_the_model_is_the_same_the_record_is_the_suspect() -> None:
    ((area, note),) = named(SAME_MODEL, METRIC)
    assert (area, "so score may have been changed in the store" in note) == ("record", True)
    parameter = Finding("parameters", "resolved.gamma", Match.DIFFERENT, "1", "2")
    ((area, note),) = named(parameter, SAME_MODEL)
    assert (area, "resolved.gamma" in note) == ("record", True)
    verdict = Reproduction("a", "b", "c", "d", (METRIC, SAME_MODEL, *suspects((SAME_MODEL, METRIC), MODEL)))
    assert verdict.reason.startswith("record: suspect: score 0.5, against 0.9")


def test_a_circumstance_that_differs_is_cause_enough() -> None:
    assert named(Finding("environment", "scikit-learn", Match.DIFFERENT, "1.4", "1.5"), OTHER_MODEL) == []
    assert named(Finding("record", "score", Match.DIFFERENT, 0.5, 0.9), METRIC) == []


def test_nothing_is_said_where_the_results_are_the_same() -> None:
    assert named(NO_DATA, SAME_MODEL, Finding("results", "score", Match.EQUAL)) == []


def test_many_findings_of_one_area_do_not_hide_the_cause_in_another() -> None:
    packages = [Finding("environment", f"package-{number}", Match.DIFFERENT, 1, 2) for number in range(9)]
    reason = Reproduction(
        "a", "b", "c", "d", (*packages, OTHER_MODEL, Finding("parameters", "C", Match.DIFFERENT, 1, 2))
    ).reason
    assert "package-2 1, again 2; and 6 more; parameters: C 1, again 2; results: model.coef_ 1, again 2" in reason

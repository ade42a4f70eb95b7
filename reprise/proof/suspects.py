"""Name suspects when results differ and no compared circumstance does. Pure: findings in, findings out."""

from collections.abc import Iterator, Sequence

from reprise.base.display_text import listed
from reprise.proof.outcome import Finding, Match

NAMED = 3
"""Things that a finding names at most."""

CIRCUMSTANCES = ("record", "code", "data", "environment", "machine", "parameters")

CHANCE = (
    "look for a generator without a seed, threads that race, the clock, a service, "
    "or data that the code reads by itself"
)


def suspects(found: Sequence[Finding], models: frozenset[str]) -> Iterator[Finding]:
    """Find the suspects that are left: a changed record, circumstances that were not compared, or chance.

    Args:
        found: all that was compared.
        models: names of the run's models among the results.
    """
    different = [finding for finding in found if finding.match == Match.DIFFERENT]
    results = [finding for finding in different if finding.area == "results"]
    beyond = [finding for finding in different if finding.area not in ("results", "machine")]
    told = [finding for finding in beyond if finding.area == "parameters"]
    if (results or told) and len(beyond) == len(told) and _is_as_learned(found, models):
        yield _record(results or told, [*told, *results])
    elif results and not _explained(results, beyond):
        yield _unexplained(found)


def _explained(results: Sequence[Finding], beyond: Sequence[Finding]) -> bool:
    """Return whether a circumstance differs, or the record contradicts itself in a result that does."""
    if any(finding.area != "record" for finding in beyond):
        return True
    return not {finding.name for finding in beyond}.isdisjoint(finding.name for finding in results)


def _is_as_learned(found: Sequence[Finding], models: frozenset[str]) -> bool:
    """Return whether models were compared, and are the same in all that was."""
    of_models = [finding for finding in found if finding.area == "results" and _is_of(finding.name, models)]
    return any(finding.match == Match.EQUAL for finding in of_models) and not any(
        finding.match == Match.DIFFERENT for finding in of_models
    )


def _is_of(name: str, models: frozenset[str]) -> bool:
    return any(name == model or name.startswith((f"{model}.", f"{model}[", f"{model}:")) for model in models)


def _record(first: Sequence[Finding], all_of_them: Sequence[Finding]) -> Finding:
    names = dict.fromkeys(finding.name for finding in all_of_them)
    named = listed(names, NAMED)
    note = (
        f"the model that was learned again is the same bit for bit, so {named} may have been changed in the store "
        "after the run; otherwise the values computed from the model depend on chance"
    )
    return Finding("record", f"suspect: {first[0].name}", Match.DIFFERENT, first[0].recorded, first[0].again, note)


def _unexplained(found: Sequence[Finding]) -> Finding:
    skipped = [finding for finding in found if finding.match == Match.SKIPPED and finding.area in CIRCUMSTANCES]
    record = [finding for finding in found if finding.match == Match.DIFFERENT and finding.area == "record"]
    machine = [finding for finding in found if finding.match == Match.DIFFERENT and finding.area == "machine"]
    named = [f"record ({finding.name}), which contradicts itself" for finding in record[:1]]
    if skipped or machine or record:
        named += [f"{finding.area} ({finding.name})" for finding in skipped]
        named += [f"machine ({finding.name}), which differs" for finding in machine[:1]]
        note = f"what was not compared, or differs, may be the cause: {', '.join(dict.fromkeys(named))}; else {CHANCE}"
    else:
        note = f"all circumstances that were compared are the same: {CHANCE}"
    return Finding("randomness", "unexplained", Match.DIFFERENT, note=note)

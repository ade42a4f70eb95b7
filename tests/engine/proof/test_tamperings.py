"""Whatever is tampered with in a run's record is named; an honest record is accused of nothing."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from tamperings import MARKER, Place, Tampering, prepare, reproduce, restore, subject, tamperings

from reprise.proof import run_models
from reprise.proof.outcome import Match
from reprise.proof.registered_versions import subject as meant
from reprise.proof.reproduction import check
from reprise.proof.run_results import contradictions
from reprise.proof.search_trials import search_of
from reprise.store.recorded import existing, read

TAMPERINGS = {tampering.name: tampering for tampering in tamperings()}
PROCESSES = {
    *("none: train", "none: version", "none: an MLmodel that a person adds", "commit tag: the parent"),
    *("parameter data", "scaler.gz replaced", "patch removed, tags cleaned", "code in a model, and a second one"),
    *("a trial's score, by its trial", "a version's source and files"),
}
"""Those that get a rerun here. `python tests/engine/tamperings.py` gives one to each."""


@pytest.fixture(scope="module")
def place(waiting_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([str(waiting_python), os.environ["PATH"]]))
        return prepare(tmp_path_factory.mktemp("tamperings"))


def contradicting(tampering: Tampering, place: Place, folder: Path) -> Iterator[str]:
    """Name what the record's two places differ in, without a rerun."""
    mlflow.set_tracking_uri(place.uri)
    named = meant(subject(tampering, place))
    recorded = read(named.run, folder / "recorded")
    parent = search_of(recorded)
    search = read(existing(parent), folder / "search") if parent else recorded
    found = [*check(recorded, search, named.version)]
    with contextlib.suppress(StopIteration):
        found += run_models.check(recorded, run_models.models_of(recorded, folder / "models"))
        found += contradictions(recorded)
    assert found
    assert {finding.area for finding in found} == {"record"}
    yield from (finding.name for finding in found if finding.match == Match.DIFFERENT)


@pytest.mark.integration
@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_tampered_with_is_named(name: str, place: Place, tmp_path: Path) -> None:
    tampering = TAMPERINGS[name]
    restore(place)
    tampering.act(place)
    named = list(contradicting(tampering, place, tmp_path))
    if tampering.names is None:
        assert named == []
    else:
        assert any(each.startswith(tampering.names) for each in named), named


@pytest.mark.integration
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_the_verdict_tells_it(name: str, place: Place) -> None:
    found = reproduce(TAMPERINGS[name], place)
    verdicts = {0: "reproduced", 1: "diverged", 3: "cannot be reproduced"}
    assert (found.exit_code, found.verdict) == (
        TAMPERINGS[name].exit_code,
        verdicts[TAMPERINGS[name].exit_code],
    ), found.output
    named = TAMPERINGS[name].names
    assert bool(found.named) == bool(named) or "is not compared (it was added" in found.named[0], found.output
    assert not (place.folder / MARKER).exists(), found.output
    if named:
        assert any(line.startswith(named) for line in found.named), found.output
        assert f"the record contradicts itself: {named}" in found.output

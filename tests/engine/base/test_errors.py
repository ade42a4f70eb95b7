"""Errors for a person: what is wrong and what to do are kept apart, and read as one line."""

import pickle

import pytest

from reprise.base.entry_point import in_one_line, reason_of
from reprise.base.errors import Irreproducible, JobFailed, Reason, WrongCall
from reprise.doctor.diagnosis import Diagnosis, guarded


@pytest.mark.parametrize("kind", [WrongCall, JobFailed])
def test_a_line_is_the_problem_and_what_to_do(kind: type[WrongCall | JobFailed]) -> None:
    error = kind("port 5000 is taken", remedy="name another with --port")
    assert (error.problem, error.remedy) == ("port 5000 is taken", "name another with --port")
    assert error.message == error.format_message() == str(error) == "port 5000 is taken; name another with --port"


def test_a_problem_may_say_all() -> None:
    error = WrongCall("port 5000 is taken")
    assert (error.problem, error.remedy, error.message) == ("port 5000 is taken", None, "port 5000 is taken")


def test_what_is_missing_for_a_rerun_is_the_problem() -> None:
    error = Irreproducible("its commit is gone", "its data is gone")
    assert (error.problem, error.remedy) == ("its commit is gone; its data is gone", None)


def test_a_worker_process_hands_both_parts_back() -> None:
    error = pickle.loads(pickle.dumps(WrongCall("port 5000 is taken", remedy="name another")))  # noqa: S301
    assert (error.problem, error.remedy, error.message) == (
        "port 5000 is taken",
        "name another",
        "port 5000 is taken; name another",
    )


def test_a_store_s_error_has_a_problem_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    error = RuntimeError("Max retries exceeded with url: /api/2.0/mlflow")
    assert reason_of(error) == Reason(
        "the tracking server http://host:5000 does not answer", "check that it runs, or name another"
    )
    assert in_one_line(error) == str(reason_of(error))


def test_doctor_shows_what_to_do_below_the_problem() -> None:
    def check() -> list[Diagnosis]:
        raise WrongCall("conda.yaml is no lock; or so it says", remedy="restore it")

    (found,) = guarded("lock", check)
    assert (found.level, found.text) == ("FAIL", "could not be examined: conda.yaml is no lock; or so it says")
    assert found.remedy == "restore it"

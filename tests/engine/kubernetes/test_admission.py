"""A Job that a queue holds until there is quota: by states as the API gives them, on a stand-in for its server."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from kubernetes_stand_in import Cluster, stand_in

from reprise.kubernetes.api_server import ApiServer
from reprise.kubernetes.job_follower import JobPlace, follow
from reprise.kubernetes.pod_status import Ended

PLACE = JobPlace("here", "iris")
TIMEOUT = 1.0
"""Seconds that the Job's pod has to start in."""

POD = {"containers": [{"name": "run"}]}
RUNNING = {"phase": "Running", "containerStatuses": [{"name": "run", "state": {"running": {}}}]}
GATES = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "Scheduling is blocked"}
NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}


class Followed:
    """The Job `iris` of a cluster, and what follows it."""

    def __init__(self, cluster: Cluster, server: ApiServer, threads: ThreadPoolExecutor) -> None:
        self.cluster, self.server, self.threads = cluster, server, threads

    def job(self, *, suspend: bool | None = None, condition: tuple[str, str] = ("", ""), at: str = "") -> None:
        """Write the Job's state: what its specification asks for, and a condition of its status."""
        found = [{"type": condition[0], "status": condition[1], "lastTransitionTime": at}] if condition[0] else []
        spec: dict[str, Any] = {} if suspend is None else {"suspend": suspend}
        self.cluster.put("jobs", "iris", spec, {"conditions": found})

    def pod(self, status: dict[str, Any]) -> None:
        self.cluster.put("pods", "iris-abcde", POD, status)

    def follow(self) -> Future[Ended]:
        return self.threads.submit(follow, self.server, PLACE, TIMEOUT)

    def lasts(self, ending: Future[Ended]) -> bool:
        """Return whether it is still followed after more than the time that a pod has to start in."""
        return not wait([ending], TIMEOUT * 1.7).done


@pytest.fixture
def followed() -> Iterator[Followed]:
    with stand_in() as (cluster, server), ThreadPoolExecutor(1) as threads:
        yield Followed(cluster, server, threads)
        cluster.delete("jobs", "iris")  # which ends what follows it, also where a test has failed


@pytest.mark.parametrize("state", [{"suspend": True}, {"condition": ("Suspended", "True")}])
def test_a_suspended_job_is_waited_for_and_ends_as_any_other(
    followed: Followed, state: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    followed.job(**state)
    ending = followed.follow()
    assert followed.lasts(ending)
    followed.job(suspend=False, condition=("Suspended", "False"), at="2026-01-01T00:00:00Z")
    followed.pod(RUNNING)
    assert followed.lasts(ending)
    followed.job(suspend=False, condition=("Complete", "True"))
    assert ending.result(10) == Ended()
    said = capsys.readouterr().err.splitlines()
    held, admitted = [line for line in said if "Job" in line]
    assert held.startswith("note: Job iris is suspended and waits for admission, for example by a queue;")
    assert admitted == "note: the Job is admitted"


def test_the_time_to_start_counts_from_admission(followed: Followed) -> None:
    followed.job(suspend=True)
    ending = followed.follow()
    assert followed.lasts(ending)
    followed.job(suspend=False, condition=("Suspended", "False"), at="2026-01-01T00:00:00Z")
    began = time.monotonic()
    ended = ending.result(10)
    assert TIMEOUT * 0.9 < time.monotonic() - began < TIMEOUT * 3
    assert ended == Ended("Job iris has no pod that starts: the cluster does not say why; it did not start in 1 s", 1)


def test_a_job_that_was_resumed_unseen_has_its_time_anew(followed: Followed) -> None:
    """Suspended and resumed while the server was away: only the condition's time tells."""
    followed.job(suspend=False, condition=("Suspended", "False"), at="2026-01-01T00:00:00Z")
    ending = followed.follow()
    time.sleep(TIMEOUT * 0.6)
    followed.job(suspend=False, condition=("Suspended", "False"), at="2026-01-01T00:05:00Z")
    assert not wait([ending], TIMEOUT * 0.7).done
    assert ending.result(10).cause is not None


def test_a_job_that_has_to_make_room_is_waited_for_again(followed: Followed) -> None:
    followed.job(suspend=False)
    followed.pod(RUNNING)
    ending = followed.follow()
    assert followed.lasts(ending)
    followed.job(suspend=True, condition=("Suspended", "True"))
    followed.cluster.delete("pods", "iris-abcde")
    assert followed.lasts(ending)
    followed.job(condition=("Complete", "True"))
    assert ending.result(10) == Ended()


def test_a_pod_with_scheduling_gates_waits_for_admission(
    followed: Followed, capsys: pytest.CaptureFixture[str]
) -> None:
    followed.job()
    followed.pod({"phase": "Pending", "conditions": [GATES]})
    ending = followed.follow()
    assert followed.lasts(ending)
    began = time.monotonic()
    followed.pod({"phase": "Pending", "conditions": [NO_NODE]})
    ended = ending.result(10)
    assert time.monotonic() - began > TIMEOUT * 0.9
    assert str(ended.cause).startswith("pod iris-abcde cannot start: Unschedulable: 0/3 nodes")
    said = capsys.readouterr().err
    assert "note: pod iris-abcde has scheduling gates and waits for admission" in said
    assert said.count("note: the Job is admitted") == 1
    assert "Scheduling is blocked" not in said

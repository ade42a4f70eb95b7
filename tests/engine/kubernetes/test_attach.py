"""`reprise attach` to what a store names: it deletes a Job at its end, so it has to be the run's own."""

import mlflow
import pytest
from kubernetes_stand_in import stand_in

from reprise.base import tag
from reprise.base.errors import WrongCall
from reprise.kubernetes import attach as attaching
from reprise.kubernetes.attach import attach


def run_with(named: str) -> str:
    return str(mlflow.MlflowClient().create_run("0", tags={tag.KUBERNETES_JOB: named}).info.run_id)


@pytest.mark.parametrize("named", ["", "x", "a/b/c", "here/../../nodes/n1", "here/iris?x", "here/iris\n"])
def test_a_tag_that_names_no_job_is_one_line(store: str, named: str) -> None:
    run_id = run_with(named or " ")
    with pytest.raises(WrongCall, match=f"run {run_id} names no Job: its tag .*, not <namespace>/<name>"):
        attach(run_id, None)


def test_the_job_of_somebody_else_is_left_alone(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = run_with("here/payroll")
    with stand_in() as (cluster, server):
        cluster.put("jobs", "payroll", {}, {"conditions": [{"type": "Complete", "status": "True"}]})
        monkeypatch.setattr(attaching, "connect", lambda _context: server)
        with pytest.raises(WrongCall, match=f"Job payroll in namespace here is not of run {run_id}.*nothing was done"):
            attach(run_id, None)
        assert "payroll" in cluster.objects["jobs"]
    assert mlflow.get_run(run_id).info.status == "RUNNING"

"""The Job that is asked for, and what its status says: without a cluster."""

import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import mlflow
import pytest
import yaml
from conftest import PROJECT, commit_all

from reprise.backends import kubernetes_commit as backend
from reprise.base.errors import JobFailed, WrongCall
from reprise.code.project_uri import ProjectUri
from reprise.code.repository import find
from reprise.kubernetes import admission, manifest, pod_status, reach, template
from reprise.kubernetes.api_server import ApiServer
from reprise.kubernetes.manifest import PodSettings
from reprise.kubernetes.settings import KubernetesSettings
from reprise.running.backend_settings import read_settings
from reprise.running.run_request import RunRequest

SHIPPED = PROJECT / "deploy/job.yaml"
RUN_ID = "0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d"
REPOSITORY, COMMIT = "https://host/me/iris.git", "4" * 40
REQUEST = RunRequest(ProjectUri(REPOSITORY, COMMIT, "sub"), "train", {"C": "1.0"}, "uv", run_id=RUN_ID)
PODS = PodSettings("iris", "https://tracking.example.org")


def test_a_template_is_kept_and_a_run_put_into_it() -> None:
    given = template.read(SHIPPED)
    before = yaml.safe_dump(given)
    job = manifest.build(given, REQUEST, PODS)
    assert yaml.safe_dump(given) == before
    assert job["metadata"]["name"] == "iris-0b3f5c7e9a1d4f6b8c2e4a6d8f0b1c3d"
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["labels"]["reprise/run-id"] == RUN_ID
        assert metadata["annotations"]["reprise/entry-point"] == "train"
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][:2] == ["sh", "-c"]
    assert container["args"] == [
        "fill", RUN_ID, f"{REPOSITORY}#{COMMIT}:sub", "--entry-point=train", "--env-manager=uv",
        "-PC=1.0",
    ]  # fmt: skip
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert variables["MLFLOW_TRACKING_URI"] == PODS.tracking_uri
    assert variables["MLFLOW_ENV_ROOT"] == "/cache/environments"
    assert container["resources"] == given["spec"]["template"]["spec"]["containers"][0]["resources"]


def test_workers_are_a_job_beside_the_runs_that_goes_with_it() -> None:
    given = template.read(SHIPPED)
    given["spec"]["completions"] = 1
    run = manifest.build(given, REQUEST, PODS)
    run["metadata"]["uid"] = "7"  # as the cluster gives it
    job = manifest.build_workers(given, REQUEST, replace(PODS, workers=3), run)
    (owner,) = job["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "batch/v1", "kind": "Job", "name": run["metadata"]["name"], "uid": "7"}
    assert job["metadata"]["name"] == f"workers-iris-{RUN_ID}"
    assert (job["spec"]["parallelism"], job["spec"]["backoffLimit"]) == (3, 18)
    assert "completions" not in job["spec"]
    ours, others = (one["spec"]["template"] for one in (job, run))
    assert ours["metadata"]["labels"] | {"app.kubernetes.io/component": "run"} == others["metadata"]["labels"]
    container, other = (one["spec"]["containers"][0] for one in (ours, others))
    assert container["args"] == ["work", RUN_ID, "--env-manager=uv"]
    assert container["command"] == other["command"]
    assert container["resources"] == other["resources"]
    variables = [one["name"] for one in container["env"]]
    assert {"REPRISE_HOST", "MLFLOW_TRACKING_URI"} <= set(variables)
    assert "MLFLOW_RUN_ID" not in variables  # a worker's reason to fail is not the search's


def test_the_key_of_a_search_is_in_a_secret_alone_which_goes_with_the_job() -> None:
    given, pods = template.read(SHIPPED), replace(PODS, workers=3, has_key=True)
    run = manifest.build(given, REQUEST, pods)
    run["metadata"]["uid"] = "7"
    secret = manifest.build_key(given, REQUEST, pods, "the key", run)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": run["metadata"]["name"], "uid": "7"}
    assert secret["metadata"]["ownerReferences"] == [owner]
    assert secret["stringData"] == {"key.pem": "the key"}
    for job in (run, manifest.build_workers(given, REQUEST, pods, run)):
        (volume,) = [one for one in template.pod(job)["volumes"] if one["name"] == "reprise-key"]
        assert volume["secret"] == {"secretName": secret["metadata"]["name"], "defaultMode": 0o440}
        container = template.container(job)
        assert {"name": "reprise-key", "mountPath": "/run/reprise", "readOnly": True} in container["volumeMounts"]
        assert {"name": "REPRISE_KEY", "value": "/run/reprise/key.pem"} in container["env"]
        assert "the key" not in str(job)
    bare = {"spec": {"template": {"spec": {"containers": [{"image": "any"}]}}}}
    (volume,) = template.pod(manifest.build(bare, REQUEST, pods))["volumes"]
    assert volume["secret"]["defaultMode"] == 0o444  # of a pod's user nothing is known but that root reads all


def test_who_may_not_write_the_key_is_told_so_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    given, pods = template.read(SHIPPED), replace(PODS, workers=3, has_key=True)
    monkeypatch.setattr(admission, "_may", lambda _server, asked: asked["resource"] != "secrets")
    server = ApiServer("context", "here", "https://127.0.0.1:9", None, None)
    jobs, key = [manifest.build(given, REQUEST, pods)], manifest.build_key(given, REQUEST, pods, "")
    with pytest.raises(JobFailed, match=r"may not create secrets in namespace here.*deploy/role\.yaml"):
        admission.check_admitted(server, "here", jobs, key)


def test_without_a_search_there_is_no_key() -> None:
    job = manifest.build(template.read(SHIPPED), REQUEST, PODS)
    assert "reprise-key" not in str(job)
    assert "REPRISE_KEY" not in str(job)


@pytest.mark.parametrize("name", ["REPRISE_KEY", "DASK_DISTRIBUTED__COMM__TLS__CA_FILE"])
def test_a_template_with_keys_of_its_own_keeps_them(name: str) -> None:
    given = template.read(SHIPPED)
    assert not template.brings_key(given)
    template.container(given)["env"].append({"name": name, "value": "/keys/ca.pem"})
    assert template.brings_key(given)


def as_kubernetes_expands(text: str) -> str:
    """What the kubelet gives to a container for a text of `command`, `args` or `env`; every variable is set to "X"."""
    return re.sub(r"\$\$|\$\([^)]*\)", lambda found: "$" if found[0] == "$$" else "X", text)


@pytest.mark.parametrize(
    "text", ["$(HOME)", "$$(HOME)", "$$$(HOME)", "costs $$ and $", "$HOME", "a$", "$($(HOME))", "$("]
)
def test_no_variable_is_put_into_what_a_person_typed(text: str) -> None:
    """Of the run's own Job and of its workers'; variables in the template itself are its author's."""
    place = ProjectUri(REPOSITORY, COMMIT, text)
    request = replace(REQUEST, place=place, entry_point=text, parameters={text: text})
    pods = PodSettings("iris", text, text, workers=2)
    given = template.read(SHIPPED)
    template.container(given)["env"].append({"name": "MINE", "value": "$(REPRISE_POD)"})
    for job in (manifest.build(given, request, pods), manifest.build_workers(given, request, pods)):
        container = template.container(job)
        variables = {one["name"]: one.get("value") for one in container["env"]}
        assert as_kubernetes_expands(variables["MLFLOW_TRACKING_URI"]) == text
        assert variables["MINE"] == "$(REPRISE_POD)"
        command = [as_kubernetes_expands(word) for word in container["command"]]
        assert command == ["sh", "-c", manifest._LAUNCH, text]  # noqa: SLF001
    arguments = [
        as_kubernetes_expands(word) for word in template.container(manifest.build(given, request, pods))["args"]
    ]
    written = f"{REPOSITORY}#{COMMIT}:{text}"
    assert arguments == ["fill", RUN_ID, written, f"--entry-point={text}", "--env-manager=uv", f"-P{text}={text}"]


def test_a_bare_template_gets_limits() -> None:
    bare = {"spec": {"template": {"spec": {"containers": [{"image": "any"}]}}}}
    spec = manifest.build(bare, REQUEST, PODS)["spec"]
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0


def terminate(*_arguments: Any, **_named: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def fail(*_arguments: Any, **_named: Any) -> None:
    raise RuntimeError("of no kind that anybody thought of")


@pytest.mark.parametrize(
    ("happens", "kind", "status"), [(terminate, KeyboardInterrupt, "KILLED"), (fail, RuntimeError, "FAILED")]
)
def test_a_run_does_not_stay_running_whatever_happens_on_the_way(
    happens: Any, kind: type[BaseException], status: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the Job, which may have been made, is deleted."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project/MLproject").write_text("entry_points: {main: {command: 'true'}}")
    commit_all(tmp_path / "project")
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    abandoned = []
    monkeypatch.setattr(backend, "ask", happens)
    monkeypatch.setattr(backend, "abandon", lambda _server, place: abandoned.append(place.namespace))
    monkeypatch.setattr(backend, "check_admitted", lambda *_: None)
    request = RunRequest(
        ProjectUri(str(tmp_path / "project")), env_manager="uv", experiment_id=os.environ["MLFLOW_EXPERIMENT_ID"]
    )
    server = ApiServer("context", "here", "https://127.0.0.1:9", None, None)
    with pytest.raises(kind):
        backend._submit(  # noqa: SLF001
            server,
            template.read(SHIPPED),
            read_settings(KubernetesSettings, {"kube-job-template-path": str(SHIPPED)}),
            request,
            find(request.place),
            "http://127.0.0.1:9",
        )
    assert [run.info.status for run in mlflow.search_runs(output_format="list")] == [status]
    assert abandoned == ["here"]


@pytest.mark.parametrize("title", ["iris", "x" * 200, "Ein Projekt, schön", "日本", "-", "a/b.git", ""])
def test_any_title_makes_a_valid_name_with_room_for_a_pods(title: str) -> None:
    name = manifest.job_name(title, RUN_ID)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) + len("-abcde") <= 63


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kind: [", "is no YAML"),
        ("kind: Pod", "is not one Job of batch/v1"),
        ("{apiVersion: batch/v1, kind: Job, spec: {}}", "has no container"),
        ("{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: [{name: a}]}}}}", "names no image"),
        (SHIPPED.read_text().replace("backoffLimit: 0", "completions: 3"), "has completions: 3"),
        (
            SHIPPED.read_text().replace("          env:", "          env: {a: b}\n          x:"),
            "has env that are no list",
        ),
        (SHIPPED.read_text().replace("- name: run", "- name: run\n          args: [x]"), "sets command or args"),
    ],
)
def test_a_template_that_is_none_is_one_line(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises(WrongCall, match=reason) as raised:
        template.read(tmp_path / "job.yaml")
    assert "\n" not in raised.value.format_message()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "lacks kube-job-template-path; see deploy/kubernetes.json, which names"),
        ({"kube-job-template-path": "x", "namespace": "y"}, "'namespace' is not known; kubernetes-commit takes"),
        ({"kube-job-template-path": "x", "start-timeout": "1"}, "start-timeout is '1'; it takes seconds"),
        ({"kube-job-template-path": "x", "start-timeout": 0}, "seconds, above 0"),
        ({"kube-job-template-path": "x", "workers": 0}, "workers is 0; it takes a whole number from 1 to 10,000"),
        ({"kube-job-template-path": "x", "workers": "2"}, "workers is '2'; it takes a whole number"),
    ],
)
def test_a_wrong_configuration_is_one_line(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(WrongCall, match=reason):
        read_settings(KubernetesSettings, {"ENV_MANAGER": None, **config})


def test_what_is_wrong_in_a_file_has_its_line(tmp_path: Path) -> None:
    """The file is the one that `mlflow run` was given; each problem is told."""
    file = tmp_path / "kubernetes.json"
    file.write_text('{\n  "kube-job-template-path": "x",\n  "workers": "2",\n  "namespace": 1\n}')
    command = click.Context(click.Command("run"))
    command.params = {"backend_config": str(file)}
    with command, pytest.raises(WrongCall) as raised:
        read_settings(KubernetesSettings, json.loads(file.read_text()))
    assert raised.value.format_message() == (
        f"backend config {file}, line 3: workers is '2'; it takes a whole number from 1 to 10,000; "
        f"{file}, line 4: 'namespace' is not known; kubernetes-commit takes kube-job-template-path, kube-context, "
        "start-timeout, launcher, workers"
    )


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("sqlite:////home/me/mlflow.db", "which a pod cannot reach; start a tracking server"),
        ("http://localhost:5000", "loopback, .*hostNetwork: true"),
        ("http://127.1.2.3:5000", "loopback"),
        ("http://[::1]:5000", "loopback"),
        ("https://me:secret@example.org", "holds a password"),
    ],
)
def test_a_tracking_server_out_of_reach_is_refused(uri: str, reason: str) -> None:
    given = template.read(SHIPPED)
    with pytest.raises(WrongCall, match=reason) as raised:
        reach.tracking_uri(uri, given)
    assert "secret" not in raised.value.format_message()
    template.container(given)["env"].append({"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow.svc:5000"})
    assert reach.tracking_uri(uri, given) == "http://mlflow.svc:5000"


def test_folders_are_the_pods_only_by_a_shared_volume() -> None:
    given = template.read(SHIPPED)
    reach.artifacts("mlflow-artifacts:/1", given)
    reach.repository("git@host:me/repo.git", given)
    for place in (None, "https://host/reprise.git", "ssh://git@host/reprise.git"):
        reach.engine(place, given)
    engine = "file://localhost/tmp/engine"
    for call, place in ((reach.artifacts, "/tmp/artifacts"), (reach.repository, "/tmp/repo"), (reach.engine, engine)):
        with pytest.raises(WrongCall, match="pod does not have"):
            call(place, given)
    with pytest.raises(WrongCall, match=r"the repository http://127\.0\.0\.1/e\.git of the engine is on this machine"):
        reach.engine("http://127.0.0.1/e.git", given)
    template.pod(given)["volumes"][0] = {"name": "work", "persistentVolumeClaim": {"claimName": "share"}}
    reach.artifacts("/tmp/artifacts", given)
    reach.engine(engine, given)


def pod(status: dict[str, Any], name: str = "iris-abcde") -> dict[str, Any]:
    container = {"name": "run", "resources": {"limits": {"memory": "1Gi"}}}
    metadata = {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "spec": {"containers": [container]}, "status": {"phase": "Failed", **status}}


def terminated(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "run", "state": {"terminated": state}}]}


@pytest.mark.parametrize(
    ("status", "reason", "exit_code", "by_exit"),
    [
        (terminated(exitCode=3, reason="Error"), "ended with exit code 3", 3, True),
        (terminated(exitCode=137, reason="OOMKilled"), "ran out of memory; its limit is 1Gi", 137, False),
        (
            {"reason": "Evicted", "message": "The node was low on resource: memory."},
            "Evicted: The node was low",
            1,
            False,
        ),
        ({"reason": "NodeLost", "message": "Node n1 is gone"}, "NodeLost: Node n1", 1, False),
        (terminated(exitCode=128, reason="StartError", message="no such file"), "StartError: no such file", 128, False),
        ({}, "its node does not say why", 1, False),
        (
            {
                **terminated(exitCode=137, reason="Error"),
                "conditions": [
                    {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "m"}
                ],
            },
            "was taken away: PreemptionByScheduler",
            1,
            False,
        ),
    ],
)
def test_a_failed_pod_says_why(status: dict[str, Any], reason: str, exit_code: int, by_exit: bool) -> None:  # noqa: FBT001
    ended = pod_status.of_pod(pod(status))
    assert reason in str(ended.cause)
    assert (ended.exit_code, ended.by_exit) == (exit_code, by_exit)


def test_a_job_ends_by_its_condition() -> None:
    def job(kind: str, **condition: str) -> dict[str, Any]:
        condition = {"type": kind, "status": "True", **condition}
        return {"spec": {"activeDeadlineSeconds": 9}, "status": {"conditions": [condition]}}

    assert pod_status.of_job({"spec": {}, "status": {}}, []) is None
    assert pod_status.of_job(job("Suspended"), []) is None
    assert pod_status.of_job(job("Complete"), []) == pod_status.Ended()
    for condition, reason in {
        ("DeadlineExceeded", ""): "longer than activeDeadlineSeconds, 9 s",
        ("BackoffLimitExceeded", "limit"): "BackoffLimitExceeded: limit",
    }.items():
        ended = pod_status.of_job(job("Failed", reason=condition[0], message=condition[1]), [])
        assert ended is not None
        assert reason in str(ended.cause)
    failed = pod_status.of_job(job("Failed", reason="BackoffLimitExceeded"), [pod(terminated(exitCode=3))])
    assert failed is not None
    assert failed.exit_code == 3


def test_a_pod_that_waits_says_for_what() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling"}
    status = {"phase": "Pending", "containerStatuses": [{"name": "run", "image": "x:1", "state": {"waiting": waiting}}]}
    assert pod_status.of_waiting(pod(status)) == ("ImagePullBackOff", "image x:1: Back-off pulling")
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    assert pod_status.of_waiting(pod({"phase": "Pending", "conditions": [scheduled]})) == ("Unschedulable", "0/3 nodes")
    creating = {"name": "run", "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert pod_status.of_waiting(pod({"phase": "Pending", "containerStatuses": [creating]})) is None

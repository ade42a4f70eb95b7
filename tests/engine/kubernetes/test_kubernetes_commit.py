"""The backend `kubernetes-commit` on a real cluster."""

import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from click.testing import CliRunner
from conftest import commit_all, copy_project, environment, git
from kubernetes_cluster import (
    NEEDS_CLUSTER,
    Servers,
    all_runs,
    configure,
    foreign_project,
    free_port,
    guarded,
    jobs_of,
    kubectl,
    node_cache,
    publish,
    run_backend,
    serve,
    template,
    wait_until,
    work_in,
)

from reprise.base.errors import JobFailed, WrongCall
from reprise.cli.commands import cli
from reprise.kubernetes.conclusion import KubernetesJobFailed

pytestmark = NEEDS_CLUSTER


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serve(tmp_path_factory.mktemp("servers")) as serving:
        yield serving


@pytest.fixture(scope="module")
def foreign(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = foreign_project(tmp_path_factory.mktemp("projects") / "foreign")
    publish(servers, folder)
    return folder


@pytest.fixture(scope="module")
def cache() -> Iterator[Path]:
    with node_cache() as folder:
        yield folder


@pytest.fixture(scope="module")
def full() -> Iterator[str]:
    """A namespace in which no pod may be."""
    name = f"full-{os.getpid()}"
    kubectl("create", "namespace", name)
    kubectl("create", "quota", "none", "--hard=pods=0", f"--namespace={name}")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(autouse=True)
def here(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work_in(tmp_path, servers, monkeypatch)


@pytest.fixture
def job(cache: Path) -> dict[str, Any]:
    return template(cache)


def test_a_run_ends_as_its_job_ended(foreign: Path, job: dict[str, Any], tmp_path: Path) -> None:
    """Seven at once: done, failed, out of memory, evicted, out of time, without an image, and without a node."""

    def config(name: str, change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Any]:
        own = yaml.safe_load(yaml.safe_dump(job))
        change(own)
        (tmp_path / name).mkdir()
        return configure(tmp_path / name, own, **{"start-timeout": 10} if name in ("image", "node") else {})

    def pod(own: dict[str, Any]) -> Any:
        return own["spec"]["template"]["spec"]

    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "done": ("main", config("done")),
        "exit": ("fail", config("exit")),
        "memory": ("memory", config("memory")),
        "disk": ("disk", config("disk", lambda own: pod(own)["volumes"][0].update(emptyDir={"sizeLimit": "1Mi"}))),
        "deadline": ("wait", config("deadline", lambda own: own["spec"].update(activeDeadlineSeconds=20))),
        "image": ("main", config("image", lambda own: pod(own)["containers"][0].update(image="127.0.0.1:1/none:1"))),
        "node": ("main", config("node", lambda own: pod(own).update(nodeSelector={"no": "such"}))),
    }
    with ThreadPoolExecutor(len(calls)) as threads:
        ends: dict[str, Future[str]] = {
            name: threads.submit(run_backend, foreign, config, entry_point)
            for name, (entry_point, config) in calls.items()
        }
    done = mlflow.get_run(ends.pop("done").result())
    assert done.info.status == "FINISHED"
    assert done.data.params == {"word": "hello"}
    expected = {
        "mlflow.source.git.commit": git(foreign, "rev-parse", "HEAD"),
        "mlflow.project.backend": "kubernetes-commit",
        "mlflow.project.entryPoint": "main",
    }
    assert expected.items() <= done.data.tags.items()
    for name, (reason, exit_code) in {
        "exit": ("ended with exit code 7", 7),
        "memory": ("ran out of memory; its limit is 1500Mi (OOMKilled)", 137),
        "disk": ('Evicted: Usage of EmptyDir volume "work" exceeds the limit "1Mi"', 1),
        "deadline": ("it ran longer than activeDeadlineSeconds, 20 s", 1),
        "image": ("image 127.0.0.1:1/none:1", 1),
        "node": ("cannot start: Unschedulable: 0/", 1),
    }.items():
        error = ends[name].exception()
        assert isinstance(error, KubernetesJobFailed), name
        assert reason in error.format_message()
        assert error.exit_code == exit_code
        run = mlflow.get_run(error.run_id)
        assert (run.info.status, reason in run.data.tags["reprise.failure"]) == ("FAILED", True), name
    assert [jobs_of(run) for run in all_runs()] == [""] * 7


def test_a_parameter_reaches_the_job_as_it_was_typed(
    foreign: Path, job: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Kubernetes itself puts variables into the arguments of a container, and takes `$$` for `$`."""
    typed = "$(MLFLOW_RUN_ID) $$(MLFLOW_RUN_ID) $$ $HOME $"
    run = mlflow.get_run(run_backend(foreign, configure(tmp_path, job), word=typed))
    assert f"said {typed}\n" in capfd.readouterr().out
    assert run.info.status == "FINISHED"


def changed(job: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *folders, last = path.split("/")
    place: Any = job
    for folder in folders:
        place = place[int(folder) if folder.isdigit() else folder]
    place[last] = value
    return job


POD = "spec/template/spec"


@pytest.mark.parametrize(
    ("path", "value", "kind", "reason"),
    [
        (f"{POD}/containers/0/resources", {"limits": {"memory": "much"}}, WrongCall, "quantities must match"),
        (f"{POD}/restartPolicy", "Always", WrongCall, "restartPolicy Always; use Never"),
        (f"{POD}/containers", [], WrongCall, r"has no container at spec\.template\.spec\.containers"),
        (f"{POD}/containers/0/image", None, WrongCall, "names no image"),
        (f"{POD}/containers/0/envFrom", [{"secretRef": {"name": "none"}}], WrongCall, "secret 'none', which the job"),
        (f"{POD}/hostNetwork", False, WrongCall, "loopback, .*set hostNetwork: true"),
        ("metadata/namespace", "no-such", WrongCall, "no-such.* not found"),
        ("metadata/namespace", "full", JobFailed, "exceeded quota: none, requested: pods=1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    path: str, value: Any, kind: type[JobFailed], reason: str,
    foreign: Path, job: dict[str, Any], tmp_path: Path, full: str,
) -> None:  # fmt: skip
    value = full if value == "full" else value
    with pytest.raises(kind, match=reason) as raised:
        run_backend(foreign, configure(tmp_path, changed(job, path, value)))
    assert "\n" not in raised.value.format_message()
    assert all_runs() == []


def test_a_commit_that_is_nowhere_but_here_is_refused(
    foreign: Path, job: dict[str, Any], servers: Servers, tmp_path: Path
) -> None:
    git(foreign, "clone", "--quiet", str(foreign), str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    with pytest.raises(WrongCall, match="is a folder of this machine, which a pod does not have"):
        run_backend(clone, configure(tmp_path, job))
    git(clone, "remote", "set-url", "origin", f"{servers.git}/foreign.git")
    sha = commit_all(clone)
    with pytest.raises(WrongCall, match=rf"commit {sha} is not on origin .*; run git push origin main"):
        run_backend(clone, configure(tmp_path, job))
    git(clone, "remote", "remove", "origin")
    with pytest.raises(WrongCall, match="folder of this machine, which a pod does not have; give it a remote"):
        run_backend(clone, configure(tmp_path, job))
    git(clone, "remote", "add", "origin", "git@127.0.0.1:me/clone.git")
    assert all_runs() == []


def as_somebody(tmp_path: Path, token: str) -> Path:
    """Write a kubeconfig that logs in by a token."""
    config = yaml.safe_load(kubectl("config", "view", "--raw", "--flatten", "--minify"))
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


SERVICE_ACCOUNT = """
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata: {name: token, annotations: {kubernetes.io/service-account.name: default}}
"""


def test_a_cluster_that_forbids_or_is_away_is_one_line(
    foreign: Path, job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    config = configure(tmp_path, job)
    with pytest.raises(WrongCall, match=r"context 'no-such' is not in .*; it has "):
        run_backend(foreign, {**config, "kube-context": "no-such"})
    kubectl("apply", "--namespace", full, "-f", "-", stdin=SERVICE_ACCOUNT)
    read = ("get", "secret", "token", "--namespace", full, "-o", "go-template={{.data.token | base64decode}}")
    wait_until(lambda: "no value" not in kubectl(*read))
    monkeypatch.setenv("KUBECONFIG", str(as_somebody(tmp_path, kubectl(*read))))
    with pytest.raises(JobFailed, match=r"may not create jobs, get jobs, .*, get pods/log in namespace default; ask"):
        run_backend(foreign, config)
    monkeypatch.setenv("KUBECONFIG", str(as_somebody(tmp_path, "expired")))
    with pytest.raises(JobFailed, match=r"refuses the credentials of context .*expired"):
        run_backend(foreign, config)
    text = Path(os.environ["KUBECONFIG"]).read_text().replace(":6443", f":{free_port()}")
    Path(os.environ["KUBECONFIG"]).write_text(text)
    with pytest.raises(JobFailed, match=r"does not answer: .*Connection refused"):
        run_backend(foreign, config)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(WrongCall, match=r"no cluster to run on: .*; set KUBECONFIG"):
        run_backend(foreign, config)
    assert all_runs() == []


def start(foreign: Path, entry_point: str, tmp_path: Path, **variables: str) -> subprocess.Popen[bytes]:
    options = ["-b", "kubernetes-commit", "--backend-config", str(tmp_path / "kubernetes.json")]
    command = ["mlflow", "run", str(foreign), "-e", entry_point, *options, "--env-manager", "local"]
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "REPRISE_CACHE")
    own = environment(**{name: os.environ[name] for name in names}, **variables)
    return subprocess.Popen(command, env=own, stdout=subprocess.PIPE)


def wait_for_line(process: subprocess.Popen[bytes], text: bytes) -> None:
    assert process.stdout
    lines = iter(process.stdout.readline, b"")
    assert any(text in line for line in lines)


def test_ctrl_c_deletes_the_job(foreign: Path, job: dict[str, Any], tmp_path: Path) -> None:
    configure(tmp_path, job)
    with start(foreign, "wait", tmp_path) as process:
        wait_for_line(process, b"waiting")
        process.send_signal(signal.SIGINT)
        assert process.wait(90) != 0
    (run,) = all_runs()
    assert (run.info.status, run.data.tags["reprise.failure"]) == ("KILLED", "interrupted")
    assert jobs_of(run) == ""


class Wire:
    """The way to the API server, which can be cut and mended; each connection is passed on by two threads."""

    def __init__(self, port: int) -> None:
        self.port, self.target, self.open = free_port(), port, True
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            if not self.open:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.ends += [near, far]
            threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()

    @staticmethod
    def _pass_on(near: socket.socket, far: socket.socket) -> None:
        try:
            while True:
                for end in select.select([near, far], [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    (far if end is near else near).sendall(data)
        except OSError:
            return
        finally:
            near.close()
            far.close()

    def cut(self) -> None:
        self.open = False
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_a_dead_caller_attaches_again_over_a_restart_of_the_api_server(
    foreign: Path, job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of the log is there once."""
    configure(tmp_path, job)
    with start(foreign, "count", tmp_path) as process:
        wait_for_line(process, b"line 3")
        process.kill()
    (run,) = all_runs()
    assert run.info.status == "RUNNING"
    config = yaml.safe_load(kubectl("config", "view", "--raw", "--flatten", "--minify"))
    cluster = config["clusters"][0]["cluster"]
    wire = Wire(int(cluster["server"].rpartition(":")[2]))
    cluster["server"] = f"https://127.0.0.1:{wire.port}"
    (tmp_path / "wired").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "wired"))

    def restart() -> None:
        time.sleep(3)
        wire.cut()
        time.sleep(3)
        wire.open = True

    threading.Thread(target=restart, daemon=True).start()
    shown = CliRunner().invoke(cli, ["attach", run.info.run_id])
    assert shown.exit_code == 0, shown.output
    assert [line for line in shown.output.splitlines() if line.startswith("line")] == [
        f"line {number}" for number in range(1, 41)
    ]
    assert "the cluster does not answer; the Job goes on meanwhile" in shown.output
    assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
    again = CliRunner().invoke(cli, ["attach", run.info.run_id])
    assert f"run {run.info.run_id} FINISHED" in again.output


def test_a_pod_that_is_lost_has_a_successor(foreign: Path, job: dict[str, Any], tmp_path: Path) -> None:
    """Kubernetes starts another, which fills the same run, unless the first had logged results."""
    job["spec"]["backoffLimit"] = 2
    config = configure(tmp_path, job)

    def lose(results: bool) -> str:  # noqa: FBT001
        known = {run.info.run_id for run in all_runs()}
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(run_backend, foreign, config, "count")
            wait_until(lambda: {run.info.run_id for run in all_runs()} - known)
            (run_id,) = {run.info.run_id for run in all_runs()} - known
            wait_until(lambda: "reprise.kubernetes.pod" in mlflow.get_run(run_id).data.tags)
            if results:
                mlflow.MlflowClient().log_metric(run_id, "loss", 1.0)
            kubectl("delete", "pod", mlflow.get_run(run_id).data.tags["reprise.kubernetes.pod"], "--wait=false")
            return running.result()

    run = mlflow.get_run(lose(results=False))
    assert (run.info.status, "reprise.failure" in run.data.tags) == ("FINISHED", False)
    with pytest.raises(KubernetesJobFailed, match=r"was lost after it had logged results, which pod .* log twice"):
        lose(results=True)


def test_a_private_repository_takes_the_secret_that_the_template_names(
    foreign: Path, job: dict[str, Any], servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/kubernetes.md says; without the Secret nothing is made."""
    namespace = f"private-{os.getpid()}"
    job["metadata"]["namespace"] = namespace
    config = configure(tmp_path, job)
    with guarded(servers.repositories, "me:secret") as address:

        def configuration(folder: Path, credentials: str) -> Path:
            folder.mkdir()
            (folder / "gitconfig").write_text(f"[credential]\n    helper = store --file={credentials}\n")
            (folder / "credentials").write_text(address.replace("//", "//me:secret@") + "\n")
            return folder

        here = configuration(tmp_path / "here", str(tmp_path / "here/credentials"))
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(here / "gitconfig"))
        pods = configuration(tmp_path / "pods", "/git/credentials")
        uri = f"{address}/foreign.git#{git(foreign, 'rev-parse', 'HEAD')}"
        kubectl("create", "namespace", namespace)
        try:
            with pytest.raises(WrongCall, match=r"takes credentials, .* of those it names, none is in namespace"):
                run_backend(uri, config)
            assert all_runs() == []
            files = [f"--from-file={pods / name}" for name in ("gitconfig", "credentials")]
            kubectl("create", "secret", "generic", "reprise-git", *files, "--namespace", namespace)
            run = mlflow.get_run(run_backend(uri, config))
        finally:
            kubectl("delete", "namespace", namespace, "--wait=false")
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.source.git.repoURL"] == f"{address}/foreign.git"
    assert "secret" not in str(run.to_dictionary())


def test_this_project_trains_and_finds_its_environment_again(
    servers: Servers, job: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The second time two at once, without building anything."""
    project = copy_project(tmp_path / "project")
    uri = f"{publish(servers, project)}#{git(project, 'rev-parse', 'HEAD')}"
    config = configure(tmp_path, job)
    first = mlflow.get_run(run_backend(uri, config, manager="uv"))
    assert "building the project's environment" in "".join(capfd.readouterr())
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda seed: run_backend(uri, config, manager="uv", seed=seed), ("0", "1")))
    said = "".join(capfd.readouterr())
    assert "building the project's environment" not in said
    assert " on 38 held-out rows" in said
    for run in (first, *map(mlflow.get_run, both)):
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.source.git.commit"] == git(project, "rev-parse", "HEAD")
        assert run.data.tags["mlflow.source.git.dirty"] == "false"
        assert run.outputs.model_outputs
    again = mlflow.get_run(both[0]).data.metrics
    assert {**again, "fit_seconds": 0} == {**first.data.metrics, "fit_seconds": 0}

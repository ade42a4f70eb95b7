"""`reprise reproduce` as a person types it: exit codes, and all versions of a registered model."""

import json
import re
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from conftest import commit_all, git

from reprise.base.errors import Irreproducible
from reprise.cli.commands import cli
from reprise.proof.repositories import place_of

JOB = "import mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('score', VALUE)\n"
CALL = ("reproduce", "--env-manager", "local")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, quick_python: None) -> None:
    """Keep clones out of the user's cache."""
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))


def make_version(folder: Path, value: str) -> str:
    """Run a tiny project that is in a repository of its own, and register a version that its run logged."""
    folder.mkdir()
    (folder / "MLproject").write_text("entry_points: {main: {command: python job.py}}")
    (folder / "job.py").write_text(JOB.replace("VALUE", value))
    commit_all(folder)
    run_id = str(mlflow.projects.run(str(folder), env_manager="local").run_id)
    client = mlflow.MlflowClient()
    if not client.search_registered_models():
        client.create_registered_model("it's mine")
    client.create_model_version("it's mine", str(folder), run_id)
    return run_id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "run 'nothing' is not in sqlite"),
        (["models:/nothing/1"], "model 'models:/nothing/1' cannot be found"),
        ([], "name a run, or --all --model NAME"),
        (["--all"], "name a run, or --all --model NAME"),
        (["nothing", "--metric", "accuracy"], "--metric is for --commits"),
        (["nothing", "--trust", "https://host/repo.git"], "--trust and --apply-patches are for --all"),
        (["nothing", "--apply-patches"], "--trust and --apply-patches are for --all"),
        (["--all", "--model", "nothing"], "registered model 'nothing' is not in sqlite"),
    ],
)
def test_a_wrong_call_is_one_line_and_makes_no_run(store: str, arguments: list[str], message: str) -> None:
    shown = CliRunner().invoke(cli, [*CALL, *arguments])
    assert shown.exit_code == 2
    assert message in shown.output
    assert mlflow.search_runs(search_all_experiments=True, output_format="list") == []


@pytest.mark.integration
def test_all_versions_go_to_trusted_repositories_only(store: str, tmp_path: Path) -> None:
    """Of three versions one diverges, one cannot be reproduced, and one is refused; the worst gives the exit code."""
    random = make_version(tmp_path / "trusted", "__import__('os').getpid()")
    gone = make_version(tmp_path / "gone", "1")
    untrusted = make_version(tmp_path / "untrusted", f"open({str(tmp_path / 'has run')!r}, 'a').write('once') or 1")
    mlflow.MlflowClient().set_tag(gone, "mlflow.source.git.commit", "")
    mlflow.MlflowClient().delete_tag(gone, "mlflow.source.git.commit")
    shown = CliRunner().invoke(cli, [*CALL, "--all", "--model", "it's mine", "--trust", str(tmp_path / "trusted")])
    assert shown.exit_code == 1, shown.output
    table = [re.split("  +", line) for line in shown.output.splitlines()[-3:]]
    assert [row[:2] for row in table] == [
        ["it's mine/1", "diverged"],
        ["it's mine/2", "cannot be reproduced"],
        ["it's mine/3", "refused"],
    ]
    assert "randomness: unexplained" in table[0][2]
    assert "no commit is recorded" in table[1][2]
    assert f"its repository, {tmp_path / 'untrusted'}, is not trusted" in table[2][2]
    assert (tmp_path / "has run").read_text() == "once"
    tags = mlflow.get_run(random).data.tags
    assert tags["reprise.reproduction"].startswith("diverged, run ")
    assert "reprise.reproduction" not in mlflow.get_run(untrusted).data.tags


def plant_patch(run_id: str, marker: Path) -> None:
    """Write into the store what nobody has committed, as whoever can write there may."""
    added = f"+open({str(marker)!r}, 'w').write('ran')"
    lines = ["diff --git a/job.py b/job.py", "--- a/job.py", "+++ b/job.py", "@@ -1,3 +1,4 @@", added]
    lines += [f" {line}" for line in JOB.replace("VALUE", "1").splitlines()]
    mlflow.MlflowClient().log_text(run_id, "\n".join(lines) + "\n", "provenance/patch.diff")


@pytest.mark.integration
@pytest.mark.parametrize("tag", ["complete", "none", None])
def test_all_runs_no_uncommitted_changes_that_the_store_has(store: str, tag: str | None, tmp_path: Path) -> None:
    """Whatever the run's tags say of them; a person may ask for it, and one who names the run is told."""
    run_id = make_version(tmp_path / "trusted", "1")
    marker = tmp_path / "ran"
    plant_patch(run_id, marker)
    if tag:
        mlflow.MlflowClient().set_tag(run_id, "reprise.patch", tag)
    call = [*CALL, "--all", "--model", "it's mine", "--trust", str(tmp_path / "trusted")]
    shown = CliRunner().invoke(cli, call)
    assert shown.exit_code == 3, shown.output
    row = shown.output.splitlines()[-1]
    assert row.startswith("it's mine/1  cannot be reproduced  it was not tried, since its uncommitted changes (")
    assert f"read provenance/patch.diff of run {run_id}, then name the run itself, or add --apply-patches" in row
    assert not marker.exists()
    if tag == "complete":
        CliRunner().invoke(cli, [*call, "--apply-patches"])
        assert marker.read_text() == "ran"


@pytest.mark.integration
def test_who_names_a_run_is_told_of_its_uncommitted_changes(
    store: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run_id = make_version(tmp_path / "mine", "1")
    plant_patch(run_id, tmp_path / "ran")
    CliRunner().invoke(cli, [*CALL, run_id])
    assert "which come from the store and not from the repository (provenance/patch.diff" in capfd.readouterr().err
    assert (tmp_path / "ran").read_text() == "ran"


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A bare repository as a forge has it: besides its branches and tags it serves what strangers propose."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "MLproject").write_text("name: x")
    commit_all(work, "first")
    git(work, "tag", "v1")
    git(work, "checkout", "--quiet", "-b", "proposal")
    commit_all(work, "proposed by a stranger")
    git(work, "checkout", "--quiet", "main")
    commit_all(work, "second")
    git(tmp_path, "clone", "--quiet", "--bare", "--single-branch", str(work), "served.git")
    bare = tmp_path / "served.git"
    git(work, "push", "--quiet", str(bare), "proposal:refs/pull/7/head", "proposal:refs/notes/x")
    for name in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
        git(bare, "config", name, "true")
    return bare


@pytest.mark.parametrize("by_url", [True, False])
def test_a_trusted_repository_is_its_branches_and_tags(served: Path, by_url: bool) -> None:  # noqa: FBT001
    place = served.as_uri() if by_url else str(served)
    for version in ("main", "main~1", "v1"):
        sha = git(served, "rev-parse", version)
        assert place_of(sha, "", [place], published=True)[1].sha == sha
    proposed = git(served, "rev-parse", "refs/pull/7/head")
    assert place_of(proposed, "", [place])[1].sha == proposed  # as a person may ask for it by name
    with pytest.raises(Irreproducible, match=f"commit {proposed} cannot be had: no branch or tag of .* leads to it"):
        place_of(proposed, "", [place], published=True)
    git(served, "update-ref", "refs/heads/merged", proposed)
    assert place_of(proposed, "", [place], published=True)[1].sha == proposed
    git(served, "update-ref", "-d", "refs/heads/merged")
    with pytest.raises(Irreproducible):  # by what stands there now, not by what has been fetched once
        place_of(proposed, "", [place], published=True)


def test_of_the_own_checkout_what_it_fetched_from_elsewhere_does_not_count(served: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(served), "own")
    own = tmp_path / "own"
    git(own, "fetch", "--quiet", "origin", "refs/pull/7/head:refs/remotes/origin/pr/7")
    proposed = git(own, "rev-parse", "refs/remotes/origin/pr/7")
    with pytest.raises(Irreproducible):
        place_of(proposed, "", [str(own)], published=True)
    git(own, "checkout", "--quiet", "--detach", proposed)
    assert place_of(proposed, "", [str(own)], published=True)[1].sha == proposed


@pytest.mark.integration
def test_all_does_not_run_what_a_trusted_repository_merely_serves(store: str, served: Path, tmp_path: Path) -> None:
    run_id = make_version(tmp_path / "trusted", "1")
    client = mlflow.MlflowClient()
    client.set_tag(run_id, "mlflow.source.git.commit", git(served, "rev-parse", "refs/pull/7/head"))
    client.set_tag(run_id, "mlflow.source.git.repoURL", served.as_uri())
    shown = CliRunner().invoke(cli, [*CALL, "--all", "--model", "it's mine", "--trust", served.as_uri()])
    assert shown.exit_code == 3, shown.output
    assert "refused" in shown.output
    assert f"no branch or tag of {served.as_uri()} leads to it" in shown.output
    assert len(mlflow.search_runs(search_all_experiments=True, output_format="list")) == 1


@pytest.mark.integration
@pytest.mark.parametrize("tag", ["of another commit", None])
def test_all_does_not_run_what_the_record_says_beside_the_tags(
    store: str, served: Path, tmp_path: Path, tag: str | None
) -> None:
    """The job runs the commit in provenance.json, which is checked there again."""
    marker = tmp_path / "ran"
    run_id = make_version(tmp_path / "trusted", "1")
    proposed = git(served, "rev-parse", "refs/pull/7/head")
    record: dict[str, object] = {
        "format": 1, "git": {"commit": proposed, "subdirectory": "", "patch": {"state": "none", "left_out": {}}},
        "environment": {"python_version": "3.11.2", "implementation": "CPython", "platform": "x", "machine": "x",
                        "installed": {}, "mismatches": [], "simd": [], "blas": []},
        "data": {"source": {"uri": "iris", "kind": "bundled", "in_project": None}, "fingerprint": "0", "rows": 1},
    }  # fmt: skip
    client = mlflow.MlflowClient()
    client.log_text(run_id, json.dumps(record), "provenance/provenance.json")
    client.set_tag(run_id, "mlflow.source.git.repoURL", served.as_uri())
    if tag is None:
        client.delete_tag(run_id, "mlflow.source.git.commit")
    else:
        client.set_tag(run_id, "mlflow.source.git.commit", git(served, "rev-parse", "main"))
    shown = CliRunner().invoke(cli, [*CALL, "--all", "--model", "it's mine", "--trust", served.as_uri()])
    assert shown.exit_code == 3, shown.output
    assert f"commit {proposed} cannot be had: no branch or tag of" in shown.output
    assert not marker.exists()

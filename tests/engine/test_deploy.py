"""What deploy/ ships, as files: nothing runs as root, and nobody may more than is needed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import PROJECT

from reprise.kubernetes import admission, template

DEPLOY = PROJECT / "deploy"
DOCKERFILES = sorted(DEPLOY.rglob("Dockerfile*"))
JOB = template.read(DEPLOY / "job.yaml")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "server/compose.yaml").read_text())
ROOTS = {"root", "0", ""}


def users(dockerfile: Path) -> list[str]:
    return re.findall(r"^USER\s+(\S+)\s*$", dockerfile.read_text(), re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_an_image_ends_as_a_user_whom_kubernetes_can_tell_from_root(dockerfile: Path) -> None:
    *_, last = users(dockerfile)
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", last), "runAsNonRoot looks at numbers alone"


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_what_an_image_is_made_of_can_be_named_by_digest(dockerfile: Path) -> None:
    lines = dockerfile.read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM ")] == ["FROM ${BASE}"]
    assert any(line.startswith("ARG BASE=") for line in lines)


def test_a_pod_is_confined() -> None:
    pod = template.pod(JOB)
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["runAsGroup"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert not own.get("privileged")
        assert own.get("runAsUser", 1) > 0


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_is_confined(name: str) -> None:
    service = COMPOSE["services"][name]
    assert str(service.get("user", "")).partition(":")[0] not in ROOTS
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not service.get("privileged")
    assert "cap_add" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    image = service.get("image") or service["build"]["args"]["BASE"]
    assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-\S+\}", image), "so that a digest can stand in its place"


def test_a_role_reads_the_secrets_of_the_template_and_no_others() -> None:
    role = yaml.safe_load((DEPLOY / "role.yaml").read_text())
    made, read = [rule for rule in role["rules"] if "secrets" in rule["resources"]]
    assert (made["verbs"], read["verbs"]) == (["create"], ["get"])
    assert set(template.secrets(JOB)) <= set(read["resourceNames"])
    assert not any("*" in rule[part] for rule in role["rules"] for part in ("apiGroups", "resources", "verbs"))
    allowed = {
        (group, *[*resource.split("/"), ""][:2], verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    needed = {(*what, verb) for what, verbs in admission.NEEDED.items() for verb in verbs}
    assert needed <= allowed

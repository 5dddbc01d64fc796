"""deploy/ as far as one machine without a cluster and without systemd can judge it: syntax, schemas, hardening, and agreement with the code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.this_machine.certificate import own_certificate
from deploy.this_machine.nginx import on_own_ports
from ibok_idp.install.check import ALL
from ibok_idp.install.files import Place, copy_files, write_settings
from ibok_idp.local.keycloak import BUILD_OPTIONS
from provisioning.staff_ui.limits import LARGEST_BODY

DEPLOY = Path(__file__).parents[2] / "deploy"
UTILITY = Path(__file__).parents[2] / "ibok_idp" / "look" / "utility.toml"
UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir() if path.suffix == ".service")
OURS = ("webapp", "provisioning", "worker")
_KUBERNETES = "1.33"

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not here (Debian: apt-get install nginx-light)")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here, which renders deploy/kubernetes")


def place() -> Place:
    hosts = ("https://ibok.example.com", "https://bok.example.com", "https://logowanie.example.com")
    stores = ("10.20.0.5:5432", "10.20.0.6:6379")
    return Place(*hosts, *stores, "smtps://mail.example.com", "ibok@example.com", "ibok-it", UTILITY)


# -- nginx ---------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The nginx files as the how-to lays them, under another root; the main file."""
    copy_files(tmp_path)
    folder = tmp_path / "nginx"
    (folder / "conf.d").mkdir()
    (folder / "ibok.conf").rename(folder / "conf.d" / "ibok.conf")
    own_certificate(folder / "tls", ["localhost"])
    return on_own_ports(folder, {}, logs=tmp_path)


@needs_nginx
def test_nginx_takes_the_example(site: Path) -> None:
    done = subprocess.run(["nginx", "-t", "-c", str(site)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_nginx
def test_nginx_finds_a_slip_in_the_example(site: Path) -> None:
    """Else the test above would show nothing."""
    example = site.parent / "conf.d" / "ibok.conf"
    example.write_text(example.read_text().replace("server_name ibok", "server_nam ibok"))
    assert subprocess.run(["nginx", "-t", "-c", str(site)], capture_output=True, check=False).returncode != 0


def test_nginx_lets_through_what_the_processes_take() -> None:
    from webapp.cli import _LARGEST_BODY

    sizes = [
        int(each) * 2**20 for each in re.findall(r"client_max_body_size (\d+)m;", (DEPLOY / "nginx" / "ibok.conf").read_text())
    ]
    assert sizes[0] >= _LARGEST_BODY
    assert sizes[1] >= LARGEST_BODY


# -- systemd -------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root with our units as the how-to lays them, and programs where they look for them."""
    units = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(DEPLOY / "systemd", units)
    for name in OURS:
        (units / f"ibok-{name}@.service.d").mkdir()
        shutil.copy(units / "hardening.conf", units / f"ibok-{name}@.service.d")
    programs = (DEPLOY / "systemd").glob("*.service")
    for program in {found for path in programs for found in re.findall(r"^Exec\w+=(\S+)", path.read_text(), re.MULTILINE)}:
        target = tmp_path / program.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("#!/bin/sh\n")
        target.chmod(0o755)
    for each in ("sysinit", "basic", "shutdown", "multi-user", "network-online", "sockets", "timers", "paths", "slices"):
        (units / f"{each}.target").write_text(f"[Unit]\nDescription={each}\n")
    (units / "system.slice").write_text("[Unit]\nDescription=system\n")
    return tmp_path


def instances() -> list[str]:
    return [path.name.replace("@.", "@8000.") for path in UNITS]


@needs_systemd
@pytest.mark.parametrize("unit", instances())
def test_systemd_understands_every_line_of_the_unit(machine: Path, unit: str) -> None:
    command = ["systemd-analyze", "verify", f"--root={machine}", "--man=no", "--recursive-errors=no", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "ibok" in line and "user" not in line.lower()]
    assert (done.returncode, told) == (0, []), done.stderr


@needs_systemd
@pytest.mark.parametrize("unit", instances())
def test_a_process_may_do_hardly_anything(machine: Path, unit: str) -> None:
    """The exposure that systemd counts, 0 to 10; an own unit without any hardening has 9.6."""
    allowed = 25 if "keycloak" in unit else 20  # in tenths
    command = ["systemd-analyze", "security", "--offline=true", f"--root={machine}", f"--threshold={allowed}", "--no-pager", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr


def test_every_process_checks_its_settings_before_it_starts() -> None:
    for name in OURS:
        text = (DEPLOY / "systemd" / f"ibok-{name}@.service").read_text()
        assert f"install-check --process {name}\n" in text
        assert f"EnvironmentFile=/etc/ibok/{name}.env\n" in text


# -- containers ----------------------------------------------------------------------------------


def test_the_image_of_keycloak_is_built_with_the_options_that_the_local_stack_has() -> None:
    assert f"kc.sh build {' '.join(BUILD_OPTIONS)}\n" in (DEPLOY / "containers" / "Containerfile.keycloak").read_text()


def test_no_image_runs_as_root() -> None:
    for name in ("Containerfile", "Containerfile.keycloak"):
        lines = (DEPLOY / "containers" / name).read_text().splitlines()
        last = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM")) :]
        assert [line for line in last if re.match(r"USER \d{5}$", line)], name


def test_compose_gives_each_container_what_it_needs_and_no_more() -> None:
    services = yaml.safe_load((DEPLOY / "containers" / "compose.yaml").read_text())["services"]
    for name in (*OURS, "migrate", "keycloak", "valkey"):
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
        assert "healthcheck" in services[name] or name == "migrate", name
    for name in (*OURS, "keycloak"):
        assert services[name]["env_file"].endswith(f"/{name}.env"), name
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


# -- Kubernetes ----------------------------------------------------------------------------------


@pytest.fixture
def rendered(tmp_path: Path) -> list[dict[str, Any]]:
    """The example overlay with fresh settings."""
    shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes")
    overlay = tmp_path / "kubernetes" / "example"
    write_settings(overlay, place())
    shutil.copy(UTILITY, overlay)
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@needs_kubectl
def test_every_object_keeps_the_schema_of_kubernetes(rendered: list[dict[str, Any]]) -> None:
    assert len(rendered) > 25
    for each in rendered:
        kubernetes_validate.validate(each, _KUBERNETES, strict=True)
    broken = json.loads(json.dumps(rendered[0])) | {"kind": "Namespace", "specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, _KUBERNETES, strict=True)


@needs_kubectl
def test_every_pod_has_probes_limits_and_no_right(rendered: list[dict[str, Any]]) -> None:
    pods = {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in rendered if "template" in each.get("spec", {})}
    assert set(pods) == {"webapp", "provisioning", "worker", "keycloak", "migrate"}
    for name, pod in pods.items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["automountServiceAccountToken"] is False, name
        assert container["securityContext"]["readOnlyRootFilesystem"], name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert "memory" in container["resources"]["limits"], name
        assert name == "migrate" or {"readinessProbe", "livenessProbe"} <= set(container), name


@needs_kubectl
def test_every_name_that_an_object_uses_is_another_objects(rendered: list[dict[str, Any]]) -> None:
    """Secrets, config maps and services, and the labels by which services, budgets and policies find pods."""
    names = {(each["kind"], each["metadata"]["name"]) for each in rendered}
    apps = {each["spec"]["template"]["metadata"]["labels"]["app"] for each in rendered if "template" in each.get("spec", {})}
    text = json.dumps(rendered)
    for kind, pattern in (
        ("Secret", r'"secretRef": \{"name": "([^"]+)"'),
        ("ConfigMap", r'"configMap": \{"name": "([^"]+)"'),
        ("Service", r'"service": \{"name": "([^"]+)"'),
    ):
        used = set(re.findall(pattern, text))
        assert used, kind
        assert {name for name in used if (kind, name) not in names} == set(), kind
    for each in rendered:
        if each["kind"] in ("Service", "PodDisruptionBudget") and each["metadata"]["name"] != "nowhere":
            selector = each["spec"]["selector"]
            assert (selector.get("matchLabels") or selector)["app"] in apps, each["metadata"]["name"]


def test_there_is_a_template_of_settings_for_every_process() -> None:
    assert {path.stem for path in (DEPLOY / "env").glob("*.env")} == set(ALL)

"""Dockerfile, compose.yaml and the workflow name files, commands and settings that there are."""

import re
import shutil
import subprocess
from dataclasses import fields
from typing import Any

import pytest
import yaml

from app.cli import parser
from app.config import NEEDED_BY_WEB, ROOT, Settings

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
HADOLINT = shutil.which("hadolint")
OURS = {name: each for name, each in COMPOSE["services"].items() if each.get("image") == "svyazka"}
GIVEN = re.compile(r"\$\{([A-Z_]+)[:}]")


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def test_the_image_takes_files_that_there_are_and_no_others_reach_it() -> None:
    sources = [part for rest in of("COPY") if "--from" not in rest for part in rest.split()[:-1]]
    assert sources
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    assert "*" in ignored  # var/ has keys, .env has secrets


def test_the_image_has_all_that_a_process_reads() -> None:
    copied = {part for rest in of("COPY") for part in rest.split()[:-1]}
    assert {"app", "migrations", "static", "templates", "alembic.ini"} <= copied


def test_it_is_not_root_is_looked_at_and_installs_by_hashes() -> None:
    assert of("USER") == ["10001"]
    assert "/healthz" in of("HEALTHCHECK")[0]
    assert "--require-hashes" in DOCKERFILE
    assert of("ENTRYPOINT") == ['["python", "-m", "app"]']
    assert of("CMD") == ['["web"]']


def test_only_the_last_stage_is_the_image() -> None:
    assert [rest.partition(" AS ")[2] for rest in of("FROM")] == ["base", "build", ""]


@pytest.mark.skipif(HADOLINT is None, reason="no hadolint here")
def test_hadolint_has_nothing_to_say() -> None:
    ended = subprocess.run(
        [str(HADOLINT), "Dockerfile"], cwd=ROOT, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, b"")


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_a_command_with_settings_that_are_read(name: str) -> None:
    service = OURS[name]
    assert parser.parse(service["command"]).command == name
    known = {each.metadata["variable"] for each in fields(Settings) if each.metadata}
    clients = {"EVOTOR_CLIENT_ID", "EVOTOR_CLIENT_SECRET"}
    assert service["environment"].keys() - known - clients == set()
    assert set(NEEDED_BY_WEB) <= service["environment"].keys()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_web_and_worker_wait_for_the_migration_and_it_for_the_database() -> None:
    for name in ("web", "worker"):
        assert OURS[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"}
        }
    waits = {"database": {"condition": "service_healthy"}}
    assert OURS["migrate"]["depends_on"] == waits
    assert "healthcheck" in COMPOSE["services"]["database"]


def test_no_image_moves_by_itself_and_no_secret_stands_in_the_file() -> None:
    for name, service in COMPOSE["services"].items():
        image = service["image"]
        assert image == "svyazka" or re.search(r":v?\d", image), name
    for name in ("SECRET_KEY", "TOKEN_ENCRYPTION_KEYS"):
        assert GIVEN.findall(OURS["web"]["environment"][name]) == [name]


def test_mail_is_caught_only_when_it_is_asked_for() -> None:
    assert COMPOSE["services"]["mailpit"]["profiles"] == ["mail"]


def test_the_workflow_runs_what_we_run_on_every_python() -> None:
    read = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    tests = read["jobs"]["tests"]
    assert [step["run"] for step in tests["steps"] if "run" in step][-1] == "bash .ci/run"
    assert tests["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert read["permissions"] == {"contents": "read"}
    for job in read["jobs"].values():
        assert job["timeout-minutes"] <= 60

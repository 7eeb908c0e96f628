"""A plain server: units for N webs and N workers, and nginx before two of them."""

import asyncio
import configparser
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli import parser
from app.config import NEEDED_BY_WEB, ROOT, Settings
from app.database.engine import Database
from app.web.server import KEEP_ALIVE
from tests.support.certificates import self_signed
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.servers import local_client

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NGINX_CONF = (DEPLOY / "nginx" / "nginx.conf").read_text(encoding="utf-8")
ANALYZE = shutil.which("systemd-analyze")
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
MOST_EXPOSED = 3.0  # as systemd-analyze counts: 10 is a program that may do everything
OPEN_PAGES = 10_000


class Unit(configparser.RawConfigParser):
    """Keys are case-sensitive, and may come twice."""

    def __init__(self) -> None:
        super().__init__(strict=False, interpolation=None)

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def service(file: Path) -> Any:
    unit = Unit()
    unit.read(file, encoding="utf-8")
    return unit["Service"]


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.stem)
def test_a_unit_starts_a_command_of_ours_and_wrong_settings_start_it_once(file: Path) -> None:
    read = service(file)
    words = read["ExecStart"].split()
    assert words[:3] == ["/opt/svyazka/.venv/bin/python", "-m", "app"]
    assert parser.parse(words[3:]).command in ("web", "worker")
    assert (read["Restart"], read["RestartPreventExitStatus"]) == ("always", "2")
    assert int(read["TimeoutStopSec"]) > 30  # what a process may take to end
    assert int(read["LimitNOFILE"]) >= 4 * OPEN_PAGES


def test_there_is_a_unit_for_webs_and_one_for_workers_and_each_has_its_port() -> None:
    assert [file.name for file in UNITS] == ["svyazka-web@.service", "svyazka-worker@.service"]
    web, worker = (service(file)["Environment"].split() for file in UNITS)
    assert {"PORT=%i", "RUN_MONITOR=0", "TRUSTED_HOPS=1"} <= set(web)
    assert "METRICS_PORT=%i" in worker


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.stem)
def test_a_unit_lets_the_program_do_little(file: Path) -> None:
    ended = run(str(ANALYZE), "security", "--offline=true", str(file))
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", ended.stdout)
    assert found, ended.stdout + ended.stderr
    assert float(found[1]) < MOST_EXPOSED


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_understands_every_line() -> None:
    ended = run(str(ANALYZE), "verify", *(str(file) for file in (DEPLOY / "systemd").iterdir()))
    # The program is not installed there, on the machine of the tests.
    other = [line for line in ended.stderr.splitlines() if "is not executable" not in line]
    assert other == []


def test_the_way_of_the_document_names_settings_units_and_files_that_there_are() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    section = text.partition("## A plain Debian server")[2].partition("\n## ")[0]
    settings = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", section, re.MULTILINE))
    known = {each.metadata["variable"] for each in fields(Settings) if each.metadata}
    clients = {"EVOTOR_CLIENT_ID", "EVOTOR_CLIENT_SECRET"}
    assert set(NEEDED_BY_WEB) <= settings <= known | clients
    enabled = re.search(r"systemctl enable --now (.*)", section)
    assert enabled
    there = {file.name for file in (DEPLOY / "systemd").iterdir()}
    for unit in enabled[1].split():
        assert re.sub(r"@\d+$", "@.service", unit) in there
    for command in re.findall(r"-m app (\w[\w ]*\w)", section):
        assert parser.parse(command.split()).command == command.split()[0]
    for file in re.findall(r" (?:/opt/svyazka/)?(deploy/\S+|requirements\.txt)", section):
        assert list(ROOT.glob(file)), file


def test_nginx_has_room_for_ten_thousand_pages_and_closes_before_we_do() -> None:
    connections = re.search(r"worker_connections (\d+);", NGINX_CONF)
    files = re.search(r"worker_rlimit_nofile (\d+);", NGINX_CONF)
    assert connections
    assert int(connections[1]) > 2 * OPEN_PAGES  # one to us for each
    assert files
    assert int(files[1]) > int(connections[1])
    idle = re.search(r"keepalive_timeout (\d+)s;\s+#", NGINX_CONF)
    assert idle
    assert int(idle[1]) < KEEP_ALIVE


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


class Proxy:
    """The file as it is, at other ports, with a certificate of its own."""

    def __init__(self, folder: Path, webs: list[int]) -> None:
        self.port = free_port()
        certificate, key = self_signed(folder)
        text = NGINX_CONF
        for before, after in (
            ("user www-data;", ""),
            ("/run/nginx.pid", f"{folder}/nginx.pid"),
            ("include /etc/nginx/modules-enabled/*.conf;", "daemon off; error_log stderr warn;"),
            ("listen [::]:443 ssl http2;", ""),
            ("listen [::]:80;", ""),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("listen 80", f"listen 127.0.0.1:{free_port()}"),
            ("/etc/letsencrypt/live/links.example.ru/fullchain.pem", str(certificate)),
            ("/etc/letsencrypt/live/links.example.ru/privkey.pem", str(key)),
            ("127.0.0.1:8000", f"127.0.0.1:{webs[0]}"),
            ("127.0.0.1:8001", f"127.0.0.1:{webs[1]}"),
        ):
            assert before in text, before
            text = text.replace(before, after)
        places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{each}_temp_path {folder}/{each};" for each in places)
        self.file = folder / "nginx.conf"
        self.file.write_text(text.replace("http {", f"http {{ {temporary}"), encoding="utf-8")


needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx here")


@needs_nginx
def test_nginx_takes_the_file(tmp_path: Path) -> None:
    ended = run(str(NGINX), "-t", "-c", str(Proxy(tmp_path, [1, 2]).file))
    assert "syntax is ok" in ended.stderr
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
async def programs() -> AsyncIterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        await program.close()


@needs_nginx
@pytest.mark.processes
async def test_webs_restarted_in_turn_fail_no_request(
    database: Database, database_url: str, tmp_path: Path, programs: list[Program]
) -> None:
    ports = [free_port(), free_port()]

    async def start(port: int) -> Program:
        environ = environment(database_url, port, RUN_MONITOR="0", TRUSTED_HOPS="1")
        program = Program([*APP, "web"], environ).start()
        programs.append(program)
        await answers(program, f"http://127.0.0.1:{port}/healthz")
        return program

    webs = [await start(port) for port in ports]
    proxy = Proxy(tmp_path, ports)
    programs.append(Program([str(NGINX), "-c", str(proxy.file)], {"PATH": "/usr/sbin"}).start())
    address = f"https://127.0.0.1:{proxy.port}"
    await answers(programs[-1], f"{address}/healthz")
    statuses: list[int] = []
    done = asyncio.Event()

    async def ask(client: httpx.AsyncClient) -> None:
        while not done.is_set():
            statuses.append((await client.get("/login")).status_code)

    async with local_client(base_url=address) as client:
        asking = [asyncio.create_task(ask(client)) for _ in range(8)]
        for number, port in enumerate(ports):
            before = len(statuses)
            webs[number].signal(signal.SIGTERM)
            assert await webs[number].ended() == 0
            webs[number] = await start(port)
            assert len(statuses) > before  # the other one answered meanwhile
        done.set()
        await asyncio.gather(*asking)
    assert len(statuses) > 50
    assert set(statuses) == {200}

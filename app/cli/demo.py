"""`python3 -m app`: the whole dashboard on this machine, with its own PostgreSQL and a sandbox
provider.

From the environment it reads only what forbids it to run: a production database, whose address may
be exported in the shell, must never get a demo account.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import uvloop

from app import local_postgres
from app.accounts import passwords, users
from app.cli.commands import migrate_database
from app.config import ROOT, Client, Settings
from app.database.encryption import new_key
from app.database.engine import open_database
from app.errors import CommandError
from app.local_postgres import LocalPostgresError
from app.logging import set_up_logging
from app.process import bind
from app.web.server import serve

VAR = ROOT / "var"
DEMO_EMAIL = "demo@example.ru"
SANDBOX_START = 60.0  # seconds; a sandbox that does not answer by then has failed
SANDBOX_STOP = 5.0  # seconds

DEMO_PROVIDERS = """\
# Written by `python3 -m app`: the demo's providers, all of them played by the sandbox.
[providers.evotor]
name = "Эвотор (песочница)"
about = "Игрушечный Эвотор: ключи от настоящего здесь не нужны."
authorization_endpoint = "{sandbox}/oauth/authorize"
token_endpoint = "{sandbox}/oauth/token"
revocation_endpoint = "{sandbox}/oauth/revoke"
issuer = "{sandbox}"
needs = ""

[providers.evotor.probe]
url = "{sandbox}/stores"
"""
PLAYED = """\

[providers.{name}]
name = "{title}"
icon = "{icon}"
about = "{about}"
issuer = "{sandbox}"
authorization_endpoint = "{sandbox}/oauth/authorize"
token_endpoint = "{sandbox}/oauth/token"
revocation_endpoint = "{sandbox}/oauth/revoke"
scopes = ["profile", "offline_access"]

[providers.{name}.probe]
url = "{sandbox}/me"
label = "name"
account = "sub"

[providers.{name}.scope_words]
profile = "видеть название и номер аккаунта"
offline_access = "проверять связь, когда вас нет на сайте"
"""
SANDBOX_PROVIDERS = (
    ("sklad", "Учебный склад", "bi-box-seam", "Игрушечный сервис: остатки и заказы."),
    ("dostavka", "Учебная доставка", "bi-truck", "Игрушечный сервис: отправления."),
    ("oplata", "Учебная оплата", "bi-credit-card", "Игрушечный сервис: платежи и возвраты."),
)


@dataclass(frozen=True)
class Secrets:
    """Made at the first start, and stored in var/, so that tokens of earlier runs still open."""

    secret_key: str
    token_key: str
    password: str


def demo(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if "DYNO" in environ:
        raise CommandError("this is the demo: on a server start `python -m app web`")
    set_up_logging("warning", "text", "demo")
    VAR.mkdir(exist_ok=True)  # PostgreSQL's data may be elsewhere, if this folder cannot be used
    signal.signal(signal.SIGTERM, _interrupt)  # until the server has its own handler
    started = time.monotonic()
    with ExitStack() as parts:
        listening = bind("127.0.0.1", arguments.port, "--port")
        parts.callback(listening.close)
        sandbox = parts.enter_context(_sandbox(arguments.sandbox_port))  # starts meanwhile
        database_url = parts.enter_context(_postgres())
        with _step("schema"):
            migrate_database(database_url)
        with _step("sandbox provider"):
            _wait_for(sandbox, arguments.sandbox_port)
        settings, password = _settings(arguments, database_url)
        with _step("demo account"):
            asyncio.run(_ensure_account(database_url, password))
        _print_welcome(settings, arguments, password, time.monotonic() - started)
        uvloop.run(serve(settings, listening))
        print("Stopping …", flush=True)
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.monotonic()
    print(f"{name} …", end="", flush=True)
    yield
    print(f" {time.monotonic() - started:.1f} s", flush=True)


@contextmanager
def _postgres() -> Iterator[str]:
    try:
        with _step("PostgreSQL"):
            server = local_postgres.start(VAR / "postgres")
    except LocalPostgresError as error:
        raise CommandError(str(error)) from None
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def _sandbox(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the sandbox in a process of its own; it ends with us, even when we end by kill -9."""
    command = [sys.executable, "-m", "app", "sandbox", "--port", str(port), "--exit-with-parent"]
    bind("127.0.0.1", port, "--sandbox-port").close()
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(SANDBOX_STOP)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + SANDBOX_START
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/control", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise CommandError("the sandbox provider did not start")


def _settings(arguments: argparse.Namespace, database_url: str) -> tuple[Settings, str]:
    known = _secrets(VAR / "demo.json")
    sandbox = f"http://localhost:{arguments.sandbox_port}"
    names = ["evotor", *(name for name, *_ in SANDBOX_PROVIDERS)]
    settings = Settings(
        database_url=database_url,
        secret_key=known.secret_key,
        token_keys=(("demo", base64.b64decode(known.token_key)),),
        public_url=f"http://127.0.0.1:{arguments.port}",
        host="127.0.0.1",
        port=arguments.port,
        interval=arguments.interval,
        providers_file=providers_file(VAR / "demo-providers.toml", sandbox),
        allow_insecure_providers=True,
        served=frozenset(names),  # nobody types a real key into a demo
        clients={name: Client(name, f"{name}-secret") for name in names},
    )
    return settings, known.password


def _secrets(file: Path) -> Secrets:
    try:
        return Secrets(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        made = Secrets(
            secrets.token_urlsafe(32),
            base64.b64encode(new_key()).decode(),
            f"svyazka-{secrets.token_hex(3)}",
        )
    partial = file.with_suffix(".partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(made.__dict__, out)
    partial.replace(file)
    return made


def providers_file(file: Path, sandbox: str) -> Path:
    entries = [DEMO_PROVIDERS.format(sandbox=sandbox)]
    for name, title, icon, about in SANDBOX_PROVIDERS:
        entries.append(
            PLAYED.format(name=name, title=title, icon=icon, about=about, sandbox=sandbox)
        )
    file.write_text("".join(entries), encoding="utf-8")
    return file


async def _ensure_account(database_url: str, password: str) -> None:
    async with open_database(database_url) as database:
        if await users.verify(database.sessions, DEMO_EMAIL, password):
            return
        password_hash = await passwords.hash_password(password)
        async with database.sessions.begin() as session:
            user = await users.with_email(session, DEMO_EMAIL)
            if user is None:
                await users.sign_up(session, DEMO_EMAIL, password_hash)
            else:  # var/demo.json was made anew
                await users.change_password(session, user.id, password_hash)


def _print_welcome(
    settings: Settings, arguments: argparse.Namespace, password: str, seconds: float
) -> None:
    print(
        f"\nСвязка is up after {seconds:.1f} s; Ctrl-C stops everything.\n\n"
        f"  dashboard   {settings.public_url}\n"
        f"  log in as   {DEMO_EMAIL}\n"
        f"  password    {password}\n"
        f"  sandbox     http://localhost:{arguments.sandbox_port}  (break the providers here)\n",
        flush=True,
    )

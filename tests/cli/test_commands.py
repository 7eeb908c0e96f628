"""The command line as people type it: what is printed where, and the exit status."""

import asyncio
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.cli import start_checks
from app.config import Settings
from app.database.encryption import Keys, key_id_of
from app.database.engine import Database
from app.models.account import Session, User
from app.models.connection import Connection, Grant, Revocation
from tests.support import rows
from tests.support.command_line import Run, app, process
from tests.support.servers import Acme, open_acme, saying
from tests.support.settings import PASSWORD, TOKEN_KEYS

COMMANDS = ("web", "worker", "migrate", "doctor", "check", "users", "keys", "sandbox", "providers")
EMAIL = "anna@example.ru"


async def count(database: Database, table: type) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_every_command_explains_itself() -> None:
    ends = [await process("--help"), *[await app(name, "--help") for name in COMMANDS]]
    for name, end in zip(("", *COMMANDS), ends, strict=True):
        assert (end.status, end.err) == (0, ""), name
        assert "usage: python3 -m app" in end.out, name
    assert all(name in ends[0].out for name in COMMANDS)


@pytest.mark.parametrize(
    "words",
    ["nonsense", "check", "users", "users fly a@b.ru", "keys", "sandbox --port 0", "--port x"],
)
async def test_wrong_use_is_2_and_told_on_standard_error(words: str) -> None:
    end = await app(*words.split())
    assert (end.status, end.out) == (2, "")
    assert "Traceback" not in end.err
    assert end.err


async def test_a_fault_of_a_real_process_is_2_too() -> None:
    wrong, fault = await asyncio.gather(process("fly"), process("users", "add"))
    assert (wrong.status, fault.status) == (2, 2)
    assert fault.err == "app: users add wants an e-mail address\n"


async def test_what_is_missing_is_named_all_at_once() -> None:
    web, worker, check = (await app("web"), await app("worker"), await app("check", "--all"))
    for end, names in (
        (web, {"DATABASE_URL", "SECRET_KEY", "TOKEN_ENCRYPTION_KEYS", "PUBLIC_URL"}),
        (worker, {"DATABASE_URL", "TOKEN_ENCRYPTION_KEYS", "PUBLIC_URL"}),
        (check, {"DATABASE_URL", "TOKEN_ENCRYPTION_KEYS"}),
    ):
        assert (end.status, end.out) == (2, "")
        assert set(re.findall(r"([A-Z_]+) is not set", end.err)) == names
        assert "Traceback" not in end.err


async def test_a_new_key_is_one_that_the_settings_take() -> None:
    first, second = (await app("keys", "new"), await app("keys", "new"))
    assert (first.status, first.err) == (0, "")
    assert first.out != second.out
    name, _, key = first.out.strip().partition(":")
    assert len(b64decode(key)) == 32
    assert name.isalnum()


async def test_providers_are_listed_with_what_they_lack() -> None:
    without, configured = (
        await app("providers"),
        await app("providers", EVOTOR_CLIENT_ID="id", EVOTOR_CLIENT_SECRET="hunter2"),
    )
    assert (without.status, configured.status) == (0, 0)
    lines = {line.split()[0]: line for line in configured.out.splitlines()}
    assert "EVOTOR_CLIENT_ID and EVOTOR_CLIENT_SECRET are not set" in without.out
    assert "not configured" not in lines["evotor"] + lines["wildberries"]
    assert "VK_CLIENT_ID is not set" in lines["vk"]
    assert "hunter2" not in configured.out


async def test_a_bad_providers_file_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text("[providers.acme]\nname = 5\n")
    end = await app("providers", PROVIDERS_FILE=str(file))
    assert end.status == 2
    assert "providers.acme.name wants a text" in end.err
    assert "Traceback" not in end.err


async def test_a_person_is_added_once_with_a_password_from_standard_input(
    run: Run, database: Database
) -> None:
    added = await run("users", "add", EMAIL, stdin=f"{PASSWORD}\n")
    assert (added.status, added.err) == (0, "")
    again, short, wrong, listed = (
        await run("users", "add", EMAIL.upper(), stdin=f"{PASSWORD}\n"),
        await run("users", "add", "boris@example.ru", stdin="short\n"),
        await run("users", "add", "boris", stdin=f"{PASSWORD}\n"),
        await run("users", "list"),
    )
    assert "already" in again.err
    assert "at least 10 characters" in short.err
    assert "e-mail" in wrong.err
    assert {again.status, short.status, wrong.status} == {2}
    assert listed.out == f"{EMAIL}  0 connections\n"
    assert await count(database, User) == 1


async def test_a_person_is_disabled_and_given_another_password(
    run: Run, database: Database
) -> None:
    user_id = await rows.add_person(database, EMAIL)
    async with database.sessions.begin() as session:
        session.add(Session(id_hash=b"s", user_id=user_id, expires_at=func.now()))
    assert (await run("users", "password", EMAIL, stdin=f"{PASSWORD}\n")).status == 0
    assert await count(database, Session) == 0
    assert (await run("users", "disable", EMAIL)).status == 0
    listed, unknown = (
        await run("users", "list"),
        await run("users", "disable", "nobody@example.ru"),
    )
    assert listed.out == f"{EMAIL}  0 connections  disabled\n"
    assert unknown.status == 2
    assert "nobody@example.ru" in unknown.err


@pytest.fixture
def client() -> dict[str, str]:
    return {"ACME_CLIENT_ID": "id", "ACME_CLIENT_SECRET": "s", "ALLOW_INSECURE_PROVIDERS": "1"}


def providers_file(directory: Path, acme: Acme) -> str:
    file = directory / "providers.toml"
    provider = acme.provider
    file.write_text(
        f"""
        [providers.acme]
        name = "Acme"
        authorization_endpoint = "{provider.authorization_endpoint}"
        token_endpoint = "{provider.token_endpoint}"
        revocation_endpoint = "{provider.revocation_endpoint}"
        [providers.acme.probe]
        url = "{provider.probe.url}"
        label = "name"
        account = "sub"
        """
    )
    return str(file)


async def test_a_check_says_one_line_for_each_and_1_when_one_is_not_online(
    run: Run, database: Database, keys: Keys, tmp_path: Path, client: dict[str, str]
) -> None:
    user = await rows.add_person(database, EMAIL)
    connection_id = await rows.add_connection(database, keys, user, provider="acme")
    async with open_acme() as acme:
        variables = client | {"PROVIDERS_FILE": providers_file(tmp_path, acme)}
        good = await run("check", "--user", EMAIL, **variables)
        acme.api_says = saying(503)
        bad = await run("check", "--connection", str(connection_id), **variables)
    assert good.status == 0, good.err
    assert re.fullmatch(rf"{connection_id}  acme  online  Shop  GET .+ мс\n", good.out)
    assert bad.status == 1
    assert "degraded" in bad.out
    assert "provider_error" in bad.out


async def test_a_check_of_what_is_not_there_is_wrong_use(run: Run) -> None:
    ends = (
        await run("check", "--connection", "5"),
        await run("check", "--connection", str(uuid4())),
        await run("check", "--user", EMAIL),
        await run("check", "--all"),
    )
    assert [end.status for end in ends] == [2, 2, 2, 0]
    assert "Traceback" not in "".join(end.err for end in ends)


async def test_who_is_deleted_leaves_nothing_but_what_is_to_be_revoked(
    run: Run, database: Database, keys: Keys, tmp_path: Path, client: dict[str, str]
) -> None:
    user = await rows.add_person(database, EMAIL)
    await rows.add_connection(database, keys, user, provider="acme")
    async with open_acme() as acme:
        variables = client | {"PROVIDERS_FILE": providers_file(tmp_path, acme)}
        refused = await run("users", "delete", EMAIL, **variables)
        end = await run("users", "delete", EMAIL, "--yes", **variables)
    assert refused.status == 2
    assert refused.err.endswith("nobody is here to ask: add --yes\n")
    assert end.status == 0, end.err
    assert [await count(database, each) for each in (User, Connection, Grant)] == [0, 0, 0]
    assert await count(database, Revocation) + len(acme.revoked) == 1


async def test_tokens_are_sealed_anew_with_progress(
    run: Run, database: Database, keys: Keys
) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user)
    old = b64encode(TOKEN_KEYS[0][1]).decode()
    new = b64encode(b"n" * 32).decode()
    end = await run("keys", "rotate", TOKEN_ENCRYPTION_KEYS=f"new:{new},k1:{old}")
    assert end.status == 0, end.err
    assert f"[{'.' * 30}] 0 of 1" in end.err
    assert f"[{'#' * 30}] 1 of 1" in end.err
    async with database.sessions() as session:
        grant = (await session.scalars(select(Grant))).one()
    assert key_id_of(grant.access_token) == "new"
    lost = await run("keys", "rotate", TOKEN_ENCRYPTION_KEYS=f"other:{new}")
    assert lost.status == 2
    assert "no key 'new'" in lost.err


@pytest.mark.parametrize(
    "words", [("users", "list"), ("keys", "rotate"), ("check", "--all"), ("migrate",)]
)
async def test_a_database_that_is_away_is_told_in_one_sentence(words: tuple[str, ...]) -> None:
    key = b64encode(b"n" * 32).decode()
    away = "postgresql://nobody:hunter2@127.0.0.1:1/nothing"
    end = await app(*words, DATABASE_URL=away, TOKEN_ENCRYPTION_KEYS=f"k1:{key}")
    assert end.status == 2
    assert end.err.startswith("app: ")
    assert "hunter2" not in end.err


@pytest.mark.parametrize("words", [("users", "list"), ("keys", "rotate"), ("migrate",)])
async def test_a_database_that_lets_nobody_in_is_told_in_one_sentence(
    run: Run, database_url: str, words: tuple[str, ...]
) -> None:
    """asyncpg says so in exceptions of its own."""
    wrong = database_url.replace("svyazka:", "svyazka:wrong", 1)
    end = await run(*words, DATABASE_URL=wrong)
    assert end.status == 2
    assert "InvalidPassword" in end.err or "password authentication" in end.err
    assert "Traceback" not in end.err


async def test_a_process_starts_though_the_database_lets_nobody_in(
    settings: Settings, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It comes back by itself; /readyz says so meanwhile."""
    wrong = database_url.replace("svyazka:", "svyazka:wrong", 1)
    await start_checks.look_at_the_database(replace(settings, database_url=wrong), "worker")
    assert "the database could not be looked at" in caplog.text


@pytest.mark.parametrize("command", ["web", "worker"])
async def test_a_start_without_a_key_that_tokens_need_is_stopped(
    command: str, database: Database, keys: Keys, run: Run
) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user)
    other = b64encode(b"n" * 32).decode()
    end = await run(
        command,
        TOKEN_ENCRYPTION_KEYS=f"other:{other}",
        PUBLIC_URL="http://127.0.0.1:8000",
        SECRET_KEY="a secret that only the tests know",
    )
    assert end.status == 2
    assert "lacks the key 'k1', which 2 stored tokens need" in end.err


@pytest.mark.parametrize("words", [("web",), ("worker",), ("keys", "rotate")])
async def test_a_start_with_other_bytes_under_a_known_key_id_is_stopped(
    words: tuple[str, ...], database: Database, keys: Keys, run: Run
) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user)
    end = await run(
        *words,
        TOKEN_ENCRYPTION_KEYS=f"k1:{b64encode(b'n' * 32).decode()}",
        PUBLIC_URL="http://127.0.0.1:8000",
        SECRET_KEY="a secret that only the tests know",
    )
    assert end.status == 2
    assert "has other bytes for the key 'k1'" in end.err

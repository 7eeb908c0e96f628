"""`python -m app doctor`: what is well, what is not, and what to do."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.database.encryption import Keys
from app.database.engine import Database
from app.models.monitor import MonitorHeartbeat
from app.version import VERSION
from tests.support import rows
from tests.support.command_line import Ended, Run, app
from tests.support.postbox import Postbox
from tests.support.processes import free_port
from tests.support.servers import serving

HERE = """
[providers.{name}.probe]
url = "{url}/probe"
"""
KEYS_OF_ONES_OWN = ("moysklad", "wildberries", "ozon")  # configured without any setting of ours
REST = {
    "PUBLIC_URL": "https://links.example.ru",
    "SECRET_KEY": "a secret that only the tests know",
    "CANARY_HOSTS": "",
}


@pytest.fixture
async def run(run: Run, tmp_path: Path) -> AsyncIterator[Run]:
    """With providers that are on this machine: nothing of a test leaves it."""
    async with serving({}) as url:
        file = tmp_path / "providers.toml"
        file.write_text("".join(HERE.format(name=each, url=url) for each in KEYS_OF_ONES_OWN))
        here = {"PROVIDERS_FILE": str(file), "ALLOW_INSECURE_PROVIDERS": "1"}

        async def with_providers(*words: str, **variables: str) -> Ended:
            return await run(*words, **here | variables)

        yield with_providers


async def examined(run: Run, **variables: str) -> dict[str, dict[str, Any]]:
    end = await run("doctor", "--json", **REST | variables)
    read = json.loads(end.out)
    assert read["version"] == VERSION
    found = {each["name"]: each for each in read["findings"]}
    assert end.status == int(any(each["state"] == "wrong" for each in found.values())), end.err
    return found


async def plain(run: Run, **variables: str) -> Ended:
    return await run("doctor", **REST | variables)


async def test_where_all_is_well_nothing_is_wrong(run: Run, database: Database) -> None:
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat())
    end = await plain(run)
    assert (end.status, end.err) == (0, ""), end.out
    states = {line.split()[1]: line.split()[0] for line in end.out.splitlines()}
    well = ("settings", "database", "listen", "connections", "schema", "keys", "monitors")
    assert [states[name] for name in well] == ["ok"] * len(well)
    assert {states[name] for name in ("network", "mail", "telegram", "push")} == {"note"}


async def test_every_fault_of_the_settings_has_its_line_and_ends_it() -> None:
    end = await app("doctor", PORT="eighty")
    assert end.status == 1
    assert "PORT wants a port number" in end.out
    assert "DATABASE_URL is not set" in end.out
    assert all(line.startswith("wrong  settings") for line in end.out.splitlines())


async def test_a_database_that_is_away_is_told_without_its_password(run: Run) -> None:
    end = await plain(run, DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/nothing")
    assert end.status == 1
    assert "wrong  database" in end.out
    assert "hunter2" not in end.out + end.err
    assert "Traceback" not in end.err


async def test_a_database_that_lets_nobody_in_is_told(run: Run, database_url: str) -> None:
    wrong = database_url.replace("svyazka:", "svyazka:wrong", 1)
    found = await examined(run, DATABASE_URL=wrong)
    assert found["database"]["said"] == "cannot be used (InvalidPasswordError)"


async def test_a_database_that_takes_no_writes_is_told(run: Run, database_url: str) -> None:
    url = f"{database_url}?options=-c%20default_transaction_read_only%3Don"
    found = await examined(run, DATABASE_URL=url)
    assert found["database"]["state"] == "wrong"
    assert "takes no writes" in found["database"]["said"]


@pytest.mark.parametrize(
    ("revision", "comment", "state", "remedy"),
    [
        ("0001", "", "wrong", "python -m app migrate"),
        ("9999", "oldest code: 0001", "note", "deploy the newer code"),
        ("9999", "oldest code: 9999", "wrong", "deploy the newer code"),
    ],
)
async def test_the_schema_is_compared_with_this_code(
    run: Run, database: Database, revision: str, comment: str, state: str, remedy: str
) -> None:
    async def put(revision: str, comment: str) -> None:
        async with database.sessions.begin() as session:
            await session.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
            await session.execute(text(f"COMMENT ON TABLE alembic_version IS '{comment}'"))

    async with database.sessions() as session:
        known = text(
            "SELECT version_num, obj_description('alembic_version'::regclass) FROM alembic_version"
        )
        before = (await session.execute(known)).one()
    await put(revision, comment)
    try:
        schema = (await examined(run))["schema"]
    finally:
        await put(*before)
    assert (schema["state"], schema["remedy"]) == (state, remedy)


async def test_keys_that_do_not_open_what_is_stored_are_told(
    run: Run, database: Database, keys: Keys
) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user)
    other = b64encode(b"n" * 32).decode()
    lost = await examined(run, TOKEN_ENCRYPTION_KEYS=f"new:{other}")
    assert "lacks the key 'k1'" in lost["keys"]["said"]
    swapped = await examined(run, TOKEN_ENCRYPTION_KEYS=f"k1:{other}")
    assert "has other bytes for the key 'k1'" in swapped["keys"]["said"]


async def test_every_provider_is_asked_for_at_its_hosts(run: Run, tmp_path: Path) -> None:
    well = await examined(run)
    assert {well[f"provider {name}"]["state"] for name in KEYS_OF_ONES_OWN} == {"ok"}
    port = free_port()
    file = tmp_path / "away.toml"
    away = [HERE.format(name=name, url=f"http://127.0.0.1:{port}") for name in KEYS_OF_ONES_OWN]
    file.write_text("".join(away))
    found = await examined(run, PROVIDERS_FILE=str(file))
    assert found["provider ozon"]["said"] == f"127.0.0.1:{port} cannot be reached"


async def test_hosts_that_cannot_be_reached_are_named(run: Run) -> None:
    found = await examined(run, CANARY_HOSTS=f"127.0.0.1:{free_port()}")
    assert found["network"]["state"] == "wrong"
    async with serving({}) as url:
        found = await examined(run, CANARY_HOSTS=url.removeprefix("http://"))
    assert found["network"]["state"] == "ok"


async def test_a_mail_server_is_greeted_and_one_that_is_away_is_told(
    run: Run, postbox: Postbox
) -> None:
    variables = {"MAIL_FROM": "mail@example.ru"}
    well = await examined(run, SMTP_URL=f"smtp://127.0.0.1:{postbox.port}", **variables)
    assert well["mail"]["state"] == "ok"
    assert postbox.letters == []
    away = await examined(run, SMTP_URL=f"smtp://127.0.0.1:{free_port()}", **variables)
    assert (away["mail"]["state"], away["mail"]["remedy"]) == ("wrong", "look at SMTP_URL")


async def test_connections_that_run_short_are_told(run: Run, database: Database) -> None:
    async with database.sessions() as session:
        user = await session.scalar(text("SELECT current_user"))
    small = f"ALTER ROLE {user} CONNECTION LIMIT"
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql(f"{small} 6")
    try:
        found = await examined(run)
    finally:
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql(f"{small} -1")
    assert found["connections"]["state"] == "wrong"


async def test_the_version_is_told() -> None:
    end = await app("--version")
    assert (end.status, end.out) == (0, f"svyazka {VERSION}\n")

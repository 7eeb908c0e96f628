"""Every web and worker says which token keys it knows; tokens are sealed under no other first."""

from base64 import b64encode

import pytest
from sqlalchemy import select, text

from app.database import live_processes
from app.database.encryption import Keys, key_id_of
from app.database.engine import Database
from app.models.connection import Grant
from app.monitor import presence
from app.monitor.presence import present
from app.web.context import Dashboard
from tests.support import rows
from tests.support.command_line import Run
from tests.support.settings import TOKEN_KEYS
from tests.support.waiting import until

NEW = ("new", b"n" * 32)
RING = ",".join(f"{name}:{b64encode(key).decode()}" for name, key in (NEW, *TOKEN_KEYS))


async def ignorant(database: Database, key_id: str = "new") -> list[str]:
    async with database.sessions() as session:
        return await live_processes.without_key(session, key_id)


async def sealed_under(database: Database) -> str:
    async with database.sessions() as session:
        return key_id_of((await session.scalars(select(Grant.access_token))).one())


async def test_a_web_without_the_first_key_keeps_tokens_from_being_sealed_under_it(
    database: Database, keys: Keys, dashboard: Dashboard, run: Run
) -> None:
    await rows.add_connection(database, keys, await rows.add_person(database))

    async def is_there() -> bool:
        return bool(await ignorant(database))

    await until(is_there)
    refused = await run("keys", "rotate", TOKEN_ENCRYPTION_KEYS=RING)
    assert (refused.status, refused.out) == (2, "")
    (name,) = await ignorant(database)
    assert name.startswith("web ")
    assert f"app: {name} would not open what is sealed under 'new'" in refused.err
    assert await sealed_under(database) == "k1"
    await dashboard.shutdown()
    assert await ignorant(database) == []
    assert (await run("keys", "rotate", TOKEN_ENCRYPTION_KEYS=RING)).status == 0
    assert await sealed_under(database) == "new"


async def test_who_knows_the_key_is_in_nobodys_way(database: Database) -> None:
    async with present(database.sessions, "worker", Keys((*TOKEN_KEYS, NEW))):

        async def is_there() -> bool:
            return bool(await ignorant(database, "other"))

        await until(is_there)
        assert await ignorant(database) == []


async def test_a_process_goes_on_saying_that_it_lives(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was killed says nothing, and counts for a minute."""
    monkeypatch.setattr(presence, "PRESENCE_PAUSE", 0.05)

    async def is_there() -> bool:
        return bool(await ignorant(database))

    async with present(database.sessions, "worker", Keys(TOKEN_KEYS)):
        await until(is_there)
        await unseen_for(database, "61 seconds")
        await until(is_there)
    async with database.sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO live_processes VALUES"
                " (gen_random_uuid(), 'web 1 on b', '{k1}', now() - interval '61 seconds')"
            )
        )
    assert await ignorant(database) == []


async def unseen_for(database: Database, ago: str) -> None:
    change = f"UPDATE live_processes SET seen_at = now() - interval '{ago}'"
    async with database.sessions.begin() as session:
        await session.execute(text(change))

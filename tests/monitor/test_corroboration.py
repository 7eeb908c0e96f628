"""What others got since a trouble began, and that a few of them are asked out of turn."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.database.encryption import Keys
from app.database.engine import Database
from app.models.connection import Connection, Grant
from app.monitor.causes import Others
from app.monitor.corroboration import ask_others, others_of
from app.monitor.leases import Lease, claim_one
from tests.support import rows

MINUTE = 60.0
REFUSED: dict[str, Any] = {"status": "degraded", "cause": "revoked"}
OVER: dict[str, Any] = {"status": "revoked", "cause": "revoked"}
LATELY_OVER = OVER | {"since": func.now() - timedelta(minutes=30)}
WELL: dict[str, Any] = {"status": "online"}


async def added(database: Database, keys: Keys, person: str, ago: float, **columns: Any) -> UUID:
    """A connection that was looked at so many seconds ago, with a grant of yesterday."""
    user = await rows.add_person(database, f"{person}@example.ru")
    seen = func.now() - timedelta(seconds=ago)
    begun = {"last_checked_at": seen, "since": seen - timedelta(hours=3)}
    later = func.now() + timedelta(hours=1)
    given = begun | {"next_check_at": later} | columns
    connection = await rows.add_connection(database, keys, user, **given)
    async with database.sessions.begin() as session:
        old = func.now() - timedelta(days=1)
        await session.execute(
            update(Grant).where(Grant.connection_id == connection).values(granted_at=old)
        )
    return connection


@pytest.fixture
async def lease(database: Database, keys: Keys) -> Lease:
    """Of a connection that has been refused for a minute."""
    since = func.now() - timedelta(seconds=MINUTE)
    own = await added(database, keys, "anna", 1, **REFUSED | {"since": since})
    async with database.sessions.begin() as session:
        lease = await claim_one(session, own)
    assert lease is not None
    return lease


async def others(database: Database, lease: Lease, *, token: bool = False) -> Others:
    async with database.sessions() as session:
        return await others_of(session, lease, 300, token=token)


async def test_where_nobody_else_has_a_grant_there_are_no_witnesses(
    database: Database, lease: Lease, keys: Keys
) -> None:
    assert await others(database, lease) is Others.NOBODY
    await added(database, keys, "boris", 1, provider="sklad", **WELL)
    assert await others(database, lease) is Others.NOBODY
    await added(database, keys, "vera", 1, **OVER | {"since": func.now() - timedelta(days=9)})
    assert await others(database, lease) is Others.NOBODY


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(90, WELL)], Others.UNKNOWN),  # before the trouble began
        ([(30, WELL)], Others.WELL),
        ([(30, REFUSED)], Others.REFUSED),
        ([(30, LATELY_OVER)], Others.REFUSED),
        ([(30, WELL), (30, REFUSED)], Others.REFUSED),  # as many: nobody knows
        ([(30, WELL), (30, WELL), (30, REFUSED)], Others.WELL),
        ([(30, WELL), (90, REFUSED)], Others.WELL),
        ([(30, {"status": "offline", "cause": "timeout"})], Others.UNKNOWN),
    ],
)
async def test_what_others_got_since_the_trouble_began(
    database: Database,
    lease: Lease,
    keys: Keys,
    looks: list[tuple[float, dict[str, Any]]],
    expected: Others,
) -> None:
    for number, (ago, columns) in enumerate(looks):
        await added(database, keys, f"person-{number}", ago, **columns)
    assert await others(database, lease) is expected


async def test_a_grant_that_was_given_since_then_and_works_outweighs_all_others(
    database: Database, lease: Lease, keys: Keys
) -> None:
    for number in range(3):
        await added(database, keys, f"person-{number}", 30, **REFUSED)
    new = await added(database, keys, "vera", 10, **WELL)
    assert await others(database, lease) is Others.REFUSED
    async with database.sessions.begin() as session:
        now = func.now() - timedelta(seconds=20)
        await session.execute(
            update(Grant).where(Grant.connection_id == new).values(granted_at=now)
        )
    assert await others(database, lease) is Others.WELL


@pytest.mark.parametrize(
    ("ago", "expected"), [(30, Others.WELL), (90, Others.UNKNOWN), (None, Others.UNKNOWN)]
)
async def test_of_an_unclear_refusal_only_a_refresh_of_others_tells(
    database: Database, lease: Lease, keys: Keys, ago: float | None, expected: Others
) -> None:
    other = await added(database, keys, "boris", 10, **WELL)
    moment = None if ago is None else func.now() - timedelta(seconds=ago)
    async with database.sessions.begin() as session:
        await session.execute(
            update(Grant).where(Grant.connection_id == other).values(refreshed_at=moment)
        )
    assert await others(database, lease, token=True) is expected


async def test_three_of_others_are_asked_out_of_turn(
    database: Database, lease: Lease, keys: Keys
) -> None:
    for number in range(5):
        await added(database, keys, f"person-{number}", 100, **WELL)
    await added(database, keys, "lately", 5, **WELL)
    await added(database, keys, "refused", 100, **OVER)
    async with database.sessions.begin() as session:
        await ask_others(session, lease, spacing=60)
        due = select(Connection.status).where(Connection.next_check_at <= func.now())
        assert list(await session.scalars(due)) == ["online"] * 3

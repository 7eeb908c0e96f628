"""When refusals are a wave, what is usual, and what ends one."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.database.encryption import Keys
from app.database.engine import Database
from app.history import provider_outages
from app.history.refusal_waves import Refusals, is_wave, note_refusals, prune
from app.models.connection import Connection, Grant
from app.models.history import ProviderOutage, RefusalCount
from tests.support import rows

REFUSED: dict[str, Any] = {"status": "degraded", "cause": "revoked", "strikes": 1}
WELL: dict[str, Any] = {"status": "online"}


@pytest.mark.parametrize(
    ("seen", "refused", "people", "usual", "wave"),
    [
        (3, 2, 2, 0.0, True),
        (3, 2, 1, 0.0, False),  # one person took both back
        (3, 1, 1, 0.0, False),
        (10, 2, 2, 0.0, True),
        (11, 2, 2, 0.0, False),  # most are served
        (200, 9, 9, 0.0, False),
        (200, 10, 9, 0.0, True),
        (10_000, 30, 30, 10.0, False),  # usual there
        (10_000, 31, 30, 10.0, True),
        (4, 4, 4, 1.3, True),
        (4, 4, 4, 1.4, False),
        (0, 0, 0, 0.0, False),
    ],
)
def test_when_refusals_are_one_event(
    seen: int, refused: int, people: int, usual: float, wave: bool
) -> None:
    assert is_wave(Refusals(seen, refused, people, usual)) is wave


async def looked_at(
    database: Database, keys: Keys, person: str, number: int, ago: float = 1, **columns: Any
) -> None:
    user = await rows.add_person(database, f"{person}@example.ru")
    moment = func.now() - timedelta(seconds=ago)
    for _ in range(number):
        await rows.add_connection(
            database, keys, user, **{"last_checked_at": moment, "since": moment} | columns
        )


async def follow(database: Database, **times: float) -> datetime | None:
    async with database.sessions.begin() as session:
        return await provider_outages.follow(session, "evotor", **times)


async def outages(database: Database) -> list[ProviderOutage]:
    async with database.sessions() as session:
        return list(await session.scalars(select(ProviderOutage)))


async def test_a_wave_opens_with_its_beginning_and_the_time_from_which_it_is_told(
    database: Database, keys: Keys
) -> None:
    await looked_at(database, keys, "anna", 1, ago=40, **REFUSED)
    await looked_at(database, keys, "boris", 2, ago=20, **REFUSED)
    await follow(database, patience=600)
    (wave,) = await outages(database)
    assert (wave.kind, wave.cause) == ("refusing", "revoked")
    assert wave.told_from == wave.opened_at + timedelta(seconds=600)
    async with database.sessions() as session:
        assert await session.scalar(select(func.min(Connection.since))) == wave.opened_at


@pytest.mark.parametrize(
    ("boris", "why"),
    [
        (REFUSED | {"since": func.now() - timedelta(hours=2)}, "long ago"),
        (REFUSED | {"last_checked_at": func.now() - timedelta(minutes=6)}, "not looked at"),
        (REFUSED | {"provider": "sklad"}, "elsewhere"),
        (WELL, "served"),
        ({"status": "offline", "cause": "timeout"}, "another kind of trouble"),
    ],
)
async def test_what_makes_no_wave(
    database: Database, keys: Keys, boris: dict[str, Any], why: str
) -> None:
    await looked_at(database, keys, "anna", 1, **REFUSED)
    await looked_at(database, keys, "boris", 1, **boris)
    await follow(database)
    assert await outages(database) == [], why


async def test_what_is_usual_is_no_wave(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, "anna", 1, **REFUSED)
    await looked_at(database, keys, "boris", 1, **REFUSED)
    async with database.sessions.begin() as session:
        await note_refusals(session, {"evotor": 10_000})
        await note_refusals(session, {"evotor": 10_000, "sklad": 1})
    await follow(database)
    assert await outages(database) == []


async def test_it_is_no_wave_where_a_new_grant_works(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, "anna", 1, ago=40, **REFUSED)
    await looked_at(database, keys, "boris", 1, ago=40, **REFUSED)
    await looked_at(database, keys, "vera", 1, ago=-1, **WELL)  # granted now
    await follow(database)
    assert await outages(database) == []


async def test_a_new_grant_that_works_ends_a_wave_at_once(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, "anna", 1, ago=40, **REFUSED)
    await looked_at(database, keys, "boris", 1, ago=40, **REFUSED)
    await follow(database)
    await looked_at(database, keys, "vera", 1, ago=-1, **WELL)
    assert await follow(database) is not None


async def test_two_good_samples_end_a_wave_and_one_does_not(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, "anna", 2, **REFUSED)
    await looked_at(database, keys, "boris", 2, **REFUSED)
    await follow(database)
    async with database.sessions.begin() as session:
        old = func.now() - timedelta(days=1)
        await session.execute(update(Grant).values(granted_at=old))
        later = func.now() + timedelta(seconds=1)
        served = WELL | {"cause": None, "last_checked_at": later}
        await session.execute(update(Connection).values(served))
    for _ in range(3):
        assert await follow(database) is None
    async with database.sessions.begin() as session:
        sampled = ProviderOutage.sampled_at + timedelta(milliseconds=1)
        await session.execute(update(ProviderOutage).values(sampled_at=sampled))
    assert await follow(database) is not None


async def test_days_that_say_nothing_any_more_are_forgotten(database: Database) -> None:
    async with database.sessions.begin() as session:
        await note_refusals(session, {"evotor": 1})
        for days in (27, 28, 400):
            session.add(
                RefusalCount(
                    provider="evotor", day=func.current_date() - timedelta(days=days), refusals=1
                )
            )
        await session.flush()
        assert not await prune(session)
        left = await session.scalar(select(func.count()).select_from(RefusalCount))
        assert left == 2

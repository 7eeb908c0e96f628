"""Check values: the same key id with other bytes is found before anything is opened with it."""

import pytest
from sqlalchemy import select

from app.database.encryption import Keys
from app.database.engine import Database
from app.database.key_checks import keys_with_other_bytes
from app.models.token_key import TokenKey
from tests.support import rows

RIGHT, WRONG = b"r" * 32, b"w" * 32
KEYS, OTHER_BYTES = Keys((("k1", RIGHT),)), Keys((("k1", WRONG),))


async def wrong(database: Database, keys: Keys) -> list[str]:
    async with database.sessions.begin() as session:
        return await keys_with_other_bytes(session, keys)


async def seal(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user)


async def test_the_same_bytes_are_well_every_time(database: Database) -> None:
    assert [await wrong(database, KEYS) for _ in range(2)] == [[], []]
    await seal(database, KEYS)
    assert await wrong(database, KEYS) == []


async def test_other_bytes_under_an_id_that_tokens_need_are_found(database: Database) -> None:
    await wrong(database, KEYS)
    await seal(database, KEYS)
    assert await wrong(database, OTHER_BYTES) == ["k1"]
    assert await wrong(database, KEYS) == []  # they are not taken over


async def test_they_are_found_in_a_database_from_before_check_values_too(
    database: Database,
) -> None:
    await seal(database, KEYS)
    assert await wrong(database, OTHER_BYTES) == ["k1"]
    assert await wrong(database, KEYS) == []


async def test_an_id_that_nothing_is_sealed_under_may_get_other_bytes(database: Database) -> None:
    await wrong(database, OTHER_BYTES)
    assert await wrong(database, KEYS) == []
    await seal(database, KEYS)
    assert await wrong(database, OTHER_BYTES) == ["k1"]


async def test_every_key_of_the_ring_is_looked_at(database: Database) -> None:
    await seal(database, KEYS)
    assert await wrong(database, Keys((("new", WRONG), ("k1", RIGHT)))) == []
    assert await wrong(database, Keys((("new", RIGHT), ("k1", WRONG)))) == ["k1"]


async def test_a_check_value_does_not_hold_the_key(database: Database) -> None:
    await wrong(database, KEYS)
    async with database.sessions() as session:
        (row,) = await session.scalars(select(TokenKey))
    assert row.id == "k1"
    assert len(row.check_value) == 32
    assert RIGHT not in row.check_value


@pytest.mark.parametrize("pair", [("k1", WRONG), ("k2", RIGHT)])
def test_another_id_or_other_bytes_have_another_value(pair: tuple[str, bytes]) -> None:
    assert Keys((pair,)).check_value(pair[0]) != KEYS.check_value("k1")

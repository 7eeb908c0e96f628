"""Sealing anew: every token ends up under the first key, and opens where it was."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from app.accounts import two_factor
from app.database import key_rotation
from app.database.encryption import Keys, key_id_of
from app.database.engine import Database
from app.errors import UnknownKey
from app.models.connection import Grant, OAuthState, Revocation
from app.oauth.token_response import Tokens
from tests.support import rows

OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)
OLD_KEYS, BOTH, NEW_KEYS = Keys((OLD,)), Keys((NEW, OLD)), Keys((NEW,))


async def fill(database: Database, grants: int = 3) -> None:
    """Grants, a revocation and a person on the way, all under the old key."""
    user = await rows.add_person(database)
    for number in range(grants):
        tokens = Tokens(f"access-{number}", f"refresh-{number}" if number else None)
        await rows.add_connection(database, OLD_KEYS, user, tokens)
    revocation, state = uuid4(), b"s" * 32
    async with database.sessions.begin() as session:
        session.add(
            Revocation(
                id=revocation,
                provider="evotor",
                token=OLD_KEYS.seal("spent", "revocations", revocation, "token"),
                token_type_hint="refresh_token",
            )
        )
        session.add(
            OAuthState(
                state_hash=state,
                user_id=user,
                session_hash=b"",
                provider="evotor",
                code_verifier=OLD_KEYS.seal("v", "oauth_states", state.hex(), "code_verifier"),
                expires_at=func.now(),
            )
        )


async def rotate(database: Database, keys: Keys = BOTH) -> list[tuple[int, int]]:
    return [step async for step in key_rotation.rotate(database.sessions, keys)]


async def stored(database: Database) -> list[Any]:
    async with database.sessions() as session:
        return [
            row
            for table in (Grant, Revocation, OAuthState)
            for row in await session.scalars(select(table))
        ]


async def sealed(database: Database) -> list[bytes]:
    columns = ("access_token", "refresh_token", "token", "code_verifier")
    values = [getattr(row, name, None) for row in await stored(database) for name in columns]
    return [value for value in values if value]


async def test_everything_is_sealed_under_the_first_key(database: Database) -> None:
    await fill(database)
    assert await rotate(database) == [(0, 5), (3, 5), (4, 5), (5, 5)]
    assert {key_id_of(value) for value in await sealed(database)} == {"new"}


async def test_every_token_opens_where_it_was(database: Database) -> None:
    await fill(database)
    await rotate(database)
    async with database.sessions() as session:
        grants = list(await session.scalars(select(Grant)))
        (revocation,) = await session.scalars(select(Revocation))
    opened = {
        NEW_KEYS.open(grant.access_token, "grants", grant.connection_id, "access_token")
        for grant in grants
    }
    assert opened == {"access-0", "access-1", "access-2"}
    assert NEW_KEYS.open(revocation.token, "revocations", revocation.id, "token") == "spent"


async def test_a_second_run_finds_nothing_to_do(database: Database) -> None:
    await fill(database)
    await rotate(database)
    before = await sealed(database)
    assert await rotate(database) == [(0, 0)]
    assert await sealed(database) == before


async def test_it_goes_on_where_it_was_stopped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "ROWS_AT_ONCE", 2)
    await fill(database, 5)
    steps = key_rotation.rotate(database.sessions, BOTH)
    async for done, _ in steps:
        if done:
            break
    await steps.aclose()  # type: ignore[attr-defined]
    assert (await rotate(database))[0] == (0, 5)
    assert {key_id_of(value) for value in await sealed(database)} == {"new"}


async def test_a_key_that_is_missing_is_told_and_harms_nothing(database: Database) -> None:
    await fill(database)
    before = await sealed(database)
    with pytest.raises(UnknownKey, match="old"):
        await rotate(database, NEW_KEYS)
    assert await sealed(database) == before


async def test_what_is_refreshed_meanwhile_is_left_alone(database: Database) -> None:
    await fill(database, 1)
    async with database.sessions.begin() as session:
        (grant,) = await session.scalars(select(Grant))
        fresh = BOTH.seal("fresh", "grants", grant.connection_id, "access_token")
        await session.execute(update(Grant).values(access_token=fresh))
    await rotate(database)
    assert fresh in await sealed(database)


async def test_a_key_that_stored_tokens_need_is_named_with_their_number(database: Database) -> None:
    await fill(database)
    async with database.sessions() as session:
        assert await key_rotation.missing_keys(session, BOTH) == {}
        # three access tokens, two refresh tokens, a revocation and a code verifier
        assert await key_rotation.missing_keys(session, NEW_KEYS) == {"old": 7}


async def test_a_second_factor_opens_after_rotation_and_the_old_key_may_go(
    database: Database,
) -> None:
    user = await rows.add_person(database)
    async with database.sessions.begin() as session:
        await two_factor.start_enrolment(session, OLD_KEYS, user)
        before = await two_factor.secret_to_show(session, OLD_KEYS, user)
    await rotate(database)
    async with database.sessions() as session:
        assert await key_rotation.missing_keys(session, NEW_KEYS) == {}
        assert await two_factor.secret_to_show(session, NEW_KEYS, user) == before

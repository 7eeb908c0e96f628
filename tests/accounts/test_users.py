"""People and their sessions, as the database sees them."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from app.accounts import passwords, users
from app.accounts import sessions as user_sessions
from app.connections import disconnect
from app.database.encryption import Keys
from app.database.engine import Database
from app.database.secret_hashes import secret_hash
from app.models.account import Session, User
from app.models.connection import Connection, Grant, Revocation
from app.realtime.events import CHANNEL, read_announcement
from tests.support import rows
from tests.support.servers import open_acme
from tests.support.settings import PASSWORD
from tests.support.waiting import until

EMAIL = "anna@example.ru"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "_nobody", [])


async def signed_up(database: Database, email: str = EMAIL) -> int:
    password_hash = await passwords.hash_password(PASSWORD)
    async with database.sessions.begin() as session:
        user_id = await users.sign_up(session, email, password_hash)
    assert user_id is not None
    return user_id


async def entered(database: Database, user_id: int) -> str:
    async with database.sessions.begin() as session:
        return await user_sessions.open_session(session, user_id, "a browser")


async def knows(database: Database, token: str) -> bool:
    async with database.sessions() as session:
        return await user_sessions.current_user(session, token) is not None


async def verified(database: Database, email: str, password: str) -> bool:
    return await users.verify(database.sessions, email, password) is not None


@pytest.mark.parametrize(
    ("email", "fault"),
    [
        ("anna@example.ru", None),
        (" anna@example.ru ", "email"),
        ("анна@пример.рф", None),
        ("anna@example", "email"),
        ("@example.ru", "email"),
        ("anna@", "email"),
        ("anna@.ru", "email"),
        ("", "email"),
        ("a" * 244 + "@example.ru", "email"),
    ],
)
def test_an_address_looks_like_one(email: str, fault: str | None) -> None:
    expected = None if email.strip() == EMAIL else fault
    assert users.fault_in(email.strip(), PASSWORD) == expected


@pytest.mark.parametrize(
    ("password", "fault"),
    [("x" * 9, "short"), ("x" * 10, None), ("x" * 1000, None), ("x" * 1001, "long")],
)
def test_a_password_has_its_bounds(password: str, fault: str | None) -> None:
    assert users.fault_in(EMAIL, password) == fault


async def test_only_the_right_password_is_right(database: Database) -> None:
    await signed_up(database)
    assert await verified(database, EMAIL, PASSWORD)
    assert await verified(database, " Anna@Example.RU", PASSWORD)
    for wrong in ("", PASSWORD + " ", PASSWORD.upper(), "\x00"):
        assert not await verified(database, EMAIL, wrong)
    for unknown in ("boris@example.ru", "", "\x00"):
        assert not await verified(database, unknown, PASSWORD)


async def test_an_address_is_one_persons(database: Database) -> None:
    await signed_up(database)
    async with database.sessions.begin() as session:
        assert await users.sign_up(session, "ANNA@example.ru", "a hash") is None


async def test_an_account_that_nobody_can_enter_is_no_error(database: Database) -> None:
    await rows.add_person(database, EMAIL)  # has no password hash at all
    assert not await verified(database, EMAIL, "")


async def test_only_a_hash_of_the_session_is_stored(database: Database) -> None:
    token = await entered(database, await signed_up(database))
    async with database.sessions() as session:
        row = (await session.scalars(select(Session))).one()
    assert row.id_hash == secret_hash(token)
    assert token.encode() not in row.id_hash
    assert await knows(database, token)


async def test_a_session_ends_by_age(database: Database) -> None:
    token = await entered(database, await signed_up(database))
    async with database.sessions.begin() as session:
        await session.execute(update(Session).values(expires_at=func.now()))
    assert not await knows(database, token)
    async with database.sessions.begin() as session:
        assert await user_sessions.alive(session, [secret_hash(token)]) == set()
        await user_sessions.forget_old_sessions(session)
        assert await session.scalar(select(func.count()).select_from(Session)) == 0


async def test_a_session_lasts_thirty_days(database: Database) -> None:
    token = await entered(database, await signed_up(database))
    async with database.sessions() as session:
        known = await user_sessions.current_user(session, token)
        now = await session.scalar(select(func.now()))
    assert known is not None
    assert now is not None
    assert timedelta(days=29) < known.expires_at - now <= timedelta(days=30)


async def test_ending_one_session_leaves_the_others(database: Database) -> None:
    user_id = await signed_up(database)
    first, second = await entered(database, user_id), await entered(database, user_id)
    async with database.sessions.begin() as session:
        await user_sessions.end_session(session, secret_hash(first))
    assert not await knows(database, first)
    assert await knows(database, second)


async def test_a_new_password_ends_every_session_and_says_so(database: Database) -> None:
    user_id = await signed_up(database)
    tokens = [await entered(database, user_id) for _ in range(2)]
    payloads: list[str] = []
    listener = await database.listener(5)
    new_hash = await passwords.hash_password("another long password")
    await listener.add_listener(CHANNEL, lambda *heard: payloads.append(str(heard[-1])))
    async with database.sessions.begin() as session:
        user = await session.get_one(User, user_id)
        await users.change_password(session, user.id, new_hash)

    async def both_told() -> bool:
        return len(payloads) == 2

    await until(both_told)
    await listener.close()
    told = {each for payload in payloads for each in read_announcement(payload).ended}
    assert told == {secret_hash(token) for token in tokens}
    assert not any([await knows(database, token) for token in tokens])
    assert not await verified(database, EMAIL, PASSWORD)
    assert await verified(database, EMAIL, "another long password")


async def test_a_disabled_person_is_out_at_once(database: Database) -> None:
    user_id = await signed_up(database)
    token = await entered(database, user_id)
    async with database.sessions.begin() as session:
        await users.disable(session, await session.get_one(User, user_id))
    assert not await knows(database, token)
    assert not await verified(database, EMAIL, PASSWORD)
    late = await entered(database, user_id)
    assert not await knows(database, late)


async def test_a_person_who_is_deleted_leaves_no_token_alive(
    database: Database, keys: Keys
) -> None:
    user_id = await signed_up(database)
    token = await entered(database, user_id)
    await rows.add_connection(database, keys, user_id, provider="acme")
    async with open_acme() as acme, database.sessions.begin() as session:
        await disconnect.delete_person(session, keys, {"acme": acme.provider}, user_id)
    assert not await knows(database, token)
    async with database.sessions() as session:
        counts = [
            await session.scalar(select(func.count()).select_from(table))
            for table in (User, Session, Connection, Grant, Revocation)
        ]
    assert counts == [0, 0, 0, 0, 1]

"""Connections that are just there, for tests of what happens to them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.database.engine import Database
from app.grants import store
from app.models.account import User
from app.models.connection import Connection
from app.models.history import Outage
from app.oauth.token_response import Tokens

TOKENS = Tokens("access-1", "refresh-1", 3600.0)


async def add_person(database: Database, email: str = "anna@example.ru") -> int:
    async with database.sessions.begin() as session:
        return await new_person(session, email)


async def new_person(session: AsyncSession, email: str) -> int:
    user = User(email=email, password_hash="")
    session.add(user)
    await session.flush()
    return user.id


async def add_connection(
    database: Database, keys: Keys, user_id: int, tokens: Tokens = TOKENS, **columns: Any
) -> UUID:
    """A connection that is due, with a grant."""
    async with database.sessions.begin() as session:
        return await new_connection(session, keys, user_id, tokens, **columns)


async def new_connection(
    session: AsyncSession, keys: Keys, user_id: int, tokens: Tokens, **columns: Any
) -> UUID:
    """As `add_connection`, in the caller's transaction."""
    connection_id = uuid4()
    columns = {"provider": "evotor"} | columns
    session.add(Connection(id=connection_id, user_id=user_id, **columns))
    await session.flush()
    await store.store(session, keys, connection_id, tokens)
    return connection_id


async def get(database: Database, connection_id: UUID) -> Connection | None:
    async with database.sessions() as session:
        return await session.get(Connection, connection_id)


async def found(database: Database, connection_id: UUID) -> Connection:
    connection = await get(database, connection_id)
    assert connection is not None
    return connection


async def outages(database: Database, connection_id: UUID) -> list[Outage]:
    query = select(Outage).where(Outage.connection_id == connection_id).order_by(Outage.id)
    async with database.sessions() as session:
        return list(await session.scalars(query))


async def let_lease_run_out(database: Database, connection_id: UUID) -> None:
    async with database.sessions.begin() as session:
        connection = await session.get_one(Connection, connection_id)
        connection.lease_until = func.now() - timedelta(seconds=1)

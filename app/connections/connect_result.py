"""What became of a grant that was just stored: its connection, and the scopes it has now."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.connection import Connection, Grant, Status


class ConnectPlace(StrEnum):
    OWN = "own"  # a connection of its own
    EXPECTED = "expected"  # merged into the connection it was for, or one that was there already
    ELSEWHERE = "elsewhere"  # merged into another connection, which has its account
    ASKS = "asks"  # another account than expected: the user decides
    WAITS = "waits"  # a check has to name its account first


@dataclass(frozen=True)
class ConnectResult:
    connection_id: UUID
    place: ConnectPlace
    status: Status
    label: str | None
    lost: tuple[str, ...] = ()  # scopes
    gained: tuple[str, ...] = ()


async def connect_result(
    session: AsyncSession, user_id: int, stored_as: UUID
) -> ConnectResult | None:
    """None: it was deleted, or an even newer grant has replaced it."""
    row = await session.get(Connection, stored_as)
    if row is not None and row.user_id == user_id:
        return ConnectResult(row.id, _place(row), Status(row.status), row.label)
    return await _landed_elsewhere(session, user_id, stored_as)


def changed_scopes(
    before: Iterable[str], after: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(lost, gained); both empty where the scopes before or after are not known."""
    old, new = set(before), set(after)
    if not old or not new:
        return (), ()
    return tuple(sorted(old - new)), tuple(sorted(new - old))


def _place(row: Connection) -> ConnectPlace:
    if row.replaces_connection_id is None:
        return ConnectPlace.OWN
    return ConnectPlace.ASKS if row.decision_requested_at is not None else ConnectPlace.WAITS


async def _landed_elsewhere(
    session: AsyncSession, user_id: int, stored_as: UUID
) -> ConnectResult | None:
    came_from: Any = Grant.extra["came_from"]
    found = (
        await session.execute(
            select(Connection, Grant.scopes, came_from)
            .join(Grant, Grant.connection_id == Connection.id)
            .where(
                Connection.user_id == user_id,
                came_from["stored_as"].astext == str(stored_as),
            )
        )
    ).first()
    if found is None:
        return None
    row, scopes, origin = found
    place = _place(row)
    if place is ConnectPlace.OWN:
        expected = origin["begun_for"] in (None, str(row.id))
        place = ConnectPlace.EXPECTED if expected else ConnectPlace.ELSEWHERE
    lost, gained = changed_scopes(origin["scopes_before"], scopes)
    return ConnectResult(row.id, place, Status(row.status), row.label, lost, gained)

"""Stored API keys as their owner may see them: the last characters, and the end of their life."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.errors import SealingError
from app.models.connection import Grant
from app.providers.provider import API_KEY

KEY_ENDING, SHORTEST_KEY_SHOWN = 4, 12  # characters of a key that are shown, if it has so many


@dataclass(frozen=True)
class ShownKey:
    """A stored key as its owner may see it."""

    ending: str  # its last characters
    expires_at: datetime | None


async def shown_keys(
    session: AsyncSession, keys: Keys, connection_ids: Sequence[UUID]
) -> dict[UUID, ShownKey]:
    """The keys of these connections, by connection; one that does not open is left out."""
    columns = (Grant.connection_id, Grant.access_token, Grant.expires_at)
    rows = await session.execute(
        select(*columns).where(Grant.connection_id.in_(connection_ids), Grant.kind == API_KEY)
    )
    shown: dict[UUID, ShownKey] = {}
    for row in rows:
        with suppress(SealingError):
            key = keys.open(row.access_token, "grants", row.connection_id, "access_token")
            shown[row.connection_id] = ShownKey(ending_of(key), row.expires_at)
    return shown


def ending_of(key: str) -> str:
    """Its last characters; "" for one that is too short to show any."""
    return key[-KEY_ENDING:] if len(key) >= SHORTEST_KEY_SHOWN else ""

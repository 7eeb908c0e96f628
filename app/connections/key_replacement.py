"""A new API key for a connection: what the one that it has says about the new one."""

from dataclasses import dataclass, field
from hmac import compare_digest
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.errors import SealingError
from app.grants import store
from app.grants.shown_keys import ending_of
from app.models.connection import Connection, Grant, Status
from app.providers.provider import API_KEY

WORKING = (Status.ONLINE, Status.DEGRADED)


@dataclass(frozen=True)
class CurrentKey:
    """The key that a connection has."""

    key: str = field(repr=False)  # "": its encryption key is lost
    account: str | None
    label: str | None
    works: bool

    @property
    def ending(self) -> str:
        """What its owner may see of it."""
        return ending_of(self.key)

    def is_same(self, key: str) -> bool:
        return compare_digest(self.key.encode(), key.encode())

    def is_of_another(self, account: str | None) -> bool:
        """Is the new key for another account? A key whose account nobody names is for none."""
        return None not in (self.account, account) and account != self.account


async def current_key(session: AsyncSession, keys: Keys, connection_id: UUID) -> CurrentKey | None:
    """None: the connection was deleted, or does not live by a key."""
    query = (
        select(*store.GRANT_COLUMNS, Connection.label, Connection.status)
        .join(Connection, Connection.id == Grant.connection_id)
        .where(Grant.connection_id == connection_id, Grant.kind == API_KEY)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    try:
        key = store.open_grant(keys, row).access_token
    except SealingError:
        key = ""
    return CurrentKey(key, row.account, row.label, row.status in WORKING)


async def is_another_key(session: AsyncSession, keys: Keys, new: UUID, old: UUID) -> bool:
    """Do both connections live by a key, and not by the same one?"""
    one, other = await current_key(session, keys, new), await current_key(session, keys, old)
    return one is not None and other is not None and not other.is_same(one.key)

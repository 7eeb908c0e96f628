"""Which user owns an account whose tokens are delivered: the one who has proven it at the provider.

An account has one owner at a time, and the owner's connection uses the delivered token
(docs/decisions/0018).
"""

from enum import Enum
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import users
from app.audit_log import AuditEvent
from app.connections import kept_history, pairing_codes
from app.database.encryption import Keys
from app.errors import SealingError
from app.grants import store
from app.models.connection import Connection, PushedToken
from app.oauth.token_response import Tokens
from app.providers.provider import PUSHED_TOKEN
from app.providers.webhooks import Proof
from app.realtime.events import announce_cards, announce_list

SOMEBODY_ELSES = "приложение теперь подключено к другой учётной записи"

MAKE_ROW = text(
    """
    INSERT INTO pushed_tokens (id, provider, account) VALUES (:id, :provider, :account)
    ON CONFLICT (provider, account) DO UPDATE SET account = excluded.account
    RETURNING id
    """
)
LOCK_ROW = text(
    """
    SELECT p.id FROM pushed_tokens p JOIN connections c
        ON c.provider = p.provider AND c.account = p.account AND c.user_id = p.user_id
    WHERE c.id = :id FOR UPDATE OF p
    """
)
FORGET_TOKEN = text(
    """
    UPDATE pushed_tokens SET token = NULL, token_hash = NULL, token_at = NULL, user_id = NULL
    WHERE user_id = :user_id AND provider = :provider AND account = :account
    """
)
# A check under way uses the token before. Its lease gets an id that nobody has: the check cannot
# write any more, and no other one starts until the lease has expired.
ASK_NOW = text(
    """
    UPDATE connections
    SET next_check_at = now(), version = version + 1,
        lease_id = CASE WHEN lease_id IS NOT NULL THEN gen_random_uuid() END
    WHERE id = :id
    """
)
NOTE_LOSS = text(
    """
    UPDATE connections SET evidence = :evidence, version = version + 1
    WHERE user_id = :user_id AND provider = :provider AND account = :account
    RETURNING user_id, id
    """
)


class OwnershipResult(Enum):
    YES = "yes"
    WRONG_CODE = "wrong_code"
    TAKEN = "taken"  # another user's connection uses this account's token


def place_of(provider: str, account: str) -> UUID:
    """The id of an account's row. It is derived, because the token is sealed for it beforehand."""
    return uuid5(NAMESPACE_URL, f"pushed:{provider}:{account}")


async def prove(session: AsyncSession, keys: Keys, provider: str, proof: Proof) -> OwnershipResult:
    """Make the user who was shown this code the owner of the account that it was typed in at.

    An owner whose connection already uses a token keeps the account; otherwise the newest proof
    counts.
    """
    user_id = await pairing_codes.owner(session, provider, proof.code)
    if user_id is None:
        return OwnershipResult.WRONG_CODE
    await users.lock(session, user_id)
    row = await _locked(session, provider, proof.account)
    if row.user_id not in (None, user_id) and row.token is not None:
        return OwnershipResult.TAKEN
    if not await pairing_codes.spend(session, user_id, provider, proof.code):
        return OwnershipResult.WRONG_CODE  # another request has just used it
    if row.user_id not in (None, user_id):
        await _tell_loss(session, row)
    row.user_id = user_id
    await session.flush()
    if token := _opened(keys, row):
        await adopt(session, keys, row, token)
    return OwnershipResult.YES


async def adopt(session: AsyncSession, keys: Keys, row: Any, token: str) -> None:
    """Give the owner's connection this token, and have it checked at once.

    `row` has `user_id`, `provider` and `account`. An older grant of that connection is forgotten.
    """
    own = (
        Connection.user_id == row.user_id,
        Connection.provider == row.provider,
        Connection.account == row.account,
    )
    known = await session.scalar(select(Connection.id).where(*own).with_for_update())
    if known is None:
        await _connect(session, keys, row, token)
        return
    await store.replace_token(session, keys, known, token)
    await session.execute(ASK_NOW, {"id": known})
    await audit_log.write_of(session, AuditEvent.RECONNECTED, [known])
    await announce_cards(session, [(row.user_id, known)])


async def take_back(session: AsyncSession, keys: Keys, provider: str, account: str) -> None:
    """The application was removed from the account: no connection uses its token any more."""
    for connection_id in await store.delivered(session, provider, account):
        await store.replace_token(session, keys, connection_id, "")


async def owner(session: AsyncSession, provider: str, account: str) -> int | None:
    """The account's owner. Locks the owner's row, which is taken before any other lock."""
    own = PushedToken.provider == provider, PushedToken.account == account
    user_id = await session.scalar(select(PushedToken.user_id).where(*own))
    if user_id is not None:
        await users.lock(session, user_id)
    return user_id


async def awaited(session: AsyncSession, user_id: int, provider: str) -> list[str]:
    """Accounts that the user has proven to own, and whose token has not been delivered yet."""
    own = PushedToken.user_id == user_id, PushedToken.provider == provider
    query = select(PushedToken.account).where(*own, PushedToken.token.is_(None))
    return list(await session.scalars(query.order_by(PushedToken.account)))


async def hold(session: AsyncSession, connection_id: UUID) -> None:
    """Keep tokens from being delivered to this connection until the transaction ends."""
    await session.execute(LOCK_ROW, {"id": connection_id})


async def forget(session: AsyncSession, user_id: int, provider: str, account: str | None) -> None:
    """The user has disconnected: the account has no owner again, and its token is deleted."""
    await session.execute(
        FORGET_TOKEN, {"user_id": user_id, "provider": provider, "account": account}
    )


async def _locked(session: AsyncSession, provider: str, account: str) -> PushedToken:
    key = {"id": place_of(provider, account), "provider": provider, "account": account}
    place = await session.scalar(MAKE_ROW, key)
    return await session.get_one(PushedToken, place, populate_existing=True)


async def _connect(session: AsyncSession, keys: Keys, row: Any, token: str) -> None:
    key = {"user_id": row.user_id, "provider": row.provider, "account": row.account}
    connection_id = await kept_history.bring_back(session, **key)
    if connection_id is None:
        connection_id = uuid4()
        session.add(Connection(id=connection_id, **key, next_check_at=func.now()))
        await session.flush()
    await store.store(session, keys, connection_id, Tokens(token), PUSHED_TOKEN)
    await audit_log.write_of(session, AuditEvent.CONNECTED, [connection_id])
    await announce_list(session, row.user_id)


async def _tell_loss(session: AsyncSession, row: PushedToken) -> None:
    key = {"user_id": row.user_id, "provider": row.provider, "account": row.account}
    lost = (await session.execute(NOTE_LOSS, key | {"evidence": SOMEBODY_ELSES})).all()
    await announce_cards(session, [(each.user_id, each.id) for each in lost])


def _opened(keys: Keys, row: PushedToken) -> str | None:
    """None: there is no token, or its encryption key is lost; the next delivery brings one."""
    try:
        return keys.open(row.token, "pushed_tokens", row.id, "token") if row.token else None
    except SealingError:
        return None

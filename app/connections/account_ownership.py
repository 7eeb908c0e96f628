"""Whose a delivered token is: one person's at a time, who has proven it at the provider itself, and
whose connection then lives by it (docs/decisions/0018).
"""

from enum import Enum
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import users
from app.audit_log import AuditEvent
from app.connections import pairing_codes
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
# A check under way asks with what was before: its lease stays taken, but by nobody.
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
    TAKEN = "taken"  # another person's connection lives by this account's token


def place_of(provider: str, account: str) -> UUID:
    """The id of an account's row: known beforehand, since what is sealed is bound to it."""
    return uuid5(NAMESPACE_URL, f"pushed:{provider}:{account}")


async def prove(session: AsyncSession, keys: Keys, provider: str, proof: Proof) -> OwnershipResult:
    """The person whose code it is was signed in at this account: from now on it is theirs.

    Whoever's connection lives by a token keeps it; without one, the newest proof counts.
    """
    user_id = await pairing_codes.owner(session, provider, proof.code)
    if user_id is None:
        return OwnershipResult.WRONG_CODE
    await users.lock(session, user_id)
    row = await _locked(session, provider, proof.account)
    if row.user_id not in (None, user_id) and row.token is not None:
        return OwnershipResult.TAKEN
    if not await pairing_codes.spend(session, user_id, provider, proof.code):
        return OwnershipResult.WRONG_CODE  # somebody was faster
    if row.user_id not in (None, user_id):
        await _tell_loss(session, row)
    row.user_id = user_id
    await session.flush()
    if token := _opened(keys, row):
        await adopt(session, keys, row, token)
    return OwnershipResult.YES


async def adopt(session: AsyncSession, keys: Keys, row: Any, token: str) -> None:
    """Let the connection of the account's owner live by this token, and be asked about at once.

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
    """The application is gone there: nobody's connection goes on with its token."""
    for connection_id in await store.delivered(session, provider, account):
        await store.replace_token(session, keys, connection_id, "")


async def owner(session: AsyncSession, provider: str, account: str) -> int | None:
    """Whose account it is, with the lock that comes before any other."""
    own = PushedToken.provider == provider, PushedToken.account == account
    user_id = await session.scalar(select(PushedToken.user_id).where(*own))
    if user_id is not None:
        await users.lock(session, user_id)
    return user_id


async def awaited(session: AsyncSession, user_id: int, provider: str) -> list[str]:
    """The accounts that the person has proven to be theirs, and whose token has not come yet."""
    own = PushedToken.user_id == user_id, PushedToken.provider == provider
    query = select(PushedToken.account).where(*own, PushedToken.token.is_(None))
    return list(await session.scalars(query.order_by(PushedToken.account)))


async def hold(session: AsyncSession, connection_id: UUID) -> None:
    """Let no token come for this connection until the transaction ends."""
    await session.execute(LOCK_ROW, {"id": connection_id})


async def forget(session: AsyncSession, user_id: int, provider: str, account: str | None) -> None:
    """The person has disconnected: the account is nobody's again, and its token is not kept."""
    await session.execute(
        FORGET_TOKEN, {"user_id": user_id, "provider": provider, "account": account}
    )


async def _locked(session: AsyncSession, provider: str, account: str) -> PushedToken:
    key = {"id": place_of(provider, account), "provider": provider, "account": account}
    place = await session.scalar(MAKE_ROW, key)
    return await session.get_one(PushedToken, place, populate_existing=True)


async def _connect(session: AsyncSession, keys: Keys, row: Any, token: str) -> None:
    connection_id = uuid4()
    session.add(
        Connection(
            id=connection_id,
            user_id=row.user_id,
            provider=row.provider,
            account=row.account,
            next_check_at=func.now(),
        )
    )
    await session.flush()
    await store.store(session, keys, connection_id, Tokens(token), PUSHED_TOKEN)
    await audit_log.write_of(session, AuditEvent.CONNECTED, [connection_id])
    await announce_list(session, row.user_id)


async def _tell_loss(session: AsyncSession, row: PushedToken) -> None:
    key = {"user_id": row.user_id, "provider": row.provider, "account": row.account}
    lost = (await session.execute(NOTE_LOSS, key | {"evidence": SOMEBODY_ELSES})).all()
    await announce_cards(session, [(each.user_id, each.id) for each in lost])


def _opened(keys: Keys, row: PushedToken) -> str | None:
    """None: there is none, or its key is lost, and the next one is waited for."""
    try:
        return keys.open(row.token, "pushed_tokens", row.id, "token") if row.token else None
    except SealingError:
        return None

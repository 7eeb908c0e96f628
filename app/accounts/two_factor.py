"""Two-factor authentication: codes of an authenticator app, and recovery codes for a lost one."""

import base64
import secrets
import time

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import totp
from app.audit_log import AuditEvent
from app.database.encryption import Keys
from app.database.secret_hashes import secret_hash
from app.models.account import RecoveryCode, SecondFactor

RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits: too many to find a code from its hash


async def is_on(session: AsyncSession, user_id: int) -> bool:
    on = SecondFactor.confirmed_at.is_not(None)
    return await session.scalar(_of(user_id).where(on)) is not None


async def start_enrolment(session: AsyncSession, keys: Keys, user_id: int) -> bool:
    """Store a new secret that is not used yet. False: a second factor is on already."""
    sealed = keys.seal(totp.new_secret(), "second_factors", user_id, "secret")
    row = upsert(SecondFactor).values(user_id=user_id, secret=sealed)
    begun = await session.scalar(
        row.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"secret": sealed, "last_step": 0},
            where=SecondFactor.confirmed_at.is_(None),
        ).returning(SecondFactor.user_id)
    )
    return begun is not None


async def secret_to_show(session: AsyncSession, keys: Keys, user_id: int) -> str | None:
    """The secret, until its first code was accepted; it is never shown after that."""
    factor = await session.scalar(_of(user_id).where(SecondFactor.confirmed_at.is_(None)))
    if factor is None:
        return None
    return keys.open(factor.secret, "second_factors", user_id, "secret")


async def confirm(session: AsyncSession, keys: Keys, user_id: int, code: str) -> list[str] | None:
    """Turn the second factor on with its first code; returns recovery codes, to be shown once."""
    if not await _spend_code(session, keys, user_id, code, confirmed=False):
        return None
    mine = SecondFactor.user_id == user_id
    await session.execute(update(SecondFactor).where(mine).values(confirmed_at=func.now()))
    return await new_recovery_codes(session, user_id)


async def accepts(session: AsyncSession, keys: Keys, user_id: int, code: str) -> bool:
    """Is this a code of the app, or a recovery code? Either is used up."""
    plain = _plain(code)
    if not is_for_recovery(code):
        return await _spend_code(session, keys, user_id, plain, confirmed=True)
    spent = await session.scalar(
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == secret_hash(plain))
        .returning(RecoveryCode.user_id)
    )
    if spent is not None:
        await audit_log.write(session, user_id, AuditEvent.RECOVERY_CODE_USED)
    return spent is not None


def is_for_recovery(code: str) -> bool:
    """Is this no code of the app, but at most one of those for a lost device?"""
    return len(_plain(code)) != totp.CODE_DIGITS


async def new_recovery_codes(session: AsyncSession, user_id: int) -> list[str]:
    """New recovery codes, which replace the old ones."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    rows = [{"user_id": user_id, "code_hash": secret_hash(code)} for code in codes]
    await session.execute(insert(RecoveryCode), rows)
    return ["-".join(code[i : i + 4] for i in range(0, len(code), 4)) for code in codes]


async def recovery_codes_left(session: AsyncSession, user_id: int) -> int:
    mine = RecoveryCode.user_id == user_id
    return await session.scalar(select(func.count()).select_from(RecoveryCode).where(mine)) or 0


async def turn_off(session: AsyncSession, user_id: int) -> bool:
    """False: there was no second factor."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    factor = delete(SecondFactor).where(SecondFactor.user_id == user_id)
    return await session.scalar(factor.returning(SecondFactor.user_id)) is not None


async def _spend_code(
    session: AsyncSession, keys: Keys, user_id: int, code: str, *, confirmed: bool
) -> bool:
    """RFC 6238 section 5.2: a code that was accepted once is not accepted again."""
    state = SecondFactor.confirmed_at
    wanted = state.is_not(None) if confirmed else state.is_(None)
    factor = await session.scalar(_of(user_id).where(wanted).with_for_update())
    if factor is None:
        return False
    secret = keys.open(factor.secret, "second_factors", user_id, "secret")
    step = totp.matching_step(secret, code, time.time())
    if step is None or step <= factor.last_step:
        return False
    factor.last_step = step
    await session.flush()
    return True


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _of(user_id: int) -> Select[SecondFactor]:
    return select(SecondFactor).where(SecondFactor.user_id == user_id)


def _new_code() -> str:
    return base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()

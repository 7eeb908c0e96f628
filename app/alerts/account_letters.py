"""The queue of letters about accounts: written, claimed under a lease, completed or tried again.

A letter is written in the transaction of what it is about. Who writes it holds its lease and sends
it at once; should that process die, or the mail server refuse, the alerts' loop goes on with it.
"""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts.outbox import DELIVERY_LEASE
from app.alerts.retry_policy import pause
from app.models.account import AccountLetter, LetterKind, LetterState
from app.outbound.smtp import NotSent

LETTER_LIFE = timedelta(hours=24)  # what no mail server took by then is given up
MOST_TRIES = 1_000

CLAIM_LETTERS = text(
    """
    WITH due AS MATERIALIZED (
        SELECT id FROM account_letters
        WHERE state = 'waiting' AND next_try_at <= now() AND expires_at > now()
          AND (lease_until IS NULL OR lease_until < now())
        ORDER BY next_try_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE account_letters l
    SET lease_id = gen_random_uuid(), lease_until = now() + CAST(:lease AS interval)
    FROM due WHERE l.id = due.id
    RETURNING l.id
    """
)


async def put(
    session: AsyncSession,
    kind: LetterKind,
    email: str,
    user_id: int | None = None,
    detail: str = "",
    password_hash: str = "",
) -> AccountLetter:
    """One more letter, under a lease of the caller's, who is to send it after the commit."""
    letter = AccountLetter(
        id=uuid4(),
        kind=kind.value,
        email=email,
        user_id=user_id,
        detail=detail,
        password_hash=password_hash,
        expires_at=func.now() + LETTER_LIFE,
        lease_id=uuid4(),
        lease_until=func.now() + DELIVERY_LEASE,
    )
    session.add(letter)
    await session.flush()
    await session.refresh(letter)
    return letter


async def claim(session: AsyncSession, limit: int) -> list[AccountLetter]:
    """Letters that are due now, under a lease of the caller's."""
    ids = await session.scalars(CLAIM_LETTERS, {"limit": limit, "lease": DELIVERY_LEASE})
    query = select(AccountLetter).where(AccountLetter.id.in_(list(ids)))
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def again(session: AsyncSession, letter_id: UUID) -> AccountLetter | None:
    """The letter once more, under a lease of the caller's; None: it is being sent just now."""
    free = AccountLetter.lease_until.is_(None) | (AccountLetter.lease_until < func.now())
    lease = {"lease_id": uuid4(), "lease_until": func.now() + DELIVERY_LEASE}
    return await session.scalar(
        update(AccountLetter)
        .where(AccountLetter.id == letter_id, free)
        .values(state=LetterState.WAITING.value, **lease)
        .returning(AccountLetter)
        .execution_options(populate_existing=True)
    )


async def with_id(session: AsyncSession, letter_id: UUID) -> AccountLetter | None:
    """None: it is too old by now, or never was."""
    young = AccountLetter.id == letter_id, AccountLetter.expires_at > func.now()
    return await session.scalar(select(AccountLetter).where(*young))


async def settle(session: AsyncSession, letter: AccountLetter, fault: NotSent | None) -> None:
    """Record how sending ended, unless the lease was lost meanwhile."""
    tries = min(letter.tries + 1, MOST_TRIES)
    if fault is None:
        state, error = LetterState.DONE, None
    else:
        state = LetterState.FAILED if fault.for_good else LetterState.WAITING
        error = fault.why
    await session.execute(
        update(AccountLetter)
        .where(AccountLetter.id == letter.id, AccountLetter.lease_id == letter.lease_id)
        .values(
            state=state.value,
            error=error,
            tries=tries,
            next_try_at=func.now() + pause(tries),
            lease_id=None,
            lease_until=None,
        )
    )


async def forget_old(session: AsyncSession) -> None:
    await session.execute(delete(AccountLetter).where(AccountLetter.expires_at < func.now()))


async def forget_person(session: AsyncSession, user_id: int) -> None:
    await session.execute(delete(AccountLetter).where(AccountLetter.user_id == user_id))

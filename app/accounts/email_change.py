"""Change of the e-mail address: it takes a link sent to the old and one sent to the new address."""

import secrets
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import one_time_tokens
from app.audit_log import AuditEvent
from app.database.secret_hashes import secret_hash
from app.models.account import EmailChange, User

EMAIL_CHANGE_LIFE = timedelta(hours=24)


class ConfirmResult(StrEnum):
    """What became of a link that was followed."""

    DONE = "done"
    WAITING = "waiting"  # for the link in the other message
    TAKEN = "taken"  # another user has that address by now
    EXPIRED = "expired"  # or used already, or not one of ours


class LinkSide(StrEnum):
    """Whose link it is: of the column with its hash."""

    OLD = "old_link"
    NEW = "new_link"


async def start(session: AsyncSession, user_id: int, email: str) -> None:
    """Start a change; one that was started before is dropped. Its links are made by `new_link`."""
    values = {
        "email": email.strip(),
        "old_link": secret_hash(secrets.token_urlsafe(32)),  # nobody's: NULL is one that was used
        "new_link": secret_hash(secrets.token_urlsafe(32)),
        "expires_at": func.now() + EMAIL_CHANGE_LIFE,
    }
    row = insert(EmailChange).values(user_id=user_id, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=values))
    await audit_log.write(session, user_id, AuditEvent.EMAIL_ASKED)


async def new_link(session: AsyncSession, user_id: int, email: str, to: LinkSide) -> str | None:
    """The secret of the link for this mailbox, in place of one that was sent before; None: the
    change is over, or this mailbox has confirmed.
    """
    link = secrets.token_urlsafe(32)
    column = getattr(EmailChange, to.value)
    under_way = EmailChange.user_id == user_id, EmailChange.email == email
    renewed = await session.execute(
        update(EmailChange)
        .where(*under_way, column.is_not(None), EmailChange.expires_at > func.now())
        .values({to.value: secret_hash(link)})
        .returning(EmailChange.user_id)
    )
    return None if renewed.scalar_one_or_none() is None else link


async def pending(session: AsyncSession, user_id: int) -> str | None:
    """The new address whose links were not both followed yet."""
    on_its_way = EmailChange.user_id == user_id, EmailChange.expires_at > func.now()
    return await session.scalar(select(EmailChange.email).where(*on_its_way))


async def address_of(session: AsyncSession, link: str) -> str | None:
    """The new address that this link is for, if the link is still good."""
    return await session.scalar(select(EmailChange.email).where(*_good(link)))


async def answer(session: AsyncSession, link: str) -> ConfirmResult:
    """Use a link up; the second one changes the address."""
    change = (
        await session.scalars(
            update(EmailChange)
            .where(*_good(link))
            .values(
                old_link=_unless(EmailChange.old_link, link),
                new_link=_unless(EmailChange.new_link, link),
            )
            .returning(EmailChange)
        )
    ).one_or_none()
    if change is None:
        return ConfirmResult.EXPIRED
    if change.old_link is not None or change.new_link is not None:
        return ConfirmResult.WAITING
    await forget(session, change.user_id)
    return (
        ConfirmResult.DONE
        if await take(session, change.user_id, change.email)
        else ConfirmResult.TAKEN
    )


async def take(session: AsyncSession, user_id: int, email: str) -> bool:
    """Change the address at once; False: another user has it."""
    try:
        async with session.begin_nested():
            mine = update(User).where(User.id == user_id)
            await session.execute(mine.values(email=email.strip()))
    except IntegrityError:
        return False
    await audit_log.write(session, user_id, AuditEvent.EMAIL_CHANGED)
    await one_time_tokens.revoke_all(session, user_id)  # those links are in the old mailbox
    return True


async def forget(session: AsyncSession, user_id: int) -> None:
    await session.execute(delete(EmailChange).where(EmailChange.user_id == user_id))


async def forget_expired(session: AsyncSession) -> None:
    await session.execute(delete(EmailChange).where(EmailChange.expires_at < func.now()))


def _good(link: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    mine = or_(EmailChange.old_link == secret_hash(link), EmailChange.new_link == secret_hash(link))
    return mine, EmailChange.expires_at > func.now()


def _unless(column: Any, link: str) -> Any:
    """The column's value, or NULL where it is this link."""
    return case((column == secret_hash(link), null()), else_=column)

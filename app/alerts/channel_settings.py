"""A user's channels: added, listed, switched on and off, removed.

The address of a channel is sealed like a token; only a label to recognise it by is in the clear.
"""

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import rate_limits
from app.accounts.rate_limits import RateLimit
from app.alerts.channels import Post, telegram, webhook
from app.alerts.message import AlertMessage, Button
from app.alerts.types import Kind
from app.audit_log import Actor, ActorKind, AuditEvent
from app.database.availability import name_of
from app.database.encryption import Keys
from app.database.engine import Reader, Sessions
from app.database.secret_hashes import secret_hash
from app.i18n.plain_text import one_line
from app.models.alert import AlertChannel

log = logging.getLogger(__name__)

MOST_CHANNELS = 10  # of one user
LONGEST_LABEL = 100  # characters
CODE_LIFE = timedelta(minutes=15)
GREETING_PAUSE = RateLimit(1, timedelta(seconds=3))  # polling the bot, for all processes


async def of_person(session: AsyncSession, user_id: int) -> Sequence[AlertChannel]:
    """The user's channels; their own e-mail, which everybody has, comes first."""
    mailbox = insert(AlertChannel).values(id=uuid4(), user_id=user_id, kind="email")
    await session.execute(mailbox.on_conflict_do_nothing())
    query = select(AlertChannel).where(
        AlertChannel.user_id == user_id,
        (AlertChannel.state != "waiting") | (AlertChannel.code_until > func.now()),
    )
    first = AlertChannel.kind != "email"
    return (await session.scalars(query.order_by(first, AlertChannel.created_at))).all()


async def has_any(session: Reader, user_id: int) -> bool:
    """A channel that works, besides e-mail."""
    there = AlertChannel.user_id == user_id, AlertChannel.kind != "email"
    query = select(AlertChannel.id).where(*there, AlertChannel.state == "on").limit(1)
    return (await session.execute(query)).first() is not None


async def owned(session: AsyncSession, user_id: int, channel_id: UUID) -> AlertChannel | None:
    channel = await session.get(AlertChannel, channel_id)
    return channel if channel is not None and channel.user_id == user_id else None


async def add(
    session: AsyncSession,
    keys: Keys,
    user_id: int,
    kind: str,
    label: str,
    target: Mapping[str, Any],
) -> bool:
    """False: the user has too many already."""
    if await _full(session, user_id):
        return False
    channel = AlertChannel(
        id=uuid4(), user_id=user_id, kind=kind, label=one_line(label, LONGEST_LABEL)
    )
    channel.target = _sealed(keys, channel.id, target)
    session.add(channel)
    await session.flush()
    await audit_log.write(session, user_id, AuditEvent.CHANNEL_ADDED, kind)
    return True


async def add_webhook(session: AsyncSession, keys: Keys, user_id: int, url: str) -> str | None:
    """The secret that signs its messages, to be shown once; None: too many channels."""
    secret = webhook.new_secret()
    label = urlsplit(url).hostname or ""
    added = await add(session, keys, user_id, "webhook", label, {"url": url, "secret": secret})
    return secret if added else None


async def await_telegram(session: AsyncSession, user_id: int) -> str | None:
    """A one-time code for the bot's link; None: too many channels."""
    waiting = (AlertChannel.user_id == user_id, AlertChannel.state == "waiting")
    await session.execute(delete(AlertChannel).where(*waiting))
    if await _full(session, user_id):
        return None
    code = secrets.token_urlsafe(24)
    session.add(
        AlertChannel(
            id=uuid4(),
            user_id=user_id,
            kind="telegram",
            state="waiting",
            code_hash=secret_hash(code),
            code_until=func.now() + CODE_LIFE,
        )
    )
    await session.flush()
    return code


async def greet(sessions: Sessions, post: Post, keys: Keys) -> None:
    """Ask Telegram who has opened the bot with a code, while a code is waiting for it.

    Polling, not a webhook: it works behind any router, and asks only while it has to.
    """
    if not post.settings.telegram_bot_token:
        return
    async with sessions.begin() as session:
        expected = select(AlertChannel.id).where(
            AlertChannel.state == "waiting", AlertChannel.code_until > func.now()
        )
        if await session.scalar(expected.limit(1)) is None:
            return
        if await rate_limits.attempt(session, "telegram", GREETING_PAUSE):
            return  # another process asks; Telegram refuses two at once
    starts = await telegram.starts(post)
    if isinstance(starts, telegram.NoUpdates):
        await _note_trouble(sessions, starts)
        return
    await _note_trouble(sessions, None)
    for start in starts:
        try:
            async with sessions.begin() as session:
                known = await _welcome(session, keys, start)
        except (SQLAlchemyError, OSError) as error:  # the others were told of only once, too
            log.error("telegram: a channel was not connected: %s", name_of(error))
            continue
        await telegram.say(post, start.chat_id, _answer(post, known))


async def switch(session: AsyncSession, channel: AlertChannel, state: str) -> None:
    """Switch a channel; "on" also forgets its failures, as the user says that it works again."""
    if channel.state != state:
        deed = AuditEvent.CHANNEL_ON if state == "on" else AuditEvent.CHANNEL_OFF
        await audit_log.write(session, channel.user_id, deed, channel.kind)
    channel.state = state
    if state == "on":
        channel.failures, channel.failing_since, channel.error = 0, None, None
        channel.next_try_at = func.now()
    await session.flush()


async def limit(session: AsyncSession, channel: AlertChannel, tags: Sequence[str]) -> None:
    """Tell it only of connections with one of these tags; []: of all."""
    if channel.tags != list(tags):
        channel.tags = list(tags)
        await audit_log.write(session, channel.user_id, AuditEvent.ALERTS_CHANGED, channel.kind)
    await session.flush()


async def end(session: AsyncSession, channel: AlertChannel, why: str) -> None:
    """Its address is dead: only the user can make a new one."""
    channel.state, channel.error = "gone", why
    channel.failing_since = channel.failing_since or func.now()
    await session.flush()


async def remove(session: AsyncSession, channel: AlertChannel) -> None:
    await session.execute(delete(AlertChannel).where(AlertChannel.id == channel.id))
    await audit_log.write(session, channel.user_id, AuditEvent.CHANNEL_REMOVED, channel.kind)


async def is_letter_link(session: AsyncSession, key: UUID) -> bool:
    known = select(AlertChannel.id).where(AlertChannel.unsubscribe == key)
    return await session.scalar(known.where(AlertChannel.kind == "email")) is not None


async def unsubscribe(session: AsyncSession, key: UUID) -> bool:
    """Stop e-mail alerts by the link in one of them; the link allows nothing else."""
    stopped = await session.scalar(
        update(AlertChannel)
        .where(AlertChannel.unsubscribe == key, AlertChannel.kind == "email")
        .values(state="off")
        .returning(AlertChannel.user_id)
    )
    if stopped is not None:
        await audit_log.write(session, stopped, AuditEvent.CHANNEL_OFF, "email")
    return stopped is not None


async def _note_trouble(sessions: Sessions, trouble: telegram.NoUpdates | None) -> None:
    """Show everybody who waits for the bot why nobody can be seen; a line of log when it begins."""
    why = trouble.why if trouble else None
    waiting = update(AlertChannel).where(
        AlertChannel.state == "waiting", AlertChannel.error.is_distinct_from(why)
    )
    async with sessions.begin() as session:
        changed = await session.scalars(waiting.values(error=why).returning(AlertChannel.id))
        if changed.all() and trouble:
            log.warning("telegram: getUpdates answered %s: %s", trouble.status, trouble.why)


async def _welcome(session: AsyncSession, keys: Keys, start: telegram.Start) -> bool:
    """Complete the channel that waits for this code; the code works once."""
    channel = await session.scalar(
        select(AlertChannel)
        .where(
            AlertChannel.code_hash == secret_hash(start.code), AlertChannel.code_until > func.now()
        )
        .with_for_update()
    )
    if channel is None:
        return False
    channel.target = _sealed(keys, channel.id, {"chat_id": start.chat_id})
    channel.label, channel.state = one_line(start.name, LONGEST_LABEL), "on"
    channel.code_hash = channel.code_until = channel.error = None
    with audit_log.acting_as(Actor(ActorKind.PERSON)):
        await audit_log.write(session, channel.user_id, AuditEvent.CHANNEL_ADDED, "telegram")
    return True


def _answer(post: Post, known: bool) -> AlertMessage:
    page = Button("Настроить оповещения", f"{post.settings.public_url}/alerts")
    if known:
        title, lead = "Готово", "Сюда будут приходить сообщения о ваших подключениях."
    else:
        title = "Ссылка устарела"
        lead = "Она действует 15 минут и один раз. Получите новую на странице оповещений."
    return AlertMessage(Kind.TEST, title, lead, "", page)


async def _full(session: AsyncSession, user_id: int) -> bool:
    own = select(func.count()).select_from(AlertChannel).where(AlertChannel.user_id == user_id)
    return (await session.scalar(own) or 0) >= MOST_CHANNELS


def _sealed(keys: Keys, channel_id: UUID, target: Mapping[str, Any]) -> bytes:
    return keys.seal(json.dumps(target), "alert_channels", channel_id, "target")

"""Sending letters about accounts. The token of a link is made here, in the moment of sending.

Whose address it is, is looked up here too and not by the page that asked: its answer can take no
longer for somebody who has an account.
"""

import asyncio
import logging

from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log, metrics
from app.accounts import email_change, one_time_tokens, users
from app.accounts.email_change import LinkSide
from app.alerts import account_letter_texts as texts
from app.alerts import account_letters
from app.alerts.account_letter_texts import mail_of
from app.audit_log import AuditEvent
from app.background import Unfinished
from app.config import Settings
from app.database.engine import Sessions
from app.logging import LogEvent
from app.models.account import AccountLetter, LetterKind, TokenPurpose
from app.outbound import smtp
from app.outbound.smtp import Mail

log = logging.getLogger(__name__)

AT_ONCE = 10  # letters


class LetterSender:
    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions, self._settings = sessions, settings

    async def send_due(self, unfinished: Unfinished) -> None:
        """Send until nothing is left that may go now."""
        while not unfinished.stopping:
            async with self._sessions.begin() as session:
                letters = await account_letters.claim(session, AT_ONCE)
            if not letters:
                return
            await asyncio.gather(*(unfinished.run(self.send(each)) for each in letters))

    async def send(self, letter: AccountLetter) -> None:
        """One attempt at a letter that the caller holds the lease of."""
        async with self._sessions.begin() as session:
            mail = await self._mail(session, letter)
        fault = None if mail is None else await smtp.send(self._settings, mail)
        if mail is not None:
            metrics.DELIVERIES.labels("account", "refused" if fault else "sent").inc()
        async with self._sessions.begin() as session:
            await account_letters.settle(session, letter, fault)
        if fault is not None:
            log.warning(LogEvent("letter_not_sent", kind=letter.kind, error=fault.why))

    async def _mail(self, session: AsyncSession, letter: AccountLetter) -> Mail | None:
        """None: nobody is to be written to."""
        url, to = self._settings.public_url, letter.email
        match LetterKind(letter.kind):
            case LetterKind.RESET:
                return await self._reset(session, letter)
            case LetterKind.SIGN_UP:
                return await self._sign_up(session, letter)
            case LetterKind.EMAIL_OLD:
                link = await _change_link(session, letter, LinkSide.OLD)
                return (
                    mail_of(texts.EMAIL_OLD, to, url, link, email=letter.detail) if link else None
                )
            case LetterKind.EMAIL_NEW:
                other = await users.with_email(session, to)
                if other is not None and other.id != letter.user_id:
                    return mail_of(texts.KNOWN, to, url)
                link = await _change_link(session, letter, LinkSide.NEW)
                return mail_of(texts.EMAIL_NEW, to, url, link) if link else None
            case LetterKind.NOTICE:
                return mail_of(texts.NOTICE, to, url, change=texts.CHANGED[letter.detail])

    async def _reset(self, session: AsyncSession, letter: AccountLetter) -> Mail | None:
        user = await users.with_email(session, letter.email)
        if user is None or user.disabled_at is not None:
            return None
        link = await one_time_tokens.issue(session, TokenPurpose.RESET, user.id)
        if not letter.tries:
            await audit_log.write(session, user.id, AuditEvent.RESET_ASKED)
        return mail_of(texts.RESET, user.email, self._settings.public_url, link)

    async def _sign_up(self, session: AsyncSession, letter: AccountLetter) -> Mail:
        """Only the letter tells whether there is an account with this address."""
        if await users.with_email(session, letter.email) is not None:
            return mail_of(texts.KNOWN, letter.email, self._settings.public_url)
        link = await one_time_tokens.issue(
            session,
            TokenPurpose.SIGN_UP,
            email=letter.email,
            password_hash=letter.password_hash,
        )
        return mail_of(texts.SIGN_UP, letter.email, self._settings.public_url, link)


async def _change_link(session: AsyncSession, letter: AccountLetter, to: LinkSide) -> str | None:
    user_id, email = letter.user_id, letter.detail
    return await email_change.new_link(session, user_id, email, to) if user_id else None

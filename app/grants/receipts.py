"""What is written down of how a grant ended: what was asked, what was answered, and what the old
token got afterwards. Never a token, nor a word of the provider's that we do not know.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.audit_log import AuditEvent
from app.oauth import client
from app.oauth.revocation_response import RevocationAnswer
from app.providers.provider import Provider


class GrantEnd(StrEnum):
    """How a grant ended, or why it did not."""

    DONE = "done"
    ALREADY = "already"  # the provider had forgotten it before
    LATER = "later"  # it will be asked again
    UNSUPPORTED = "unsupported"  # it was asked, and cannot revoke such a token
    GIVEN_UP = "given_up"  # it was asked for a day
    BY_HAND = "by_hand"  # it has no revocation
    KEY = "key"  # a key is only forgotten here
    OLD_KEY = "old_key"  # the same, of one that another has replaced
    SHARED = "shared"  # another connection lives on the same account


class OldToken(StrEnum):
    """What the old access token got after its revocation."""

    REFUSED = "refused"
    WORKS = "works"
    UNCLEAR = "unclear"


ENDED = (GrantEnd.DONE, GrantEnd.ALREADY)


async def write(
    session: AsyncSession,
    provider: Provider,
    connection_id: UUID,
    end: GrantEnd,
    answer: RevocationAnswer | None = None,
    old_token: OldToken | None = None,
    evidence: str = "",
) -> None:
    """`evidence` is of the request with the old token."""
    receipt = {"end": end.value}
    if answer is not None:
        receipt |= {"asked": client.revocation_line(provider), "answered": answer.said}
    if old_token is not None:
        receipt |= {"old_token": old_token.value, "evidence": evidence}
    deed = AuditEvent.GRANT_REVOKED if end in ENDED else AuditEvent.GRANT_NOT_REVOKED
    await audit_log.write_of_gone(session, deed, connection_id, receipt)


async def write_old_key(session: AsyncSession, connection_id: UUID) -> None:
    """Another key has taken its place: it is forgotten here, and lives on at the provider."""
    receipt = {"end": GrantEnd.OLD_KEY.value}
    await audit_log.write_of(
        session, AuditEvent.GRANT_NOT_REVOKED, [connection_id], receipt=receipt
    )

"""After step 4 of a check: what an answer told about the grant itself is kept for the next time.

Whose account it is, which token placement works, when it ends: rare, mostly after a first check.
"""

import logging
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.connections.account_matching import match_account
from app.database.availability import name_of
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.grants import store
from app.logging import LogEvent
from app.models.connection import Status
from app.monitor.checked import Checked
from app.providers.provider import Catalogue

log = logging.getLogger(__name__)

UPDATE_TRIES = 3


def is_wanted(catalogue: Catalogue, checked: Checked) -> bool:
    """Did the answer tell something about the grant that we did not know?"""
    return (
        checked.wants_matching or _chose_token_placement(catalogue, checked) or _dates_end(checked)
    )


async def update_grant(
    sessions: Sessions, keys: Keys, catalogue: Catalogue, checked: Checked
) -> None:
    """Keep it; when the database refuses, the next check will tell it again."""
    id_ = checked.lease.connection_id
    for _ in range(UPDATE_TRIES):
        try:
            async with sessions.begin() as session:
                await _update(session, keys, catalogue, checked)
            return
        except (SQLAlchemyError, OSError) as error:  # a deadlock, or a connection that broke
            log.warning(LogEvent("grant_not_updated", connection=id_, error=name_of(error)))


async def _update(
    session: AsyncSession, keys: Keys, catalogue: Catalogue, checked: Checked
) -> None:
    place: UUID | None = checked.lease.connection_id
    if checked.wants_matching:
        place = await match_account(
            session, keys, checked.lease.connection_id, checked.answer.account
        )
    if place is None:
        return
    if _chose_token_placement(catalogue, checked):
        await store.remember_token_placement(session, place, checked.answer.token_placement)
    if _dates_end(checked):
        await store.remember_end(session, place, checked.answer.expires_in)


def _chose_token_placement(catalogue: Catalogue, checked: Checked) -> bool:
    """The first good answer shows which of several token placements the provider takes."""
    provider, row = catalogue.get(checked.lease.provider), checked.lease.row
    choice = provider is not None and len(provider.token_placements(row.kind)) > 1
    works = checked.verdict.status is Status.ONLINE
    return choice and works and "carrier" not in row.extra


def _dates_end(checked: Checked) -> bool:
    """The provider said when the grant ends, and we did not know yet."""
    return checked.answer.expires_in is not None and checked.lease.row.refresh_in is None

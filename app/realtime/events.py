"""The change event: written in the transaction that made the change, so neither exists without the
other.

The payload holds ids only; the database is the truth. One NOTIFY carries a whole batch, because one
per row would halve the number of commits a second (NOTIFY takes a lock that all commits share).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "svyazka"
PAYLOAD = 7_900  # bytes; PostgreSQL refuses 8,000
NOTIFY = text("SELECT pg_notify(:channel, :payload)")


@dataclass(frozen=True)
class Announcement:
    """What changed: cards by user, users whose list changed, sessions (their hashes) that
    ended, providers that went down or came back for everybody.
    """

    cards: Mapping[int, list[UUID]] = field(default_factory=dict)
    lists: list[int] = field(default_factory=list)
    ended: list[bytes] = field(default_factory=list)
    providers: list[str] = field(default_factory=list)


async def announce_cards(session: AsyncSession, changed: Iterable[tuple[int, UUID]]) -> None:
    """Tell every page that these (user, connection) cards changed."""
    for payload in _card_payloads(changed):
        await session.execute(NOTIFY, {"channel": CHANNEL, "payload": payload})


async def announce_list(session: AsyncSession, user_id: int) -> None:
    """Tell the person's pages that a connection came or went."""
    await _notify(session, {"lists": [user_id]})


async def announce_ended(session: AsyncSession, session_hashes: Iterable[bytes]) -> None:
    """Tell the open streams of these sessions that they are over."""
    for session_hash in session_hashes:
        await _notify(session, {"ended": [session_hash.hex()]})


async def announce_provider(session: AsyncSession, provider: str) -> None:
    """Tell everybody who has connections there that a provider-wide outage began or ended."""
    await _notify(session, {"providers": [provider]})


def read_announcement(payload: str) -> Announcement:
    """Raises ValueError for anything that is not one of ours."""
    try:
        event = json.loads(payload)
        return Announcement(
            cards={
                int(user): [UUID(hex=each) for each in ids]
                for user, ids in event.get("cards", {}).items()
            },
            lists=[int(user) for user in event.get("lists", [])],
            ended=[bytes.fromhex(each) for each in event.get("ended", [])],
            providers=[str(each) for each in event.get("providers", [])],
        )
    except (AttributeError, TypeError) as error:
        raise ValueError("not an announcement") from error


async def _notify(session: AsyncSession, event: dict[str, object]) -> None:
    await session.execute(NOTIFY, {"channel": CHANNEL, "payload": json.dumps(event)})


def _card_payloads(changed: Iterable[tuple[int, UUID]]) -> Iterator[str]:
    cards: dict[str, list[str]] = {}
    size = 0
    for user_id, connection_id in changed:
        size += 36 + (0 if str(user_id) in cards else len(str(user_id)) + 8)
        if size > PAYLOAD - 20:
            yield json.dumps({"cards": cards}, separators=(",", ":"))
            cards, size = {}, 36 + len(str(user_id)) + 8
        cards.setdefault(str(user_id), []).append(connection_id.hex)
    if cards:
        yield json.dumps({"cards": cards}, separators=(",", ":"))

"""Step 5 of 6 of a check, second half: which open pages a change is for, and their mailboxes."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from app.realtime.events import Announcement

CARDS = 200  # cards that are read and rendered in one go, so that nothing else waits for long
SNAPSHOTS = 20  # people who get their whole list in one go; the rest waits for the next turn
PAGES_OF_SESSION = 20  # open pages of one browser; a hidden tab has none
MOST_PAGES = 11_000  # of this process
LIST = "list"  # a mailbox's place for the whole list, which makes all single cards obsolete


class Mailbox:
    """What one open page has still to be sent. A burst about one card is one event, the newest, so
    a page that reads slowly, or not at all, has one event a card here, however long it takes.
    """

    __slots__ = (
        *("user_id", "session_hash", "only", "expires_at", "beat_at", "known"),
        *("expired", "closed", "wake", "waiting", "_events"),
    )

    def __init__(
        self,
        user_id: int,
        session_hash: bytes,
        only: UUID | None = None,
        expires_at: float = math.inf,
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.user_id = user_id
        self.session_hash = session_hash
        self.only = only  # the page of one connection: it wants no other card
        self.expires_at = expires_at  # Unix seconds; its session's
        self.known = known  # the cards that it has, until its first list is made
        self.beat_at = 0.0  # Unix seconds; when the next sign of life is due
        self.expired = False  # the session is over
        self.closed = False  # nothing more will come
        self.waiting = -1  # how much waits for its owner, as this page was last told
        self.wake: Callable[[], None] = _nobody  # told of every change; takes when it can
        self._events: dict[object, bytes] = {}

    def put(self, place: object, event: bytes) -> None:
        if place == LIST:
            self._events = {key: old for key, old in self._events.items() if isinstance(key, str)}
        self._events.pop(place, None)  # the newest event goes out last
        self._events[place] = event
        self.wake()

    def close(self, *, expired: bool = False) -> None:
        self.closed = True
        self.expired = self.expired or expired
        self.wake()

    def take(self) -> bytes:
        """All that there is, as one piece; it is not here any more."""
        events, self._events = self._events, {}
        return b"".join(events.values())


@dataclass(frozen=True)
class Work:
    """What the fan-out has to read: changed cards, pages that want their whole list, and providers
    that went down or came back: whoever has them wants the whole list.
    """

    cards: set[UUID]
    pages: list[Mailbox]
    providers: set[str]


class Hub:
    """All open pages of this process. Everything is rendered from reads that follow one another,
    so a page never gets an older state after a newer one.
    """

    def __init__(self) -> None:
        self._mailboxes: dict[int, dict[Mailbox, None]] = defaultdict(dict)  # the oldest first
        self._count = 0
        self._cards: set[UUID] = set()
        self._pages: dict[Mailbox, None] = {}
        self._providers: set[str] = set()
        self._work = asyncio.Event()
        self._closed = False

    @contextmanager
    def subscribe(self, mailbox: Mailbox) -> Iterator[Mailbox]:
        """One open page; the first thing in its mailbox will be the whole list, or the card of the
        `only` connection that it is about.
        """
        user_id = mailbox.user_id
        self._end_oldest(mailbox)
        self._mailboxes[user_id][mailbox] = None
        self._count += 1
        self._want_list([mailbox])
        if self._closed:
            mailbox.close()
        try:
            yield mailbox
        finally:
            self._pages.pop(mailbox, None)
            self._count -= 1
            del self._mailboxes[user_id][mailbox]
            if not self._mailboxes[user_id]:
                del self._mailboxes[user_id]

    @property
    def is_full(self) -> bool:
        return self._count >= MOST_PAGES

    @property
    def user_ids(self) -> list[int]:
        """Who is looking."""
        return list(self._mailboxes)

    @property
    def pages(self) -> list[Mailbox]:
        return [mailbox for own in self._mailboxes.values() for mailbox in own]

    def announced(self, announcement: Announcement) -> None:
        for user_id, ids in announcement.cards.items():
            if user_id in self._mailboxes:
                self._cards.update(ids)
                self._work.set()
        self.want_lists(announcement.lists)
        if announcement.providers:
            self._providers.update(announcement.providers)
            self._work.set()
        if announcement.ended:
            self.expire(set(announcement.ended))

    def want_lists(self, user_ids: Iterable[int]) -> None:
        """All that these people see is to be read again."""
        for user_id in user_ids:
            self._want_list(self._mailboxes.get(user_id, ()))

    def resync(self) -> None:
        """Something may have been missed: everybody gets the whole list, some at a time."""
        self._want_list(self.pages)

    def expire(self, ended: set[bytes]) -> None:
        for mailbox in self.pages:
            if mailbox.session_hash in ended:
                mailbox.close(expired=True)

    async def work(self) -> Work:
        """Wait until there is something to read, and take it."""
        await self._work.wait()
        pages = self._first_pages()
        cards = {self._cards.pop() for _ in range(min(CARDS, len(self._cards)))}
        providers, self._providers = self._providers, set()
        if not self._pages and not self._cards:
            self._work.clear()
        return Work(cards, pages, providers)

    def put_back(self, work: Work) -> None:
        """The reading failed: it is all still to do."""
        self._cards |= work.cards
        self._providers |= work.providers
        self._work.set()
        self._want_list(
            page for page in work.pages if page in self._mailboxes.get(page.user_id, ())
        )

    def wants(self, user_id: int, connection_id: UUID) -> bool:
        """Is there a page that this card may go to? Else it need not be rendered."""
        return any(True for _ in self._wanting(user_id, connection_id))

    def deliver(self, user_id: int, connection_id: UUID, event: bytes) -> None:
        for mailbox in self._wanting(user_id, connection_id):
            mailbox.put(connection_id, event)

    def tell(self, user_id: int, place: str, event: bytes) -> None:
        """Every page of a person's that shows all connections."""
        for mailbox in self._mailboxes.get(user_id, ()):
            if mailbox.only is None and mailbox not in self._pages:
                mailbox.put(place, event)

    def tell_waiting(self, user_id: int, waiting: int, event: bytes) -> None:
        """Every page of a person's that was told another number."""
        for mailbox in self._mailboxes.get(user_id, ()):
            if mailbox.waiting != waiting and mailbox not in self._pages:
                mailbox.waiting = waiting
                mailbox.put("waiting", event)

    def broadcast(self, place: str, event: bytes) -> None:
        for mailbox in self.pages:
            mailbox.put(place, event)

    def close(self) -> None:
        """The process is going: every stream ends, and the browsers come back by themselves."""
        self._closed = True
        for mailbox in self.pages:
            mailbox.close()

    def _end_oldest(self, newcomer: Mailbox) -> None:
        """A browser that opens more and more pages loses its first ones."""
        own = [
            each
            for each in self._mailboxes.get(newcomer.user_id, ())
            if each.session_hash == newcomer.session_hash and not each.closed
        ]
        for mailbox in own[: max(0, len(own) + 1 - PAGES_OF_SESSION)]:
            mailbox.close()

    def _wanting(self, user_id: int, connection_id: UUID) -> Iterator[Mailbox]:
        for mailbox in self._mailboxes.get(user_id, ()):
            wanted = mailbox.only in (None, connection_id)
            if wanted and mailbox not in self._pages:  # else a newer, whole list is on the way
                yield mailbox

    def _first_pages(self) -> list[Mailbox]:
        """Of the people who have waited longest, all that wait: they get the same list."""
        people: dict[int, None] = {}
        for mailbox in self._pages:
            people[mailbox.user_id] = None
            if len(people) == SNAPSHOTS:
                break
        pages = [each for own in people for each in self._mailboxes[own] if each in self._pages]
        for mailbox in pages:
            del self._pages[mailbox]
        return pages

    def _want_list(self, mailboxes: Iterable[Mailbox]) -> None:
        for mailbox in mailboxes:
            self._pages[mailbox] = None
            self._work.set()


def _nobody() -> None:
    """Nobody waits for this mailbox yet."""

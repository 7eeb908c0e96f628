"""A queue for dear work: so many at once, so many that wait, and everybody has their turn."""

import asyncio
from collections import deque

Place = asyncio.Future[None]


class Overloaded(Exception):  # noqa: N818 - reads as what it is
    """There are enough that wait already; nothing was done."""

    RETRY_AFTER = 5  # seconds


class FairQueue:
    """Turns go round among `who`, so that many requests of one delay others by one. Where there is
    no room, the newest of whoever has most waiting goes.
    """

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self._free = at_once
        self._most_waiting = most_waiting
        self._waiting: dict[str, deque[Place]] = {}  # by who; the next one's turn first

    async def enter(self, who: str) -> None:
        """Wait for a turn, which `leave` gives back. Raises Overloaded."""
        if self._free:
            self._free -= 1
            return
        self._make_room(who)
        turn: Place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            else:
                self._forget(who, turn)
            raise

    def leave(self) -> None:
        """The next one's turn: one of each who waits, round and round."""
        if not self._waiting:
            self._free += 1
            return
        who = next(iter(self._waiting))
        turns = self._waiting.pop(who)
        turns.popleft().set_result(None)
        if turns:
            self._waiting[who] = turns

    def _make_room(self, who: str) -> None:
        if sum(map(len, self._waiting.values())) < self._most_waiting:
            return
        longest = max(self._waiting, key=lambda each: len(self._waiting[each]))
        if len(self._waiting[longest]) <= len(self._waiting.get(who, ())) + 1:
            raise Overloaded
        newest = self._waiting[longest][-1]
        self._forget(longest, newest)
        newest.set_exception(Overloaded())

    def _forget(self, who: str, turn: Place) -> None:
        turns = self._waiting.get(who, deque())
        if turn in turns:
            turns.remove(turn)
        if not turns:
            self._waiting.pop(who, None)

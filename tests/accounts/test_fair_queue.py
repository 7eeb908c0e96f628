"""Who waits for how long, and who is sent away."""

import asyncio

import pytest

from app.accounts.fair_queue import FairQueue, Overloaded


async def served(queue: FairQueue, order: list[str], who: str) -> str:
    """Takes a turn and keeps it: the test gives it back."""
    try:
        await queue.enter(who)
    except Overloaded:
        return "sent away"
    order.append(who)
    return "served"


async def started(queue: FairQueue, order: list[str], *people: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(served(queue, order, who)) for who in people]
    await asyncio.sleep(0)
    return tasks


async def test_turns_go_round_among_those_who_wait() -> None:
    queue, order = FairQueue(1, 100), list[str]()
    tasks = await started(queue, order, *"aaaaa", "b", "a", "c")
    for _ in tasks:
        queue.leave()
        await asyncio.sleep(0)
    assert "".join(order) == "aabcaaaa"  # the first turn was free


async def test_so_many_at_once_and_no_more() -> None:
    queue, order = FairQueue(2, 100), list[str]()
    tasks = await started(queue, order, *"abcd")
    assert order == ["a", "b"]
    for _ in range(4):
        queue.leave()
    await asyncio.gather(*tasks)
    assert await asyncio.gather(*await started(queue, order, "e", "f")) == ["served"] * 2


async def test_where_the_queue_is_full_the_newest_of_who_has_most_is_sent_away() -> None:
    queue, order = FairQueue(1, 4), list[str]()
    tasks = await started(queue, order, *"aaaaa", "a", "b", "c", "b")
    await asyncio.sleep(0)
    assert [place for place, task in enumerate(tasks) if task.done()] == [0, 3, 4, 5, 8]
    for _ in range(4):
        queue.leave()
    said = await asyncio.gather(*tasks)
    assert sorted(order) == [*"aaabc"]
    assert [said[place] for place in (3, 4, 5, 8)] == ["sent away"] * 4


@pytest.mark.parametrize("is_at_once", [True, False])
async def test_who_gives_up_takes_no_turn(is_at_once: bool) -> None:
    """Before the turn came, and in the moment when it came."""
    queue, order = FairQueue(1, 10), list[str]()
    _, waiting, after = await started(queue, order, "a", "b", "c")
    if is_at_once:
        queue.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    if not is_at_once:
        queue.leave()
    assert await after == "served"
    assert order == ["a", "c"]

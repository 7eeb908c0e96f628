"""Mailboxes: what an open page gets, in which order, and what it never gets."""

from uuid import uuid4

from app.realtime.events import Announcement
from app.realtime.hub import LIST, SNAPSHOTS, Hub, Mailbox

ANNA, BORIS = 1, 2
SESSION = b"session of anna"


async def snapshots_taken(hub: Hub) -> None:
    """The fan-out has served every page that waited for its list."""
    while hub._pages:
        await hub.work()


async def test_a_new_page_first_wants_the_whole_list() -> None:
    hub = Hub()
    with hub.subscribe(Mailbox(ANNA, SESSION)) as mailbox:
        assert (await hub.work()).pages == [mailbox]


async def test_a_burst_about_one_card_is_one_event_the_newest() -> None:
    mailbox, card, other = Mailbox(ANNA, SESSION), uuid4(), uuid4()
    mailbox.put(card, b"old ")
    mailbox.put(other, b"other ")
    mailbox.put(card, b"new ")
    assert mailbox.take() == b"other new "


async def test_a_whole_list_makes_single_cards_obsolete() -> None:
    mailbox = Mailbox(ANNA, SESSION)
    mailbox.put("banner", b"banner ")
    mailbox.put(uuid4(), b"card ")
    mailbox.put(LIST, b"list ")
    assert mailbox.take() == b"banner list "


async def test_an_empty_mailbox_gives_nothing_after_its_time() -> None:
    assert Mailbox(ANNA, SESSION).take() == b""


async def test_a_change_reaches_only_its_persons_pages() -> None:
    hub, card = Hub(), uuid4()
    with (
        hub.subscribe(Mailbox(ANNA, SESSION)) as mine,
        hub.subscribe(Mailbox(BORIS, b"other")) as his,
    ):
        await snapshots_taken(hub)
        hub.announced(Announcement(cards={ANNA: [card], 77: [uuid4()]}))
        assert (await hub.work()).cards == {card}
        hub.deliver(ANNA, card, b"card")
        assert mine.take() == b"card"
        assert his.take() == b""


async def test_a_page_that_waits_for_its_list_gets_no_single_card_before_it() -> None:
    hub, card = Hub(), uuid4()
    with hub.subscribe(Mailbox(ANNA, SESSION)) as mailbox:
        hub.deliver(ANNA, card, b"older than the list")
        assert mailbox.take() == b""


async def test_an_ended_session_ends_its_pages_and_no_others() -> None:
    hub = Hub()
    with (
        hub.subscribe(Mailbox(ANNA, SESSION)) as ended,
        hub.subscribe(Mailbox(ANNA, b"another one")) as other,
    ):
        hub.announced(Announcement(ended=[SESSION]))
        assert (ended.closed, ended.expired) == (True, True)
        assert not other.closed


async def test_after_a_break_every_page_gets_its_list_some_at_a_time() -> None:
    hub = Hub()
    pages = [hub.subscribe(Mailbox(user, SESSION)) for user in range(SNAPSHOTS + 5)]
    for page in pages:
        page.__enter__()
    await snapshots_taken(hub)
    hub.resync()
    assert len((await hub.work()).pages) == SNAPSHOTS
    assert len((await hub.work()).pages) == 5


async def test_work_that_failed_is_still_to_do() -> None:
    hub, card = Hub(), uuid4()
    with hub.subscribe(Mailbox(ANNA, SESSION)) as mailbox:
        hub.announced(Announcement(cards={ANNA: [card]}))
        work = await hub.work()
        hub.put_back(work)
        again = await hub.work()
        assert (again.cards, again.pages) == ({card}, [mailbox])


async def test_a_closing_process_ends_every_page_without_logging_anybody_out() -> None:
    hub = Hub()
    with hub.subscribe(Mailbox(ANNA, SESSION)) as open_page:
        hub.close()
        assert (open_page.closed, open_page.expired) == (True, False)
    with hub.subscribe(Mailbox(ANNA, SESSION)) as late_page:
        assert late_page.closed


async def test_a_page_that_left_is_forgotten() -> None:
    hub = Hub()
    with hub.subscribe(Mailbox(ANNA, SESSION)):
        pass
    assert hub.pages == []
    hub.announced(Announcement(cards={ANNA: [uuid4()]}, lists=[ANNA]))
    assert not hub._work.is_set() or (await hub.work()).pages == []


async def test_all_pages_of_a_person_that_wait_get_their_list_in_one_go() -> None:
    hub = Hub()
    users = [*range(SNAPSHOTS), SNAPSHOTS, 0]  # the last page is the first person's
    pages = [hub.subscribe(Mailbox(user, SESSION)) for user in users]
    for page in pages:
        page.__enter__()
    together = [mailbox.user_id for mailbox in (await hub.work()).pages]
    assert together.count(0) == 2
    assert SNAPSHOTS not in together
    assert [mailbox.user_id for mailbox in (await hub.work()).pages] == [SNAPSHOTS]


async def test_a_card_that_no_page_may_get_is_not_wanted() -> None:
    hub, card = Hub(), uuid4()
    assert not hub.wants(ANNA, card)
    with hub.subscribe(Mailbox(ANNA, SESSION)):
        assert not hub.wants(ANNA, card)  # its page waits for the whole list
        await snapshots_taken(hub)
        assert hub.wants(ANNA, card)
    with hub.subscribe(Mailbox(ANNA, SESSION, only=uuid4())):
        await snapshots_taken(hub)
        assert not hub.wants(ANNA, card)

"""A day and a half of three people with thirty connections, told by two processes that get killed.

Nothing is simulated but the transitions and the clock: a real SMTP server, a bot's API, a push
service and a webhook on loopback, and processes that end by kill -9.
"""

import random
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time
from uuid import UUID

import pytest

from app.alerts import channel_settings, preferences
from app.alerts.channels.webpush_encryption import new_vapid_key
from app.alerts.types import Preferences
from app.cli.commands import migrate_database
from app.config import MOSCOW
from app.database.encryption import Keys
from app.history import provider_outages
from app.history.provider_outages import GOOD_SAMPLES
from app.models.connection import Cause, Status
from tests.alerts.clock import open_shifted
from tests.alerts.days import Day, moment_of, open_day, shown
from tests.alerts.receivers import open_receivers
from tests.database.test_migrations import in_thread
from tests.support.postbox import open_postbox
from tests.support.rows import add_connection, add_person
from tests.support.waiting import until

pytestmark = pytest.mark.processes

PEOPLE = {  # connections at Эвотор, and at another provider
    "anna": (10, 4),  # letters at once
    "boris": (6, 4),  # Telegram and a webhook, no letters, quiet from 22:00 to 8:00
    "vera": (4, 2),  # a digest every morning, by letter and in the browser
}

EXPECTED = """\
Thu 08:05  telegram 42        Готово
Thu 11:11  anna@example.ru    Сбой на стороне «Эвотор» у многих
Thu 11:11  telegram 42        Сбой на стороне «Эвотор» у многих
Thu 11:15  webhook            Сбой на стороне «Эвотор» у многих
Thu 11:21  telegram 42        «Эвотор», 6 подключений: снова в сети
Thu 11:21  webhook            «Эвотор», 6 подключений: снова в сети
Thu 11:25  anna@example.ru    «Эвотор», 10 подключений: снова в сети
Thu 12:35  anna@example.ru    «sklad 1» (sklad): нужно переподключить
Thu 12:35  telegram 42        «sklad 1» (sklad): нужно переподключить
Thu 12:35  webhook            «sklad 1» (sklad): нужно переподключить
Thu 14:11  anna@example.ru    «sklad 2» (sklad): не в сети
Thu 14:17  anna@example.ru    «sklad 2» (sklad): снова в сети
Thu 14:41  anna@example.ru    «sklad 2» (sklad): связь то есть, то нет
Thu 15:31  anna@example.ru    «sklad 2» (sklad): связь успокоилась
Fri 08:01  telegram 42        «sklad 2» (sklad): не в сети
Fri 08:01  webhook            «sklad 2» (sklad): не в сети
Fri 09:01  vera@example.ru    Сводка за день: 2 события
Fri 09:01  push               Сводка за день: 2 события
Fri 09:35  telegram 42        «sklad 2» (sklad): снова в сети
Fri 09:35  webhook            «sklad 2» (sklad): снова в сети
Fri 12:55  anna@example.ru    «sklad 1» (sklad): напоминаем, ход за вами
Fri 12:55  telegram 42        «sklad 1» (sklad): напоминаем, ход за вами
Fri 12:55  webhook            «sklad 1» (sklad): напоминаем, ход за вами
Fri 13:05  anna@example.ru    «sklad 1» (sklad): снова в сети"""

DOWN = (Status.OFFLINE, Cause.PROVIDER_ERROR)


@pytest.fixture
async def day(database_url: str) -> AsyncIterator[Day]:
    seed = random.randrange(1_000)  # in the output when it fails
    print(f"seed {seed}")
    async with (
        open_shifted(database_url) as url,
        open_postbox() as postbox,
        open_receivers() as receivers,
    ):
        await in_thread(migrate_database, url)
        async with open_day(url, postbox, receivers, new_vapid_key(), seed) as day:
            await day.clock.go_to(moment_of("Thu 08:00"))
            yield day


async def test_everybody_hears_what_concerns_them_and_nothing_else(day: Day, keys: Keys) -> None:
    people = await _people(day, keys)
    evotor = [each for own in people.values() for each in own["evotor"]]
    await day.become(_all(people), Status.ONLINE)
    await day.at("Thu 08:05")
    kills = day.chance.sample(["09:30", "11:11", "12:35", "14:41", "Fri", "reminders"], 3)

    await day.at("Thu 09:05")  # a hiccup that is over before anybody has to know
    await _everywhere(day, evotor, *DOWN)
    await day.at("Thu 09:10")
    await _everywhere(day, evotor, Status.ONLINE)
    await day.at("Thu 09:30", kill="09:30" in kills)

    await day.become(people["anna"]["sklad"][2:3], Status.DEGRADED, Cause.TIMEOUT)  # a strike
    await day.become(people["boris"]["sklad"][3:], Status.DEGRADED, Cause.RATE_LIMITED)
    await day.at("Thu 10:30")
    await day.become(_all(people), Status.ONLINE)

    await day.at("Thu 11:00")  # the provider's outage
    await _everywhere(day, evotor, *DOWN)
    day.receivers.webhook.says = 503
    await day.at("Thu 11:09")
    await day.at("Thu 11:11", kill="11:11" in kills)
    day.receivers.webhook.says = 200
    await day.at("Thu 11:15")
    await day.at("Thu 11:18")
    await _everywhere(day, evotor[2:], Status.ONLINE)
    await day.at("Thu 11:21")
    await day.become(evotor[:2], Status.ONLINE)
    await day.at("Thu 11:25")

    await day.at("Thu 12:30")  # two revocations
    for name in ("anna", "boris"):
        await day.become(people[name]["sklad"][:1], Status.REVOKED, Cause.REVOKED)
    await day.at("Thu 12:35", kill="12:35" in kills)

    flapping = people["anna"]["sklad"][1:2]
    for clock, *found in (
        ("Thu 14:00", *DOWN),
        ("Thu 14:11", *DOWN),
        ("Thu 14:15", Status.ONLINE),
        ("Thu 14:17", Status.ONLINE),
        ("Thu 14:20", *DOWN),
        ("Thu 14:25", Status.ONLINE),
        ("Thu 14:30", *DOWN),
        ("Thu 14:41", *DOWN),
        ("Thu 14:45", Status.ONLINE),
        ("Thu 14:50", *DOWN),
        ("Thu 14:55", Status.ONLINE),
        ("Thu 15:20", Status.ONLINE),
        ("Thu 15:31", Status.ONLINE),
    ):
        await day.at(clock, kill=clock.endswith("14:41") and "14:41" in kills)
        await day.become(flapping, *found)

    await day.at("Thu 22:30")  # Boris sleeps
    await day.become(people["boris"]["sklad"][1:2], *DOWN)
    await day.at("Thu 23:00")
    await day.become(people["boris"]["sklad"][2:3], *DOWN)
    await day.at("Thu 23:30")
    await day.become(people["boris"]["sklad"][2:3], Status.ONLINE)
    await day.at("Fri 07:59")
    await day.at("Fri 08:01", kill="Fri" in kills)
    await day.at("Fri 09:01")
    await day.at("Fri 09:30")
    await day.become(people["boris"]["sklad"][1:2], Status.ONLINE)
    await day.at("Fri 09:35")
    await day.at("Fri 12:55", kill="reminders" in kills)
    await day.at("Fri 13:00")
    await day.become(people["anna"]["sklad"][:1], Status.ONLINE)  # she reconnected
    await day.at("Fri 13:05")

    print(shown(day.transcript))
    assert shown(day.transcript) == EXPECTED
    assert day.kills == 3
    _assert_no_doubles(day)


async def test_a_process_that_dies_while_it_sends_sends_nothing_else_later(
    day: Day, keys: Keys
) -> None:
    """Taken by the receiver, not yet written down by us: the same comes again, under its id."""
    hook = day.receivers.webhook
    user_id = await add_person(day.database, "boris@example.ru")
    async with day.database.sessions.begin() as session:
        hook.secret = (
            await channel_settings.add_webhook(session, keys, user_id, f"{hook.url}/hook") or ""
        )
    shops = [await add_connection(day.database, keys, user_id, label=f"Shop {n}") for n in "12"]

    async def die() -> None:
        hook.on_arrival = None
        for worker in day.workers:
            worker.signal(signal.SIGKILL)

    hook.on_arrival = die
    await day.become(shops[:1], Status.REVOKED, Cause.REVOKED)
    await day.clock.go_to(moment_of("Thu 08:05"))

    async def died() -> bool:
        return not any(worker.runs for worker in day.workers)

    await until(died)
    await day.become(shops[1:], Status.BLOCKED, Cause.ACCESS_DENIED)  # news in between
    for worker in day.workers:
        worker.start()
    await day.at("Thu 08:20")
    titles = {each.key: each.title for each in hook.messages}
    assert sorted(titles.values()) == [
        "«Shop 1» (Эвотор): нужно переподключить",
        "«Shop 2» (Эвотор): нужны ваши действия",
    ]
    assert len(hook.messages) == 3
    assert hook.messages[0].content == hook.messages[1].content
    # The other channel was not held up; a letter under way then comes again, under its id.
    assert len({each["Message-ID"] for each in day.postbox.letters}) == 2


def _assert_no_doubles(day: Day) -> None:
    """Where there is a key, a receiver that keeps it has each message exactly once."""
    to = day.receivers
    assert len({each.key for each in to.webhook.messages}) == EXPECTED.count("webhook ")
    assert len({each.key for each in to.browser.messages}) == EXPECTED.count("push ")
    assert len({each["Message-ID"] for each in day.postbox.letters}) == EXPECTED.count("@example")


async def _people(day: Day, keys: Keys) -> dict[str, dict[str, list[UUID]]]:
    people = {}
    for name, (evotor, sklad) in PEOPLE.items():
        user_id = await add_person(day.database, f"{name}@example.ru")
        numbers = {"evotor": evotor, "sklad": sklad}
        people[name] = {
            provider: [
                await add_connection(
                    day.database, keys, user_id, provider=provider, label=f"{provider} {number}"
                )
                for number in range(1, count + 1)
            ]
            for provider, count in numbers.items()
        }
        await _choose(day, keys, name, user_id)
    return people


async def _choose(day: Day, keys: Keys, name: str, user_id: int) -> None:
    usual, to = Preferences(MOSCOW), day.receivers
    if name == "boris":
        async with day.database.sessions.begin() as session:
            (mailbox,) = await channel_settings.of_person(session, user_id)
            await channel_settings.switch(session, mailbox, "off")
            code = await channel_settings.await_telegram(session, user_id) or ""
            url = f"{to.webhook.url}/hook"
            to.webhook.secret = (
                await channel_settings.add_webhook(session, keys, user_id, url) or ""
            )
            quiet = replace(usual, quiet_from=time(22), quiet_until=time(8))
            await preferences.save(session, user_id, quiet)
        to.telegram.starts(code, 42, "boris")

        async def greeted() -> bool:
            return bool(to.telegram.messages)

        await until(greeted)
    if name == "vera":
        async with day.database.sessions.begin() as session:
            browser = to.browser.subscription
            await channel_settings.add(session, keys, user_id, "push", "Браузер", browser)
            await preferences.save(session, user_id, replace(usual, digest="daily"))


async def _everywhere(
    day: Day, connections: list[UUID], status: Status, cause: Cause | None = None
) -> None:
    """So many at once that it is the provider's outage, or its end: that is seen in two samples."""
    for _ in range(GOOD_SAMPLES):
        async with day.database.sessions.begin() as session:
            await provider_outages.take_turn(session, "evotor", 0)
        await day.become(connections, status, cause)
        async with day.database.sessions.begin() as session:
            await provider_outages.follow(session, "evotor")


def _all(people: dict[str, dict[str, list[UUID]]]) -> list[UUID]:
    return [each for own in people.values() for ids in own.values() for each in ids]

"""A connection that lives by a delivered token: whose it is, what replaces it, how it ends."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text, update

from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database
from app.errors import ConfigurationError
from app.models.connection import Connection, Grant, Pairing, PushedToken
from app.providers.loader import load_catalogue
from app.providers.registry import BUILT_IN
from tests.support import rows
from tests.support.applications import new_application
from tests.support.people import MAIN_SHOP, OTHER_SHOP, Person, Sandbox
from tests.support.streams import watching
from tests.web.connections.test_webhooks import NOW, SECRET, Evotor, evotor

__all__ = ["evotor"]  # the fixture

REMOVED_LATER = NOW + 3_600_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, webhook_secrets={"evotor": SECRET})


async def code_of(person: Person, provider: str = "evotor") -> str:
    answer = await person.post(f"/{provider}/install")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/{provider}#install")
    found = re.search(r'<code class="code">([A-Z0-9-]+)</code>', await person.page(f"/{provider}"))
    assert found
    return found[1]


async def prove(evotor: Evotor, code: str, account: str = MAIN_SHOP) -> int:
    form = {"userId": account, "username": "anna@example.ru", "password": code}
    return await evotor.post("/user/verify", form)


async def fresh_token(sandbox: Sandbox, person: Person, account: str = MAIN_SHOP) -> str:
    """One that the played Evotor takes: as the sandbox gives no others, that of an OAuth grant."""
    other = await person.connect(account=account)
    async with person.app.database.sessions() as session:
        grant = await session.get_one(Grant, UUID(other["id"]))
        token = person.app.keys.open(
            grant.access_token, "grants", grant.connection_id, "access_token"
        )
        await session.execute(text("DELETE FROM connections"))
        await session.commit()
    return token


async def kind_of(database: Database, card: dict[str, Any]) -> str:
    async with database.sessions() as session:
        return (await session.get_one(Grant, UUID(card["id"]))).kind


async def connected_by(evotor: Evotor, person: Person, token: str) -> dict[str, Any]:
    assert await prove(evotor, await code_of(person)) == 200
    assert await evotor.push(token) == 200
    (card,) = await person.connected()
    return await person.check(card)


# --- Whose it is


async def test_a_code_typed_at_evotor_makes_the_token_that_comes_a_connection(
    evotor: Evotor, person: Person, other_person: Person, sandbox: Sandbox, database: Database
) -> None:
    card = await connected_by(evotor, person, await fresh_token(sandbox, person))
    assert (card["status"], card["details"]) == ("online", "Основной магазин")
    assert await kind_of(database, card) == "pushed_token"
    assert await other_person.connected() == []


async def test_a_token_that_came_before_the_code_is_the_persons_at_once(
    evotor: Evotor, person: Person
) -> None:
    await evotor.push()
    async with watching(person) as stream:
        assert await prove(evotor, await code_of(person)) == 200
        await stream.until('data-provider="evotor" data-status="checking"')
    assert len(await person.connected()) == 1


async def test_a_person_may_leave_hyphens_out_and_type_small_letters(
    evotor: Evotor, person: Person
) -> None:
    assert await prove(evotor, (await code_of(person)).replace("-", " ").lower()) == 200


async def test_a_code_is_good_once_and_not_for_long(
    evotor: Evotor, person: Person, database: Database
) -> None:
    code = await code_of(person)
    assert await prove(evotor, code) == 200
    assert await prove(evotor, code, OTHER_SHOP) == 401
    late = await code_of(person)
    async with database.sessions.begin() as session:
        await session.execute(update(Pairing).values(expires_at=func.now()))
    assert await prove(evotor, late) == 401
    old, new = await code_of(person), await code_of(person)
    assert await prove(evotor, old) == 401
    assert await prove(evotor, new) == 200


async def test_nobody_guesses_a_code(evotor: Evotor, person: Person) -> None:
    code = await code_of(person)
    tries = [await prove(evotor, f"AAAA-AAAA-AA{n:02d}") for n in range(11)]
    assert (tries[:10], tries[10]) == ([401] * 10, 429)
    assert await prove(evotor, code) == 429
    assert await prove(evotor, code, OTHER_SHOP) == 200


async def test_a_password_is_never_taken_for_a_code(evotor: Evotor, person: Person) -> None:
    await evotor.push()
    assert await prove(evotor, "a long enough password") == 401
    assert await person.connected() == []


async def test_a_sign_in_without_the_secret_is_nobodys_word(evotor: Evotor, person: Person) -> None:
    content = {"userId": MAIN_SHOP, "password": await code_of(person)}
    assert await evotor.post("/user/verify", content, secret="Bearer x") == 401
    assert await evotor.post("/user/verify", {"userId": MAIN_SHOP}) == 400
    assert await evotor.post("/user/verify", {"userId": "1", "password": "x"}) == 400


async def test_the_answer_is_as_evotor_wants_it(evotor: Evotor, person: Person) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    form = {"userUuid": MAIN_SHOP, "password": await code_of(person)}
    answer = await evotor.client.post("/evotor/hooks/user/verify", json=form, headers=headers)
    said = answer.json()
    assert (said["userId"], said["userUuid"], said["hasBilling"]) == (MAIN_SHOP, MAIN_SHOP, False)
    assert re.fullmatch(r"[a-zA-Z0-9_=-]{1,128}", said["token"])


async def test_two_people_never_live_by_one_token(
    evotor: Evotor, person: Person, other_person: Person, database: Database
) -> None:
    """Ten times both at once, with pushes between: one has it, and the other is told so."""
    for round_ in range(10):
        codes = [await code_of(each) for each in (person, other_person)]
        account = f"01-{round_:015d}"
        await evotor.push(f"token-of-round-{round_}", account)
        answers = await asyncio.gather(
            *(prove(evotor, code, account) for code in codes),
            evotor.push(f"later-token-of-round-{round_}", account),
        )
        assert sorted(answers) == [200, 200, 409]
    async with database.sessions() as session:
        query = select(Connection.account, func.count()).join(
            Grant, Grant.connection_id == Connection.id
        )
        held = (await session.execute(query.group_by(Connection.account))).all()
    assert sorted(count for _, count in held) == [1] * 10


async def test_whoever_lives_by_it_keeps_it_and_the_other_ones_code_stays_good(
    evotor: Evotor, person: Person, other_person: Person
) -> None:
    await evotor.push()
    await prove(evotor, await code_of(person))
    code = await code_of(other_person)
    assert await prove(evotor, code) == 409
    assert await other_person.connected() == []
    assert await prove(evotor, code, OTHER_SHOP) == 200


async def test_after_a_removal_the_newest_proof_counts(
    evotor: Evotor, person: Person, other_person: Person
) -> None:
    await evotor.push()
    await prove(evotor, await code_of(person))
    await evotor.application("Uninstalled", at=REMOVED_LATER)
    assert await prove(evotor, await code_of(other_person)) == 200
    await evotor.push("the-token-after-it")
    (mine,), (theirs,) = await person.connected(), await other_person.connected()
    assert (mine["status"], theirs["status"]) == ("blocked", "checking")
    assert mine["evidence"] == "приложение теперь подключено к другой учётной записи"


async def test_an_oauth_connection_to_the_same_account_becomes_one_with_it(
    evotor: Evotor, person: Person, database: Database
) -> None:
    before = await person.connect()
    await evotor.push()
    await prove(evotor, await code_of(person))
    (after,) = await person.connected()
    assert after["id"] == before["id"]
    assert await kind_of(database, after) == "pushed_token"
    back = await person.connect()
    assert back["id"] == before["id"]
    assert await kind_of(database, back) == "oauth2"


# --- What replaces it, and how it ends


async def test_a_new_token_rescues_a_refused_connection_and_keeps_its_history(
    evotor: Evotor, person: Person, sandbox: Sandbox, database: Database
) -> None:
    good = await fresh_token(sandbox, person)
    card = await connected_by(evotor, person, "a-token-that-is-not-taken")
    refused = await person.check(card)
    assert (refused["status"], refused["cause"]) == ("revoked", "revoked")
    page = await person.page()
    assert "новый ключ придёт к нам сам" in page
    assert await evotor.push(good) == 200
    async with database.sessions() as session:
        due = select(Connection.next_check_at <= func.now())
        assert await session.scalar(due.where(Connection.id == UUID(card["id"])))
    after = await person.check(card)
    assert (after["id"], after["status"]) == (card["id"], "online")
    (outage,) = await rows.outages(database, UUID(card["id"]))
    assert outage.closed_at is not None


async def test_a_removal_shows_at_once_and_nobody_asks_with_the_old_token(
    evotor: Evotor, person: Person, sandbox: Sandbox, keys: Keys, database: Database
) -> None:
    token = await fresh_token(sandbox, person)
    card = await connected_by(evotor, person, token)
    async with watching(person) as stream:
        await evotor.application("Uninstalled", at=REMOVED_LATER)
        await stream.until(card["id"], 'data-status="blocked"')
    asked = len((await sandbox.state())["requests"])
    after = await person.check(card)
    assert (after["status"], after["cause"], after["fault"]) == ("blocked", "access_denied", "you")
    assert after["evidence"] == "приложение удалено в личном кабинете Эвотор"
    assert len((await sandbox.state())["requests"]) == asked
    async with database.sessions() as session:
        grant = await session.get_one(Grant, UUID(card["id"]))
    assert keys.open(grant.access_token, "grants", grant.connection_id, "access_token") == ""
    assert await evotor.push(token) == 200
    assert (await person.check(card))["status"] == "online"


async def test_reconnecting_waits_for_the_token_without_a_script(
    evotor: Evotor, person: Person
) -> None:
    card = await connected_by(evotor, person, "a-token-that-is-not-taken")
    await person.check(card)
    way = await person.go_to_provider("evotor", connection=card["id"])
    assert way == f"/evotor?connection={card['id']}#install"
    page = await person.page(way.partition("#")[0])
    assert "Ждём новый ключ" in page
    assert ">Обновить</a>" in page
    assert news(page)


async def test_a_proven_account_without_a_token_is_waited_for(
    evotor: Evotor, person: Person
) -> None:
    await prove(evotor, await code_of(person))
    page = await person.page("/evotor")
    assert f"аккаунт {MAIN_SHOP} ваш. Ждём от него ключ" in page
    await evotor.push()
    after = await person.page("/evotor")
    assert "Ждём от него ключ" not in after
    assert news(after) != news(page)  # so the page that waits loads itself again


def news(page: str) -> str:
    """What the page that waits compares; "" where it waits for nothing."""
    found = re.search(r'data-news="([^"]*)"', page)
    return found[1] if found else ""


async def test_a_disconnect_forgets_the_token_and_says_where_to_end_it(
    evotor: Evotor, person: Person, database: Database
) -> None:
    card = await connected_by(evotor, person, "some-token-or-other")
    await person.post("/evotor/disconnect", connection=card["id"])
    assert "удалите приложение в личном кабинете Эвотор" in await person.page()
    async with database.sessions() as session:
        (row,) = await session.scalars(select(PushedToken))
        assert (row.token, row.token_hash, row.user_id) == (None, None, None)
        assert await session.scalar(text("SELECT count(*) FROM revocations")) == 0
    await evotor.push("the-next-token")
    assert await person.connected() == []


async def test_the_account_of_a_person_who_is_gone_is_nobodys(
    evotor: Evotor, person: Person, other_person: Person
) -> None:
    await connected_by(evotor, person, "some-token-or-other")
    gone = await person.post("/account/delete", password="a long enough password")
    assert gone.status_code == 303
    await evotor.push("the-next-token")
    assert await prove(evotor, await code_of(other_person)) == 200
    assert len(await other_person.connected()) == 1


async def test_pushes_and_disconnects_at_once_end_well(evotor: Evotor, person: Person) -> None:
    for round_ in range(5):
        card = await connected_by(evotor, person, f"token-of-round-{round_}")
        answers = await asyncio.gather(
            *(evotor.push(f"token-{round_}-{n}") for n in range(5)),
            person.post("/evotor/disconnect", connection=card["id"]),
        )
        assert answers[:5] == [200] * 5
        assert await person.connected() == []


async def test_what_is_stored_of_a_code_and_a_token_shows_neither(
    evotor: Evotor, person: Person, database: Database
) -> None:
    code = await code_of(person)
    await evotor.push("some-token-or-other")
    async with database.sessions() as session:
        kept = await session.scalar(text("SELECT string_agg(p::text, '') FROM pairings p"))
        pushed = await session.scalar(text("SELECT string_agg(p::text, '') FROM pushed_tokens p"))
    for secret in (code, code.replace("-", "")):
        assert secret not in kept
        assert secret.encode().hex() not in kept
    assert "some-token-or-other" not in pushed


# --- An entry that has nothing else

LAVKA = """
[providers.lavka]
name = "Лавка"
kind = "pushed_token"
by_hand = "удалите приложение в кабинете Лавки"
[providers.lavka.push]
where = "в настройках приложения в кабинете Лавки"
account = "shop.id"
token = "key"
code = "code"
[providers.lavka.probe]
url = "{sandbox}/me"
label = "name"
account = "sub"
"""


@pytest.fixture
async def lavka(
    database: Database, sandbox: Sandbox, settings: Settings, tmp_path: Path
) -> AsyncIterator[Person]:
    file = tmp_path / "providers.toml"
    file.write_text(LAVKA.format(sandbox=sandbox.url), encoding="utf-8")
    app = new_application(
        replace(settings, providers_file=file, webhook_secrets={"lavka": SECRET}), database
    )
    async with app.test_app():
        yield await Person.signed_up(app, sandbox, "anna@example.ru")


async def test_an_entry_without_oauth_lives_by_what_is_delivered(lavka: Person) -> None:
    page = await lavka.page("/lavka")
    assert "в настройках приложения в кабинете Лавки" in page
    assert 'action="/lavka/connect"' not in page
    assert await lavka.go_to_provider("lavka") == "/lavka#install"
    cloud, headers = lavka.app.test_client(), {"Authorization": f"Bearer {SECRET}"}
    posts: dict[str, Any] = {
        "/user/verify": {"shop": {"id": "s-1"}, "code": await code_of(lavka, "lavka")},
        "/user/token": {"shop": {"id": "s-1"}, "key": "token-of-lavka"},
    }
    for path, content in posts.items():
        answer = await cloud.post(f"/lavka/hooks{path}", json=content, headers=headers)
        assert answer.status_code == 200
    (card,) = await lavka.connected()
    assert (card["provider"], card["status"]) == ("lavka", "checking")
    answer = await cloud.post("/lavka/hooks/installation/event", json={}, headers=headers)
    assert answer.status_code == 404  # that is Evotor's own


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("[providers.lavka.push]", "[providers.lavka.pusher]"), ".push is needed for a provider"),
        (("where =", "there ="), ".push.where is needed"),
        (('"shop.id"', '"shop["'), ".push.account wants a JMESPath expression"),
        (('code = "code"', "code = 5"), ".push.code wants a text"),
        (('code = "code"', 'pattern = "["'), ".push.pattern wants a regular expression"),
        (('"pushed_token"', '"api_key"'), ".push is not for a provider of kind api_key"),
        (
            ('by_hand = "', 'token_endpoint = "https://lavka.example/t"\nby_hand = "'),
            ".token_endpoint is not for a provider of kind pushed_token",
        ),
    ],
    ids=range(7),
)
def test_a_fault_names_entry_key_and_what_was_expected(
    tmp_path: Path, change: tuple[str, str], fault: str
) -> None:
    file = tmp_path / "providers.toml"
    content = LAVKA.format(sandbox="https://lavka.example").replace(*change)
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(BUILT_IN, file, {}, False)
    assert any(each.startswith(f"providers.lavka{fault}") for each in caught.value.faults)


async def test_without_the_secret_nothing_of_it_is_offered(
    database: Database, sandbox: Sandbox, settings: Settings, http: httpx.AsyncClient
) -> None:
    app = new_application(replace(settings, webhook_secrets={}), database)
    async with app.test_app():
        person = await Person.signed_up(app, sandbox, "anna@example.ru")
        assert "через установку приложения" not in await person.page("/providers")
        assert "через установку" not in await person.page("/evotor")
        assert (await person.post("/evotor/install")).status_code == 404


async def test_the_gallery_offers_both_ways(person: Person) -> None:
    assert "Эвотор (через установку приложения)" in await person.page("/providers")

"""Sign-up, log-in, log-out: what is said, what is not, and how often one may try."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from argon2 import PasswordHasher
from quart.typing import TestClientProtocol as Browser
from sqlalchemy import func, select

from app.accounts import passwords, users
from app.accounts.rate_limits import RateLimit
from app.config import Settings
from app.database.engine import Database
from app.models.account import Session, User
from app.web.accounts import sign_in, sign_up
from app.web.context import Dashboard
from tests.support.applications import Applications
from tests.support.people import Person
from tests.support.settings import PASSWORD

EMAIL = "anna@example.ru"


class CountingHasher(PasswordHasher):
    """Cheap, and counts what would be dear."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:
        self.verified += 1
        return super().verify(hash, password)


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "_nobody", [])
    return hasher


@pytest.fixture
def visitor(dashboard: Dashboard) -> Browser:
    return dashboard.test_client()


async def submit(client: Browser, path: str, **form: str) -> Any:
    return await client.post(path, form={"email": EMAIL, "password": PASSWORD} | form)


async def text_of(answer: Any) -> str:
    return str(await answer.get_data(as_text=True))


async def test_who_signs_up_is_signed_in(visitor: Browser) -> None:
    answer = await submit(visitor, "/signup")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections")
    assert EMAIL in await text_of(await visitor.get("/connections"))


async def test_a_password_is_stored_as_argon2(person: Person, database: Database) -> None:
    async with database.sessions() as session:
        user = (await session.scalars(select(User))).one()
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": ""}, "Проверьте адрес почты"),
        ({"email": "anna"}, "Проверьте адрес почты"),
        ({"email": "anna@localhost"}, "Проверьте адрес почты"),
        ({"email": "an na@example.ru"}, "Проверьте адрес почты"),
        ({"email": "a" * 250 + "@b.ru"}, "Проверьте адрес почты"),
        ({"password": "short"}, "слишком короткий"),
        ({"password": "x" * 1001}, "слишком длинный"),
    ],
)
async def test_a_fault_is_told_and_nothing_is_stored(
    visitor: Browser, database: Database, form: dict[str, str], said: str
) -> None:
    answer = await submit(visitor, "/signup", **form)
    assert answer.status_code == 422
    page = await text_of(answer)
    assert said in page
    assert PASSWORD not in page
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 0


async def test_what_was_typed_stays_in_the_form_and_is_no_markup(
    visitor: Browser,
) -> None:
    answer = await submit(
        visitor, "/signup", email='"><script>alert(1)</script>@x.ru', password="x"
    )
    assert "<script>alert" not in await text_of(answer)


async def test_an_email_is_taken_in_any_letter_case(person: Person) -> None:
    visitor = person.app.test_client()
    answer = await submit(visitor, "/signup", email=" ANNA@example.RU ")
    assert answer.status_code == 422
    assert (await visitor.get("/connections")).status_code == 303


async def test_an_email_is_known_in_any_letter_case(person: Person) -> None:
    answer = await submit(person.app.test_client(), "/login", email=" ANNA@example.RU ")
    assert answer.status_code == 303


@pytest.mark.parametrize("path", ["/login", "/signup"])
@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("/evotor?error=denied", "/evotor?error=denied"),
        ("//evil.example", "/connections"),
        ("https://evil.example", "/connections"),
        ("", "/connections"),
    ],
)
async def test_next_is_honoured_when_it_is_ours(
    person: Person, path: str, target: str, end: str
) -> None:
    email = EMAIL if path == "/login" else "new@example.ru"
    answer = await submit(person.app.test_client(), path, email=email, next=target)
    assert (answer.status_code, answer.headers["Location"]) == (303, end)


async def test_the_form_keeps_next(visitor: Browser) -> None:
    page = await text_of(await visitor.get("/login?next=/evotor"))
    assert '<input type="hidden" name="next" value="/evotor">' in page
    failed = await submit(visitor, "/login", next="/evotor")
    assert 'name="next" value="/evotor"' in await text_of(failed)


@pytest.mark.parametrize("path", ["/login", "/signup"])
async def test_who_is_signed_in_needs_no_form(person: Person, path: str) -> None:
    assert (await person.get(path)).headers["Location"] == "/connections"


async def test_the_start_page_knows_where_to_go(person: Person, dashboard: Dashboard) -> None:
    assert (await person.get("/")).headers["Location"] == "/connections"
    assert (await dashboard.test_client().get("/")).status_code == 200


async def test_an_unknown_person_and_a_wrong_password_look_the_same(
    person: Person, hasher: CountingHasher
) -> None:
    pages, costs = [], []
    for form in ({"password": "a wrong password"}, {"email": "nobody@example.ru"}):
        hasher.verified = 0
        answer = await submit(person.app.test_client(), "/login", **form)
        assert answer.status_code == 422
        page = (await text_of(answer)).replace("nobody@example.ru", EMAIL)
        pages.append(re.sub(r'data-now="\d+"', "", page))  # the server's clock goes on
        costs.append(hasher.verified)
    assert pages[0] == pages[1]
    assert costs == [1, 1]


async def test_a_disabled_person_does_not_get_in_and_learns_nothing(
    person: Person, database: Database, hasher: CountingHasher
) -> None:
    async with database.sessions.begin() as session:
        user = await users.with_email(session, EMAIL)
        assert user is not None
        await users.disable(session, user)
    hasher.verified = 0
    answer = await submit(person.app.test_client(), "/login")
    assert (answer.status_code, hasher.verified) == (422, 1)
    assert sign_in.WRONG in await text_of(answer)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tries of everything."""
    for name in ("PER_ACCOUNT", "PER_ADDRESS"):
        monkeypatch.setattr(sign_in, name, replace(getattr(sign_in, name), tries=2))
    few = replace(sign_up.FROM_ONE_ADDRESS, tries=2)
    monkeypatch.setattr(sign_up, "FROM_ONE_ADDRESS", few)


@pytest.mark.usefixtures("strict")
async def test_an_account_cannot_be_guessed_at(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "PER_ADDRESS", replace(sign_in.PER_ADDRESS, tries=99))
    visitor = person.app.test_client()
    for _ in range(2 + sign_in.SLOWED.tries):
        assert (await submit(visitor, "/login", password="wrong one")).status_code == 422
    answer = await submit(visitor, "/login")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert f'data-wait="{answer.headers["Retry-After"]}"' in await text_of(answer)
    other = await submit(visitor, "/login", email="boris@example.ru")
    assert other.status_code == 422


@pytest.mark.usefixtures("strict")
async def test_an_address_cannot_try_one_account_after_another(person: Person) -> None:
    visitor = person.app.test_client()
    answers = [await submit(visitor, "/login", email=f"{n}@example.ru") for n in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]


@pytest.mark.usefixtures("strict")
async def test_a_limit_costs_no_hash(person: Person, hasher: CountingHasher) -> None:
    visitor = person.app.test_client()
    for _ in range(2):
        await submit(visitor, "/login", password="wrong one")
    hasher.verified = 0
    assert (await submit(visitor, "/login")).status_code == 429
    assert hasher.verified == 0


@pytest.mark.usefixtures("strict")
async def test_who_gets_in_has_all_tries_again(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "PER_ADDRESS", replace(sign_in.PER_ADDRESS, tries=99))
    visitor = person.app.test_client()
    for _ in range(3):
        assert (await submit(visitor, "/login", password="wrong one")).status_code == 422
        assert (await submit(visitor, "/login")).status_code == 303


@pytest.mark.usefixtures("strict")
async def test_sign_ups_from_one_address_are_limited(visitor: Browser) -> None:
    answers = [await submit(visitor, "/signup", email=f"{n}@example.ru") for n in range(3)]
    assert [answer.status_code for answer in answers] == [303, 303, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


async def test_the_limits_are_what_the_contract_leaves_to_us() -> None:
    for limit in (sign_in.PER_ACCOUNT, sign_in.PER_ADDRESS, sign_up.FROM_ONE_ADDRESS):
        assert isinstance(limit, RateLimit)
        assert limit.tries >= 10  # an office behind one address must not lock itself out


@pytest.fixture
async def closed(
    dashboard: Dashboard, applications: Applications, settings: Settings
) -> AsyncIterator[Dashboard]:
    async with applications.started(replace(settings, signup_open=False)) as app:
        yield app


async def test_closed_sign_up_takes_nobody(closed: Dashboard, database: Database) -> None:
    visitor = closed.test_client()
    assert (await submit(visitor, "/signup")).status_code == 403
    assert "/signup" not in await text_of(await visitor.get("/login"))
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 0


async def test_a_log_out_ends_the_session_itself(person: Person, database: Database) -> None:
    answer = await person.post("/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 0


async def test_a_log_out_twice_is_no_error(person: Person) -> None:
    for _ in range(2):
        assert (await person.post("/logout")).status_code == 303


async def test_a_form_that_is_too_large_is_refused(visitor: Browser) -> None:
    answer = await submit(visitor, "/login", password="x" * 100_000)
    assert answer.status_code == 413


async def test_an_expired_session_is_explained(visitor: Browser) -> None:
    assert sign_in.EXPIRED in await text_of(await visitor.get("/login?expired=1"))

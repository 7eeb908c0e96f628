"""The log of a story through the whole application: what it tells, and whom it does not betray."""

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from quart.typing import TestClientProtocol as Browser
from sqlalchemy import select

from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database
from app.grants.store import GRANT_COLUMNS, open_grant
from app.logging import NOISY, TextLines
from app.models.connection import Connection, Grant
from app.web.context import Dashboard
from tests.support.applications import Applications, new_application
from tests.support.people import HTMX, JSON, Person, Sandbox
from tests.support.postbox import Postbox
from tests.support.settings import PASSWORD
from tests.web.accounts.test_settings import ANNA, OTHER_PASSWORD, secret_in

ADDRESS = "203.0.113.7"
ELSEWHERE = (*NOISY, "mail.log")  # silenced, and the mail server of the tests


@dataclass(frozen=True)
class FromAfar:
    """A browser with a network address."""

    browser: Any

    def __getattr__(self, method: str) -> Any:
        def ask(path: str, **options: Any) -> Any:
            return getattr(self.browser, method)(
                path, scope_base={"client": (ADDRESS, 4711)}, **options
            )

        return ask


@contextmanager
def written_log() -> Iterator[io.StringIO]:
    """What a process of ours would write, the debugging of its own loggers included."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(TextLines("web"))
    handler.addFilter(lambda record: not record.name.startswith(ELSEWHERE))
    ours, root = logging.getLogger("app"), logging.getLogger()
    levels = ours.level, root.level
    root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    root.setLevel(logging.INFO)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        ours.setLevel(levels[0])
        root.setLevel(levels[1])


async def tokens(database: Database, keys: Keys) -> list[str]:
    query = select(*GRANT_COLUMNS).join(Connection, Connection.id == Grant.connection_id)
    async with database.sessions() as session:
        (row,) = await session.execute(query)
    grant = open_grant(keys, row)
    return [grant.access_token, grant.refresh_token or "none"]


async def story(
    app: Dashboard, sandbox: Sandbox, postbox: Postbox, database: Database, keys: Keys
) -> list[str]:
    """Sign-up by letter, a new password, a connection that fails and recovers, its end; returns
    every secret that there was.
    """
    browser = FromAfar(app.test_client())
    await browser.post("/signup", form={"email": ANNA, "password": PASSWORD})
    sign_up = secret_in(await postbox.letter(ANNA))
    await browser.get(f"/signup/confirm?link={sign_up}")
    await browser.post("/signup/confirm", form={"link": sign_up, "password": PASSWORD})
    await browser.post("/reset", form={"email": ANNA})
    reset = secret_in(await postbox.letter(ANNA, 2))
    await browser.post("/reset/password", form={"link": reset, "password": OTHER_PASSWORD})
    person = Person(app, browser, sandbox)
    log_in = await person.post("/login", email=ANNA, password=OTHER_PASSWORD)
    cookie = log_in.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    query = await sandbox.consent(await person.go_to_provider())
    await person.client.get("/evotor/callback", query_string=query)
    (card,) = await person.connected()
    own = await tokens(database, keys)
    for mode in ("error", "error", "error", "ok"):
        await sandbox.set(mode)
        await person.check(card)
    await person.post("/evotor/disconnect", connection=card["id"])
    await app.unfinished.drain(5)
    return [
        *(ANNA, PASSWORD, OTHER_PASSWORD, ADDRESS, sign_up, reset, cookie),
        *(query["code"], query["state"], *own),
    ]


async def test_the_log_of_a_story_speaks_of_the_subject_and_betrays_nobody(
    mailing: Dashboard, sandbox: Sandbox, postbox: Postbox, database: Database, keys: Keys
) -> None:
    with written_log() as written:
        secrets = await story(mailing, sandbox, postbox, database, keys)
    log = written.getvalue()
    assert [each for each in secrets if each in log] == []
    for said in (
        r" status connection=\S+ provider=evotor before=\w+ after=offline cause=\w+ http=503 ms=",
        r" status connection=\S+ provider=evotor before=offline after=online http=200 ms=",
        r" outage_opened connection=\S+ provider=evotor status=offline cause=\w+ fault=provider\n",
        r" outage_closed connection=\S+ provider=evotor status=offline .* seconds=\d",
        r" INFO .* request method=GET route=/<provider:provider>/callback status=303 ms=\d+\.\d "
        r"request=\w",
    ):
        assert re.search(said, log), said


async def answers_with(app: Dashboard, given: str, **headers: str) -> Any:
    browser: Browser = app.test_client()
    return await browser.get("/no-such-page", headers={"X-Request-ID": given} | headers)


async def test_a_proxys_id_of_a_request_is_kept_and_shown_on_the_page_of_an_error(
    applications: Applications, database: Database, settings: Settings
) -> None:
    async with applications.started(replace(settings, trusted_hops=1)) as app:
        with written_log() as written:
            answer = await answers_with(app, "proxy-17")
        assert answer.headers["X-Request-ID"] == "proxy-17"
        assert "Номер запроса: <code>proxy-17</code>" in await answer.get_data(as_text=True)
        assert re.search(" INFO .* status=404 ", written.getvalue())
        assert "request=proxy-17\n" in written.getvalue()
        told = await answers_with(app, "proxy-17", **JSON)
        assert (await told.get_json())["request_id"] == "proxy-17"
        odd = await answers_with(app, "<script>\x7fanna@example.ru" + "x" * 500)
        assert odd.headers["X-Request-ID"] == "scriptannaexample.ru" + "x" * 44


async def test_nobody_but_a_proxy_names_a_request(dashboard: Dashboard) -> None:
    ids = {(await answers_with(dashboard, given)).headers["X-Request-ID"] for given in ("mine", "")}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}", each) for each in ids)


async def test_a_failed_action_says_the_number_of_its_request(settings: Settings) -> None:
    nowhere = replace(settings, database_url="postgresql://nobody:no@127.0.0.1:1/nothing")
    app = new_application(nowhere)
    async with app.test_app():
        form = {"email": ANNA, "password": PASSWORD}
        with written_log() as written:
            answer = await app.test_client().post("/login", form=form, headers=HTMX)
    assert answer.status_code == 503
    said = await answer.get_data(as_text=True)
    assert said.endswith(f"Номер запроса: {answer.headers['X-Request-ID']}")
    assert "no_database method=POST route=/login error=" in written.getvalue()


async def test_lines_of_requests_can_be_left_out(
    applications: Applications, database: Database, settings: Settings
) -> None:
    async with applications.started(replace(settings, access_log=False)) as app:
        with written_log() as written:
            await answers_with(app, "")
    assert "request method" not in written.getvalue()

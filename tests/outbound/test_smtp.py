"""Mail: what a real SMTP server gets, and what we are told when it takes nothing."""

import logging
from dataclasses import replace

import pytest

from app.config import Settings, Smtp
from app.outbound.smtp import NEEDS_UTF8, Mail, NotSent, fault_of, send
from tests.support.postbox import (
    PASSWORD,
    USER,
    Postbox,
    html_of,
    open_postbox,
    open_slow_server,
    text_of,
    wants_password,
)

SENDER = "Связка <mail@example.ru>"
LETTER = Mail("anna@example.ru", "Здравствуйте", "Просто текст\n", "<p>Просто текст</p>")


def settings(smtp: Smtp | None) -> Settings:
    return Settings(smtp=smtp, mail_from=SENDER)


async def told(postbox: Postbox, message: Mail = LETTER) -> NotSent | None:
    return await send(settings(postbox.smtp), message)


async def test_a_letter_comes_as_text_and_as_html() -> None:
    async with open_postbox() as postbox:
        assert await told(postbox) is None
    (letter,) = postbox.letters
    assert (letter["From"], letter["To"]) == (SENDER, "anna@example.ru")
    assert letter["Subject"] == "Здравствуйте"
    assert text_of(letter).strip() == "Просто текст"
    assert html_of(letter).strip() == "<p>Просто текст</p>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"]
    assert letter["Message-ID"].endswith("@example.ru>")


async def test_headers_of_its_own_and_an_id_that_stays() -> None:
    message = replace(LETTER, id="alert-7", headers={"List-Unsubscribe": "<https://a.example/u>"})
    async with open_postbox() as postbox:
        await told(postbox, message)
        await told(postbox, message)
    assert [letter["Message-ID"] for letter in postbox.letters] == ["<alert-7@example.ru>"] * 2
    assert postbox.letters[0]["List-Unsubscribe"] == "<https://a.example/u>"


@pytest.mark.parametrize(
    ("says", "fault"),
    [
        ("550 no such person", NotSent("the mail server answered 550", for_good=True)),
        ("451 come back later", NotSent("the mail server answered 451", for_good=False)),
    ],
)
async def test_a_refusal_says_whether_asking_again_would_help(says: str, fault: NotSent) -> None:
    async with open_postbox() as postbox:
        postbox.says = says
        assert await told(postbox) == fault


async def test_a_server_that_is_away_is_no_exception() -> None:
    async with open_postbox() as postbox:
        gone = postbox.smtp
    fault = await send(settings(gone), LETTER)
    assert fault is not None
    assert not fault.for_good


async def test_a_server_that_makes_every_step_last_is_left() -> None:
    async with open_slow_server(pause=0.2) as slow:  # each step well within its own patience
        assert await send(settings(slow), LETTER, patience=0.5) == NotSent("TimeoutError")


async def test_we_log_in_where_the_server_wants_it() -> None:
    options = {"authenticator": wants_password, "auth_require_tls": False}
    async with open_postbox(**options) as postbox:
        right = replace(postbox.smtp, user=USER, password=PASSWORD)
        assert await send(settings(right), LETTER) is None
        wrong = await send(settings(replace(right, password="guess")), LETTER)
        assert wrong == NotSent("the mail server answered 535")  # our mistake: the letter may wait
    assert len(postbox.letters) == 1


async def test_a_password_never_goes_out_in_the_clear() -> None:
    """A server elsewhere that offers no STARTTLS does not get it."""
    async with open_postbox() as postbox:
        far = Smtp("smtp", "127.1", postbox.port, USER, PASSWORD)
        fault = await send(settings(far), LETTER)
    assert fault is not None
    assert postbox.letters == []


@pytest.mark.parametrize(
    "message",
    [
        replace(LETTER, to="anna@example.ru, boris@example.ru"),
        replace(LETTER, to="anna@example.ru\nBcc: boris@example.ru"),
        replace(LETTER, subject="Hello\nBcc: boris@example.ru"),
        replace(LETTER, headers={"X-Sender": "a\r\nBcc: boris@example.ru"}),
    ],
)
async def test_nobody_else_is_smuggled_into_a_letter(message: Mail) -> None:
    async with open_postbox() as postbox:
        fault = await told(postbox, message)
    assert fault is not None
    assert fault.for_good
    assert postbox.letters == []


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize(
    ("to", "sent"),
    [
        ("anna@письмо.рф", "anna@xn--h1aigbl0e.xn--p1ai"),
        ("anna@ПИСЬМО.РФ", "anna@xn--h1aigbl0e.xn--p1ai"),
        ("анна@письмо.рф", "анна@xn--h1aigbl0e.xn--p1ai"),
    ],
)
async def test_every_server_knows_a_russian_domain_and_some_a_russian_name(
    to: str, sent: str, utf8: bool
) -> None:
    async with open_postbox(enable_SMTPUTF8=utf8) as postbox:
        known_before = await fault_of(settings(postbox.smtp), to)
        fault = await told(postbox, replace(LETTER, to=to))
    wanted = None if utf8 or sent.isascii() else NEEDS_UTF8
    assert known_before == fault == wanted
    assert [letter["To"] for letter in postbox.letters] == ([] if wanted else [sent])


async def test_a_sender_with_a_russian_domain_needs_no_special_server() -> None:
    async with open_postbox(enable_SMTPUTF8=False) as postbox:
        russian = Settings(smtp=postbox.smtp, mail_from="Связка <mail@связка.рф>")
        assert await send(russian, LETTER) is None
    (letter,) = postbox.letters
    assert letter["From"].addresses[0].addr_spec == "mail@xn--80adpm6azf.xn--p1ai"
    assert letter["Message-ID"].endswith("@xn--80adpm6azf.xn--p1ai>")


async def test_whether_a_server_that_is_away_takes_a_russian_name_is_not_known() -> None:
    async with open_postbox() as postbox:
        gone = settings(postbox.smtp)
    fault = await fault_of(gone, "анна@example.ru")
    assert fault is not None
    assert not fault.for_good
    assert await fault_of(gone, "anna@example.ru") is None  # nobody has to be asked
    assert await fault_of(settings(None), "анна@example.ru") is None


async def test_without_a_server_mail_is_written_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        assert await send(settings(None), LETTER) is None
    assert "mail: Здравствуйте" in caplog.text
    assert "Просто текст" in caplog.text
    assert "anna@example.ru" not in caplog.text


async def test_a_link_in_the_log_leads_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    words = (
        "Не писать: https://a.example/alerts/unsubscribe/0a1b\nНа страницу: http://b.example:8/c"
    )
    with caplog.at_level(logging.INFO):
        await send(settings(None), replace(LETTER, text=words))
    assert "Не писать: https://a.example/…\nНа страницу: http://b.example:8/…" in caplog.text
    assert "0a1b" not in caplog.text


async def test_what_lets_somebody_in_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await send(settings(None), replace(LETTER, text="https://a.example/reset", secret=True))
    assert "Здравствуйте" in caplog.text
    assert "https://a.example/reset" not in caplog.text

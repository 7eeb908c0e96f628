"""Whatever is written into a header field comes out of a mail program the same."""

import io
from collections.abc import Mapping
from email.generator import BytesGenerator
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, SMTPUTF8, EmailPolicy, default
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from app.outbound.mail_headers import LONGEST_LINE, POLICY

RUSSIAN = some.sampled_from(
    [
        "Сервис",
        "«Эвотор»",
        "у",
        "магазина",
        "не",
        "работает",
        "у",
        "всех",
        "с",
        "12:40,",
        "ООО",
        "«Ромашка",
        "и",
        "Ко»",
        "—",
        "100",
        "%",
        "a",
        "IT",
    ]
)
PARTS = some.one_of(
    RUSSIAN, some.text(some.characters(codec="utf-8", exclude_categories=["C", "Z"]))
)
SPACES = some.sampled_from([" ", " ", " ", "  ", "\u00a0", " " * 80])
TEXTS = some.lists(some.tuples(PARTS, SPACES), max_size=30).map(
    lambda parts: "".join(word + space for word, space in parts).strip()
)


def written(
    headers: Mapping[str, str | Address], policy: "EmailPolicy[EmailMessage]" = SMTP
) -> bytes:
    """The letter as a mail server gets it."""
    letter = EmailMessage(policy=POLICY)
    for name, value in headers.items():
        letter[name] = value
    out = io.BytesIO()
    BytesGenerator(out, policy=policy).flatten(letter)
    return out.getvalue()


def lines(raw: bytes) -> list[bytes]:
    return raw.split(b"\r\n\r\n")[0].split(b"\r\n")


@given(TEXTS)
@example("«Эвотор» не работает у всех: магазины ООО «Ромашка», с 12:40 по московскому времени")
@example("a" * 200)
@example("Shop =?utf-8?q?=0D=0ABcc:_boris?= closed")
@example("=?utf-8?b?0L3QtdGC?=")
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    for policy in (SMTP, SMTPUTF8, SMTP.clone(cte_type="7bit")):
        raw = written({"Subject": subject}, policy)
        assert BytesParser(EmailMessage, policy=default).parsebytes(raw)["Subject"] == subject
        older = BytesParser().parsebytes(raw)["Subject"]
        assert str(make_header(decode_header(older))) == subject
        assert all(len(line) <= LONGEST_LINE for line in lines(raw))
        assert raw.isascii()


@pytest.mark.parametrize(
    "name",
    [
        "Связка",
        "Связка сервисов компании «Ромашка» и партнёры в Санкт-Петербурге и области",
        'Svyazka "Anna & Co", LLC',
        "Связка, ООО",
    ],
)
def test_a_senders_name_is_read_as_it_was_written(name: str) -> None:
    # Not with `policy.default`: it reads a space into a word that goes on in the next encoded one.
    sender = BytesParser().parsebytes(written({"From": Address(name, "mail", "example.ru")}))[
        "From"
    ]
    read, address = parseaddr(sender)
    assert (str(make_header(decode_header(read))), address) == (name, "mail@example.ru")


@pytest.mark.parametrize("length", [10, 40, 60, 80, 200, 900])
def test_an_address_that_a_program_follows_is_never_encoded(length: int) -> None:
    link = f"<https://svyazka.example.ru/{'u' * length}>"
    raw = written({"List-Unsubscribe": link})
    assert link.encode() in raw
    assert BytesParser(EmailMessage, policy=default).parsebytes(raw)["List-Unsubscribe"] == link


@pytest.mark.parametrize("value", ["a\r\nBcc: b@example.ru", "a\nb", "a\rb"])
@pytest.mark.parametrize("name", ["Subject", "List-Unsubscribe", "From"])
def test_no_value_begins_a_field_of_its_own(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        written({name: value})

"""What may be a mailbox, and how it is named to a mail server."""

import pytest

from app.outbound.mail_address import parse_mail_address

GOOD = [
    ("anna@example.ru", "anna@example.ru", False),
    (" anna@example.ru ", "anna@example.ru", False),
    ("Anna.B+shop@Example.RU", "Anna.B+shop@Example.RU", False),
    ("anna@письмо.рф", "anna@xn--h1aigbl0e.xn--p1ai", False),
    ("anna@ПИСЬМО.РФ", "anna@xn--h1aigbl0e.xn--p1ai", False),
    ("anna@письмо。рф", "anna@xn--h1aigbl0e.xn--p1ai", False),
    ("anna@xn--h1aigbl0e.xn--p1ai", "anna@xn--h1aigbl0e.xn--p1ai", False),
    ("anna@почта.example.ru", "anna@xn--80a1acny.example.ru", False),
    ("анна@письмо.рф", "анна@xn--h1aigbl0e.xn--p1ai", True),
    ("анна@example.ru", "анна@example.ru", True),
    ("jürgen@straße.de", "jürgen@xn--strae-oqa.de", True),
]
BAD = [
    *("", "anna", "@", "anna@", "@example.ru", "anna@example", "anna@.ru", "anna@example..ru"),
    *("anna@example.ru.", "anna@-a.ru", "anna@a_b.ru", "anna@☃.net", "anna@1.2.3.4", "anna@[::1]"),
    *(".anna@example.ru", "anna.@example.ru", "an..na@example.ru", "an na@example.ru"),
    *('"anna"@example.ru', "anna@exa mple.ru", "anna@boris@example.ru", "<anna@example.ru>"),
    *("anna@example.ru, boris@example.ru", "anna@example.ru\nBcc: boris@example.ru"),
    *("an\u202ena@example.ru", "anna\x00@example.ru", "anna@exam\u200bple..ru"),
    *("a" * 65 + "@example.ru", "а" * 33 + "@example.ru", "anna@" + "a" * 64 + ".ru"),
    "anna@" + ".".join(["a" * 60] * 5),
]


@pytest.mark.parametrize(("typed", "sent", "needs_utf8"), GOOD)
def test_an_address_goes_on_the_wire_with_its_domain_in_ascii(
    typed: str, sent: str, needs_utf8: bool
) -> None:
    address = parse_mail_address(typed)
    assert address is not None
    assert (address.as_sent, address.needs_utf8) == (sent, needs_utf8)


@pytest.mark.parametrize("typed", BAD)
def test_what_is_no_mailbox_is_refused(typed: str) -> None:
    assert parse_mail_address(typed) is None

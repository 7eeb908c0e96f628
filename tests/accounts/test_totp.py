"""One-time codes against the values that RFC 6238 prints."""

import base64

import pytest

from app.accounts import totp

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(  # appendix B, its eight digits cut to our six
    ("now", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(now: int, code: str) -> None:
    assert totp.code_of(RFC_SECRET, totp.step_at(now)) == code
    assert totp.matching_step(RFC_SECRET, code, now) == totp.step_at(now)


@pytest.mark.parametrize(("late", "right"), [(-30, True), (30, True), (-60, False), (60, False)])
def test_a_telephones_clock_may_be_half_a_minute_off(late: int, right: bool) -> None:
    code = totp.code_of(RFC_SECRET, totp.step_at(1_000_000_000 + late))
    assert (totp.matching_step(RFC_SECRET, code, 1_000_000_000) is not None) is right


@pytest.mark.parametrize("code", ["", "1", "28708", "2870822", "abcdef", "２８７０８２"])
def test_what_is_no_code_matches_nothing(code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, 59) is None


def test_every_secret_is_new_and_160_bits_long() -> None:
    one, other = totp.new_secret(), totp.new_secret()
    assert one != other
    assert len(base64.b32decode(one)) == 20


def test_the_address_for_a_telephone_names_us_and_the_person() -> None:
    address = totp.address_of("ABC", "Связка", "anna@example.ru")
    assert address.startswith("otpauth://totp/%D0%A1")
    assert address.endswith("?secret=ABC&issuer=%D0%A1%D0%B2%D1%8F%D0%B7%D0%BA%D0%B0")

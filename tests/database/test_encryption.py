"""Tokens at rest: they open in their own place, with the right key, unchanged, or not at all."""

import pytest

from app.database.encryption import Keys, key_id_of, new_key
from app.errors import SealingError, UnknownKey

PLACE = ("grants", "a-row", "access_token")
OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)


def test_what_was_sealed_opens() -> None:
    keys = Keys((NEW,))
    for text in ("a token", "", "ключ", "x" * 10_000):
        assert keys.open(keys.seal(text, *PLACE), *PLACE) == text


def test_a_sealed_value_shows_its_key_and_nothing_else() -> None:
    sealed = Keys((NEW,)).seal("a token", *PLACE)
    assert key_id_of(sealed) == "new"
    assert b"token" not in sealed


def test_the_same_token_is_never_sealed_the_same_way() -> None:
    keys = Keys((NEW,))
    assert len({keys.seal("a token", *PLACE) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "place",
    [
        ("grants", "another-row", "access_token"),
        ("grants", "a-row", "refresh_token"),
        ("revocations", "a-row", "access_token"),
        (),
    ],
)
def test_moved_to_another_place_it_does_not_open(place: tuple[str, ...]) -> None:
    keys = Keys((NEW,))
    with pytest.raises(SealingError):
        keys.open(keys.seal("a token", *PLACE), *place)


def test_the_first_key_seals_and_all_open() -> None:
    sealed = Keys((OLD,)).seal("a token", *PLACE)
    both = Keys((NEW, OLD))
    assert both.open(sealed, *PLACE) == "a token"
    assert key_id_of(both.seal("a token", *PLACE)) == "new"


def test_a_key_that_is_missing_is_named() -> None:
    sealed = Keys((OLD,)).seal("a token", *PLACE)
    with pytest.raises(UnknownKey, match="'old'"):
        Keys((NEW,)).open(sealed, *PLACE)


def test_another_key_under_the_same_name_does_not_open() -> None:
    sealed = Keys((("k", b"1" * 32),)).seal("a token", *PLACE)
    with pytest.raises(SealingError):
        Keys((("k", b"2" * 32),)).open(sealed, *PLACE)


def test_one_changed_bit_anywhere_is_noticed() -> None:
    keys = Keys((NEW, OLD))
    sealed = keys.seal("a token", *PLACE)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealingError):
            keys.open(bytes(changed), *PLACE)


def test_a_value_that_was_cut_or_is_none_of_ours_is_noticed() -> None:
    keys = Keys((NEW,))
    sealed = keys.seal("a token", *PLACE)
    for length in range(len(sealed)):
        with pytest.raises(SealingError):
            keys.open(sealed[:length], *PLACE)
    with pytest.raises(SealingError):
        keys.open(b"not sealed", *PLACE)


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(SealingError, match="TOKEN_ENCRYPTION_KEYS"):
        Keys(()).seal("a token", *PLACE)


def test_no_error_repeats_what_was_sealed() -> None:
    sealed = Keys((OLD,)).seal("hunter2", *PLACE)
    with pytest.raises(SealingError) as caught:
        Keys((OLD,)).open(sealed, "elsewhere")
    assert "hunter2" not in repr(caught.value)


def test_new_keys_are_new() -> None:
    assert len({new_key() for _ in range(10)}) == 10
    assert len(new_key()) == 32

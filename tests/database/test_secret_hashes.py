import pytest

from app.database.secret_hashes import secret_hash


def test_a_secret_is_known_again_and_not_readable() -> None:
    assert secret_hash("svyazka") == secret_hash("svyazka")
    assert secret_hash("svyazka") != secret_hash("Svyazka")
    assert len(secret_hash("svyazka")) == 32
    assert b"svyazka" not in secret_hash("svyazka")


@pytest.mark.parametrize("sent", ["", "\ud800", "я" * 10_000])
def test_whatever_a_stranger_sends_has_a_hash(sent: str) -> None:
    assert len(secret_hash(sent)) == 32

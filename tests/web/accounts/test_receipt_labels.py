"""Receipts of the audit log as a shop owner reads them."""

import pytest

from app.grants.receipts import GrantEnd, OldToken
from app.web.accounts.receipt_labels import ENDS, OLD_TOKENS, receipt_lines

ASKED = {"asked": "POST acme.example/revoke", "answered": "200"}
SHOWN = {"evidence": "GET acme.example/me → 401 за 12 мс"}
RECEIPTS = [
    (None, []),
    (
        {"end": "done", **ASKED, "old_token": "refused", **SHOWN},
        [
            "Просили забыть доступ: POST acme.example/revoke → 200.",
            "Показали старый доступ: GET acme.example/me → 401 за 12 мс — больше не действует.",
        ],
    ),
    (
        {"end": "already", "asked": "POST acme.example/revoke", "answered": "400 invalid_token"},
        [
            "Просили забыть доступ: POST acme.example/revoke → 400 invalid_token.",
            "Этого доступа у сервиса уже не было: отзывать было нечего.",
        ],
    ),
    (
        {"end": "later", "asked": "POST acme.example/revoke", "answered": "timeout"},
        [
            "Просили забыть доступ: POST acme.example/revoke → ответа не дождались.",
            "Сразу не вышло, попробуем ещё: до суток.",
        ],
    ),
    (
        {"end": "by_hand"},
        ["Сервис не умеет отзывать доступ по просьбе: удалите приложение в его личном кабинете."],
    ),
]


@pytest.mark.parametrize(("receipt", "lines"), RECEIPTS)
def test_a_receipt_in_words(receipt: dict[str, str] | None, lines: list[str]) -> None:
    assert receipt_lines(receipt) == lines


def test_every_end_and_every_proof_has_words() -> None:
    assert set(ENDS) == set(GrantEnd)
    assert set(OLD_TOKENS) == set(OldToken)

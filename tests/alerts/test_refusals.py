"""What a channel's server means by refusing, as tables."""

import httpx
import pytest

from app.alerts.channels.base import DeliveryRefused
from app.alerts.channels.refusals import (
    BOT_IS_SHARED,
    BOT_IS_UNKNOWN,
    BROWSER_ENDED,
    KEY_CHANGED,
    http_refusal,
    push_refusal,
    updates_refusal,
)

FCM = b"the VAPID credentials in the authorization header do not correspond to the credentials used"
APPLE = b'{"reason":"VapidPkHashMismatch"}'
OUR_CLOCK = b'{"reason":"BadJwtToken"}'
WALL = b"<!DOCTYPE html><title>403 Forbidden</title>"
UNKNOWN, SAME = False, True  # is the subscription for the key that we sign with?

PUSHES = [
    (404, b"", SAME, BROWSER_ENDED),
    (410, b"", SAME, BROWSER_ENDED),
    (403, FCM, SAME, KEY_CHANGED),
    (403, b"", SAME, KEY_CHANGED),
    (403, b"", UNKNOWN, KEY_CHANGED),
    (401, b"", UNKNOWN, KEY_CHANGED),
    (400, b"", UNKNOWN, KEY_CHANGED),
    (400, APPLE, SAME, KEY_CHANGED),
    (400, b"UnauthorizedRegistration", SAME, KEY_CHANGED),
    (401, b"SenderId mismatch", SAME, KEY_CHANGED),
    (401, b"", SAME, None),
    (400, b"", SAME, None),
    (403, OUR_CLOCK, SAME, None),
    (401, b'{"errno": 109, "message": "exp in the past"}', SAME, None),
    (403, WALL, SAME, None),
    (403, WALL, UNKNOWN, None),
    (403, OUR_CLOCK, UNKNOWN, None),
    (413, b"", UNKNOWN, None),
    (429, b"", UNKNOWN, None),
    (500, FCM, UNKNOWN, None),
]


@pytest.mark.parametrize(("status", "body", "same_key", "ended"), PUSHES)
def test_a_push_service_ends_a_browser_or_is_asked_again(
    status: int, body: bytes, same_key: bool, ended: str | None
) -> None:
    refused = push_refusal(httpx.Response(status, content=body), same_key=same_key)
    wanted = DeliveryRefused(ended, gone=True) if ended else None
    assert refused == (wanted or DeliveryRefused(f"служба уведомлений ответила {status}"))


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, "120", 120),
        (503, "40.5", 40.5),
        (503, "2m", 120),
        (500, "", None),
        (503, "soon", None),
    ],
)
def test_every_server_may_ask_for_time(status: int, asked: str, seconds: float | None) -> None:
    response = httpx.Response(status, headers={"Retry-After": asked})
    assert http_refusal("получатель ответил", response).retry_after == seconds
    assert push_refusal(response, same_key=True).retry_after == seconds


def test_a_date_is_read_against_the_answers_own() -> None:
    headers = {
        "Retry-After": "Wed, 21 Oct 2015 09:30:00 GMT",
        "Date": "Wed, 21 Oct 2015 09:28:00 GMT",
    }
    response = httpx.Response(503, headers=headers)
    assert http_refusal("получатель ответил", response).retry_after == 120


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (409, BOT_IS_SHARED),
        (401, BOT_IS_UNKNOWN),
        (404, BOT_IS_UNKNOWN),
        (502, "Telegram ответил 502"),
    ],
)
def test_why_nobody_is_seen_who_opens_the_bot(status: int, said: str) -> None:
    assert updates_refusal(status) == said

"""What a channel's server means by refusing a message. Pure: tables, and no requests."""

import re

import httpx

from app.alerts.channels.base import DeliveryRefused
from app.outbound.retry_after import retry_after

READ = 2_000  # bytes of a body that are looked at
# Push services (RFC 8030 section 7.3, RFC 8292 section 4.2)
SUBSCRIPTION_ENDED = (404, 410)
KEY_REFUSED = (400, 401, 403)
BROWSER_ENDED = "браузер больше не принимает уведомления"
KEY_CHANGED = (
    "служба уведомлений больше не принимает ключ этого сервера: включите уведомления в этом "
    "браузере заново"
)
# FCM, Mozilla's autopush, Apple (`VapidPkHashMismatch`), and what they say of our clock or our
# signature instead, which is no browser's fault.
OTHER_KEY = re.compile(r"mismatch|not correspond|sender ?id|unauthorized ?registration|wrong key")
OUR_SIGNATURE = re.compile(r"jwt|token (?:is )?expired|\bexp\b|clock|<html|<!doctype")

# Telegram's getUpdates (https://core.telegram.org/bots/api#getupdates)
BOT_IS_SHARED = (
    "сообщения этого бота читает другая программа или вебхук, поэтому подключить Telegram не "
    "получается. Сообщите тому, кто установил Связку"
)
BOT_IS_UNKNOWN = (
    "Telegram не знает бота этого сервера: его ключ отозван. Сообщите тому, кто установил Связку"
)
CONFLICT, NO_SUCH_BOT = 409, (401, 404)


def http_refusal(who: str, response: httpx.Response, *, gone: bool = False) -> DeliveryRefused:
    """`who` answered with a status that is no success."""
    why = f"{who} {response.status_code}"
    return DeliveryRefused(why, gone, retry_after(response.headers))


def push_refusal(response: httpx.Response, *, same_key: bool) -> DeliveryRefused:
    """`same_key`: the subscription was made for the key that we sign with, as far as we know.

    A subscription is for one key (RFC 8292 section 4.2). A service that refuses another one will
    always do so; what it says of our signature or our clock is about all browsers.
    """
    if response.status_code in SUBSCRIPTION_ENDED:
        return DeliveryRefused(BROWSER_ENDED, gone=True)
    if response.status_code in KEY_REFUSED and _refuses_key(response, same_key=same_key):
        return DeliveryRefused(KEY_CHANGED, gone=True)
    return http_refusal("служба уведомлений ответила", response)


def updates_refusal(status: int) -> str:
    """Why nobody can be seen who opens the bot."""
    if status == CONFLICT:
        return BOT_IS_SHARED
    return BOT_IS_UNKNOWN if status in NO_SUCH_BOT else f"Telegram ответил {status}"


def _refuses_key(response: httpx.Response, *, same_key: bool) -> bool:
    text = response.content[:READ].decode("utf-8", "replace").lower()
    if OTHER_KEY.search(text) or OUR_SIGNATURE.search(text):
        return OTHER_KEY.search(text) is not None
    return response.status_code == 403 or not same_key

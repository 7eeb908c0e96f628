"""Telegram: a bot that writes to people who opened its link. The Bot API has no idempotency key:
at-least-once is all that can be had.
"""

import json
import re
from dataclasses import dataclass
from html import escape
from typing import Any

import httpx

from app.alerts.channels.base import CHANNEL_TIMEOUT, Address, DeliveryRefused, Parcel, Post
from app.alerts.channels.refusals import updates_refusal
from app.alerts.message import HELD_HEADING, AlertMessage
from app.outbound.allowed_hosts import Destination, Hosts
from app.outbound.client import send_request
from app.outbound.failures import Failure
from app.outbound.retry_after import retry_after

HTTP_OK = 200
MOST_LOOKS = 50  # of a hundred updates each, one after the other
LONGEST_TEXT = 4_000  # characters; the Bot API takes 4,096 after entities
NAME = re.compile(r"[A-Za-z0-9_]{1,64}")  # of a bot
CODE = re.compile(r"/start ([A-Za-z0-9_-]{1,64})\s*", re.ASCII)  # what a bot's link can carry
LARGEST_CHAT_ID = 2**52  # https://core.telegram.org/bots/api#chat
BLOCKED = "бот заблокирован или чат удалён: откройте бота и нажмите «Запустить»"


@dataclass(frozen=True)
class Start:
    """Somebody opened the bot with a code."""

    code: str
    chat_id: int
    name: str


@dataclass(frozen=True)
class NoUpdates:
    """Why nobody can be seen who opens the bot."""

    why: str  # for people, in Russian
    status: int | None


async def send(post: Post, to: Address, parcel: Parcel) -> DeliveryRefused | None:
    return await say(post, int(to.target["chat_id"]), parcel.letter)


async def say(post: Post, chat_id: int, letter: AlertMessage) -> DeliveryRefused | None:
    message: dict[str, Any] = {
        "chat_id": chat_id,
        "text": as_html(letter),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    if letter.button.url.startswith("https://"):  # the Bot API refuses buttons to anything else
        button = {"text": letter.button.text, "url": letter.button.url}
        message["reply_markup"] = {"inline_keyboard": [[button]]}
    status, answer, detail = await _call(post, "sendMessage", message)
    if status == HTTP_OK:
        return None
    if status == 403 or (status == 400 and "chat not found" in str(answer.get("description"))):
        return DeliveryRefused(BLOCKED)
    return DeliveryRefused(detail or f"Telegram ответил {status}", retry_after=_wait(answer))


async def bot_name(post: Post) -> str | None:
    """What the bot is called; None while Telegram does not say."""
    _, answer, _ = await _call(post, "getMe", {})
    name = _object(answer.get("result")).get("username")
    return name if isinstance(name, str) and NAME.fullmatch(name) else None


async def starts(post: Post) -> list[Start] | NoUpdates:
    """Who pressed «Запустить» since the last time. What was read is confirmed by reading on."""
    found: list[Start] = []
    offset = None
    for _ in range(MOST_LOOKS):
        ask = {"timeout": 0, "allowed_updates": ["message"]}
        status, answer, detail = await _call(
            post, "getUpdates", ask | ({"offset": offset} if offset else {})
        )
        if status != HTTP_OK:
            why = updates_refusal(status) if status else detail
            return found or NoUpdates(why, status)
        updates = _updates_in(answer)
        if not updates:
            break
        found += [start for start in map(_start_of, updates) if start is not None]
        offset = max(update["update_id"] for update in updates) + 1
    return found


def as_html(letter: AlertMessage) -> str:
    parts = [f"<b>{escape(letter.title)}</b>", escape(letter.lead)]
    parts += [_line(each.name, each.text, each.evidence) for each in letter.lines]
    parts.append(escape(letter.move))
    if letter.held:
        parts.append("\n".join([HELD_HEADING, *(f"— {escape(title)}" for title in letter.held)]))
    if not letter.button.url.startswith("https://"):
        parts.append(f"{escape(letter.button.text)}: {escape(letter.button.url)}")
    return _shortened([part for part in parts if part])


def _shortened(parts: list[str]) -> str:
    """Whole parts only: a tag that is cut in two is refused."""
    while len("\n\n".join(parts)) > LONGEST_TEXT and len(parts) > 2:
        del parts[-2]
    return "\n\n".join(parts)


def _line(name: str, text: str, evidence: str) -> str:
    said = f"{escape(name)}: {escape(text)}" if text else escape(name)
    return f"{said}\n<code>{escape(evidence)}</code>" if evidence else said


def _updates_in(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Those with a number; what has none cannot be confirmed, and is no update."""
    result = answer.get("result")
    updates = map(_object, result) if isinstance(result, list) else []
    return [update for update in updates if type(update.get("update_id")) is int]


def _start_of(update: dict[str, Any]) -> Start | None:
    """None as well for what could not be kept: one such update must not cost the others theirs."""
    message = _object(update.get("message"))
    chat, text = _object(message.get("chat")), message.get("text")
    code = CODE.fullmatch(text) if isinstance(text, str) else None
    chat_id = chat.get("id")
    if code is None or chat.get("type") != "private":
        return None
    if type(chat_id) is not int or abs(chat_id) >= LARGEST_CHAT_ID:
        return None
    user, first = chat.get("username"), chat.get("first_name")
    return Start(code[1], chat_id, f"@{user}" if user else str(first or ""))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _wait(answer: dict[str, Any]) -> float | None:
    """Seconds (https://core.telegram.org/bots/api#responseparameters)."""
    wait = _object(answer.get("parameters")).get("retry_after")
    return retry_after({"retry-after": str(wait)}) if wait is not None else None


async def _call(
    post: Post, method: str, message: dict[str, Any]
) -> tuple[int | None, dict[str, Any], str]:
    """(status, answer, what went wrong on the way)."""
    url = f"{post.settings.telegram_api_base}/bot{post.settings.telegram_bot_token}/{method}"
    request = httpx.Request("POST", url, json=message)
    named_by_operator = Destination(Hosts.of([post.settings.telegram_api_base]))
    reply = await send_request(post.http, request, CHANNEL_TIMEOUT, named_by_operator)
    if isinstance(reply, Failure):
        return None, {}, reply.detail
    try:
        answer = json.loads(reply.content)
    except (ValueError, RecursionError):
        answer = None
    return reply.status_code, _object(answer), ""

"""Step 2 of 6: ask a provider whether a grant still works. No database, no exception for a "no"."""

import json
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import jmespath

from app.grants import OpenGrant
from app.oauth import Refusal, challenge_error, retry_after
from app.outbound import Outbound, Reply
from app.providers import Carrier, Provider

LONGEST_NAME = 200  # characters of a label or an account that we keep


@dataclass(frozen=True)
class Answer:
    """What a provider said, as far as a verdict needs it."""

    evidence: str  # one line for people: what was asked, what came, how long it took
    latency_ms: int
    status: int | None = None  # HTTP status; None: nothing whole came back, see `failure`
    failure: str = ""  # as in `Reply.failure`
    refused: str = ""  # the code of a refused refresh, as in `Refusal.code`
    sound: bool = True  # a 2xx answer is what this provider answers when all is well
    challenge: str = ""  # why the token was refused: an error code of RFC 6750 section 3.1
    is_page: bool = False  # HTML where an API was asked: a wall in front of it speaks, not the API
    retry_after: float | None = None  # seconds
    account: str | None = None
    label: str | None = None
    carrier: int = 0

    @property
    def refuses_token(self) -> bool:
        """401, and not because of what the token is for: then a fresh one would be refused too."""
        return self.status == 401 and self.challenge != "insufficient_scope"


async def probe(http: Outbound, provider: Provider, grant: OpenGrant, timeout: float) -> Answer:
    """Send the provider's probe with this grant's token.

    A provider with several carriers gets each in turn until one is not refused with 401, within one
    time-out; what worked before is asked alone.
    """
    carriers = provider.probe.carriers
    known = grant.carrier is not None and grant.carrier < len(carriers)
    until = monotonic() + timeout
    for number in [grant.carrier or 0] if known else range(len(carriers)):
        request = _request(provider, carriers[number], grant.access_token)
        reply = await http.send(request, max(0.0, until - monotonic()), provider)
        if reply.status != 401:
            break
    return _answer(provider, request, reply, number)


def answer_of(provider: Provider, refusal: Refusal) -> Answer:
    """A refused refresh, as an answer about the grant."""
    line = evidence("POST", provider.token_endpoint, refusal.reply, refusal.code)
    return Answer(
        line,
        _milliseconds(refusal.reply),
        refusal.reply.status,
        refusal.reply.failure,
        refused=refusal.code,
        retry_after=retry_after(refusal.reply.headers),
    )


def evidence(method: str, url: str, reply: Reply, remark: str = "") -> str:
    """`GET api.evotor.ru/stores → 503 за 412 мс`; never a token, a query or a word of the body."""
    parts = urlsplit(url)
    asked = f"{method} {parts.hostname or ''}{parts.path}"
    if reply.failure:
        return f"{asked} → {reply.detail or reply.failure}"
    said = f"{reply.status}" + (f" {remark}" if remark and not remark.startswith("http_") else "")
    return f"{asked} → {said} за {_milliseconds(reply)} мс"


def _request(provider: Provider, carrier: Carrier, access_token: str) -> httpx.Request:
    headers = dict(provider.probe.headers)
    headers[carrier.header] = carrier.value.replace("{token}", access_token)
    return httpx.Request(provider.probe.method, provider.probe.url, headers=headers)


def _answer(provider: Provider, request: httpx.Request, reply: Reply, carrier: int) -> Answer:
    content = _content(reply)
    good = reply.status is not None and 200 <= reply.status < 300
    sound = not good or _is_sound(provider, reply, content)
    challenge = challenge_error(reply.headers)
    remark = challenge if sound else "с ошибкой в ответе"
    return Answer(
        evidence(request.method, str(request.url), reply, remark),
        _milliseconds(reply),
        reply.status,
        reply.failure,
        sound=sound,
        challenge=challenge,
        is_page=reply.headers.get("content-type", "").startswith("text/html"),
        retry_after=retry_after(reply.headers),
        account=_text(provider.probe.account, content) if good and sound else None,
        label=_text(provider.probe.label, content) if good and sound else None,
        carrier=carrier,
    )


def _content(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _is_sound(provider: Provider, reply: Reply, content: Any) -> bool:
    if reply.status == 204 or provider.probe.method == "HEAD":
        return True
    return content is not None and not _found(provider.probe.error, content)


def _text(expression: str, content: Any) -> str | None:
    value = _found(expression, content)
    if value is None or isinstance(value, (dict, list, bool)) or value == "":
        return None
    # What the database cannot hold must not stop a whole batch: NUL, and halves of a pair.
    clean = str(value).encode("utf-8", "replace").decode().replace("\x00", "")
    return clean[:LONGEST_NAME] or None


def _found(expression: str, content: Any) -> Any:
    if not expression:
        return None
    try:
        return _compiled(expression).search(content)
    except jmespath.exceptions.JMESPathError:  # a function got what it cannot take
        return None


@cache
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def _milliseconds(reply: Reply) -> int:
    return round(reply.seconds * 1000)

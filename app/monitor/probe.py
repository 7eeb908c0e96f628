"""Step 2 of 6 of a check: ask a provider whether a grant still works.

No database, and no exception for a "no".
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from time import monotonic, time
from urllib.parse import urlsplit

import httpx

from app.grants.store import OpenGrant
from app.monitor.response_reader import (
    content_of,
    found,
    hint_of,
    is_sound,
    label_of,
    text,
    with_kept,
)
from app.oauth.client import challenge_error
from app.oauth.token_expiry import seconds_until
from app.oauth.token_response import Refusal
from app.outbound.client import (
    Outbound,
    Reply,
    RequestTarget,
    WrittenRequest,
    written,
    written_request,
)
from app.outbound.retry_after import retry_after
from app.providers.placeholders import fill_address, fill_all
from app.providers.provider import Provider
from app.providers.spec_parts import GET, Carrier, Probe


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
    hint: str = ""  # what the entry's own table says of it: a cause, or "ok"
    retry_after: float | None = None  # seconds
    account: str | None = None
    label: str | None = None
    expires_in: float | None = None  # seconds until the grant ends, where the answer says so
    carrier: int = 0

    @property
    def refuses_token(self) -> bool:
        """The provider does not take this access token. A 401 because of what the token is for is
        none: a fresh one would be refused too.
        """
        if self.hint:
            return self.hint == "revoked"
        return self.status == 401 and self.challenge != "insufficient_scope"


async def probe(http: Outbound, provider: Provider, grant: OpenGrant, timeout: float) -> Answer:
    """Send the provider's probe with this grant's token.

    A provider with several carriers gets each in turn until one is not refused with 401, within one
    time-out; what worked before is asked alone.
    """
    carriers = provider.carriers(grant.kind) or (None,)  # none: the token travels elsewhere
    known = grant.carrier is not None and grant.carrier < len(carriers)
    until = monotonic() + timeout
    for number in [grant.carrier or 0] if known else range(len(carriers)):
        try:
            request = _request(provider, carriers[number], grant.access_token, grant.kept)
        except (KeyError, ValueError, httpx.InvalidURL):
            return Answer("", 0, failure="unconfigured")
        left = max(0.0, until - monotonic())
        reply = await http.send(request, left, provider.destination)
        if reply.status != 401:
            break
    return _answer(provider, request, reply, number, grant.kept)


def answer_of(provider: Provider, refusal: Refusal, kept: Mapping[str, str]) -> Answer:
    """A refused refresh, as an answer about the grant."""
    method = "GET" if provider.token_request == GET else "POST"
    address = fill_address(provider.token_endpoint, defaultdict(str, kept))
    line = evidence(method, address, refusal.reply, refusal.code)
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


def _request(
    provider: Provider, carrier: Carrier | None, access_token: str, kept: Mapping[str, str]
) -> WrittenRequest:
    """Raises KeyError where the entry wants more than was kept when the grant was made, ValueError
    where what was kept makes no header.
    """
    probe, values = provider.probe, {**kept, "token": access_token}
    if provider.client is not None:
        values = {"client_id": provider.client.id} | values
    headers = fill_all(probe.headers, values)
    if carrier is not None:
        headers[carrier.header] = carrier.value.replace("{token}", access_token)
    if probe.form is None and probe.json is None:
        return written(probe.method, _target(probe, values), headers)
    return written_request(
        httpx.Request(
            probe.method,
            _url(probe, values),
            headers=headers,
            data=None if probe.form is None else fill_all(probe.form, values),
            json=None if probe.json is None else fill_all(probe.json, values),
        )
    )


def _target(probe: Probe, values: Mapping[str, str]) -> RequestTarget:
    if not probe.query and "{" not in probe.url:
        return _same_for_all(probe.url)
    return RequestTarget.of(_url(probe, values))


def _url(probe: Probe, values: Mapping[str, str]) -> httpx.URL:
    query = fill_all(probe.query, values)
    return httpx.URL(fill_address(probe.url, values)).copy_merge_params(query)


@cache  # never one with a person's values
def _same_for_all(address: str) -> RequestTarget:
    return RequestTarget.of(httpx.URL(address))


def _answer(
    provider: Provider,
    request: WrittenRequest,
    reply: Reply,
    carrier: int,
    kept: Mapping[str, str],
) -> Answer:
    probe, content = provider.probe, content_of(reply)
    good = reply.status is not None and 200 <= reply.status < 300
    sound = not good or is_sound(probe, reply, content)
    named = with_kept(content, kept) if good and sound else None
    challenge = challenge_error(reply.headers)
    remark = challenge if sound else "с ошибкой в ответе"
    return Answer(
        evidence(request.method, request.target.address, reply, remark),
        _milliseconds(reply),
        reply.status,
        reply.failure,
        sound=sound,
        challenge=challenge,
        is_page=reply.headers.get("content-type", "").startswith("text/html"),
        hint=hint_of(probe, reply, content),
        retry_after=retry_after(reply.headers),
        account=text(probe.account, named),
        label=label_of(probe.label, named),
        expires_in=seconds_until(found(probe.expires, named), time()),
        carrier=carrier,
    )


def _milliseconds(reply: Reply) -> int:
    return round(reply.seconds * 1000)

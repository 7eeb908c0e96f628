"""Step 2 of 6 of a check: ask a provider whether a grant still works.

No database, and no exception for a "no".
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from time import monotonic, time
from urllib.parse import urlsplit

import httpx

from app.grants.store import OpenGrant
from app.models.connection import Cause
from app.monitor.response_reader import (
    body_error,
    classification_of,
    content_of,
    found,
    is_gone,
    is_limited,
    is_sound,
    is_wall,
    label_of,
    text,
    with_kept,
)
from app.oauth.client import challenge_error
from app.oauth.token_expiry import seconds_until
from app.oauth.token_response import Refusal
from app.outbound.failures import Failure, failure_of
from app.outbound.http1 import RawResponse
from app.outbound.pool import HttpPool
from app.outbound.request import RequestTarget, WrittenRequest, written, written_request
from app.outbound.retry_after import retry_after
from app.providers.placeholders import fill_address, fill_all
from app.providers.provider import Provider
from app.providers.spec_parts import GET, Probe, TokenPlacement

ABOUT_MORE = (402, 403, 408, 425, 429)  # statuses that say something else than "not this token"
GONE = Cause.ACCESS_DENIED.value  # of an account's own address that is closed
NOT_SENT = ("unconfigured", "not_allowed")  # failures before anything was sent


@dataclass(frozen=True)
class Answer:
    """What a provider said, as far as a verdict needs it."""

    evidence: str  # one line for people: what was asked, what came, how long it took
    latency_ms: int
    status: int | None = None  # HTTP status; None: nothing whole came back, see `failure`
    failure: str = ""  # as in `Failure.code`
    refused: str = ""  # the code of a refused refresh, as in `Refusal.code`
    sound: bool = True  # a 2xx answer is what this provider answers when all is well
    challenge: str = ""  # why the token was refused: an error code of RFC 6750 section 3.1
    is_wall: bool = False  # a firewall, proxy or balancer in front of the API speaks, not the API
    is_limited: bool = False  # a refusal with the headers of a rate limit
    classification: str = ""  # what the entry's own table says of it: a cause, or "ok"
    retry_after: float | None = None  # seconds
    account: str | None = None
    label: str | None = None
    expires_in: float | None = None  # seconds until the grant ends, where the answer says so
    token_placement: int = 0
    after_refresh: bool = False  # it is about a token that the provider issued a moment ago
    contradicted: bool = False  # the same request was refused with 401 a moment ago
    over_kept_connection: bool = False  # not over one that was made for this request
    is_stranger: bool = False  # another account answers than the one that the grant is for

    @property
    def was_sent(self) -> bool:
        """False: a mistake of ours kept us from asking."""
        return self.failure not in NOT_SENT

    @property
    def refuses_token(self) -> bool:
        """The provider does not take this access token. A 401 because of what the token is for is
        none: a fresh one would be refused too. RFC 6750 section 3.1 names the error; some send it
        with another status.
        """
        if self.classification:
            return self.classification == "revoked"
        if self.is_wall or self.is_limited or self.refused:
            return False
        if self.challenge == "invalid_token":
            return 400 <= (self.status or 0) < 500 and self.status != 429
        return self.status == 401 and self.challenge != "insufficient_scope"

    @property
    def suggests_refresh(self) -> bool:
        """A fresh token may help: also where a wall answers 401, as some APIs do so themselves."""
        return self.refuses_token or (
            self.status == 401 and self.is_wall and not self.classification
        )

    @property
    def may_refuse_token(self) -> bool:
        """Is it no word for the token? Some APIs answer 400 or 404 where RFC 6750 wants 401."""
        if self.suggests_refresh:
            return True
        refused = 400 <= (self.status or 0) < 500 and self.status not in ABOUT_MORE
        return refused and not self.is_wall and not self.classification


def without_stranger(answer: Answer, lease_account: str | None, hidden: bool) -> Answer:
    """The answer, marked where it is about another account than the one that was connected, whose
    name it does not give to the connection.
    """
    if hidden or lease_account is None or answer.account in (None, lease_account):
        return answer
    return replace(answer, is_stranger=True, account=None, label=None)


async def probe(
    pool: HttpPool,
    provider: Provider,
    grant: OpenGrant,
    timeout: float,
    *,
    new_connection: bool = False,
) -> Answer:
    """Send the provider's probe with this grant's token.

    A provider with several token placements gets each in turn until one is not refused with 401,
    within one time-out; what worked before is asked alone.
    """
    token_placements = provider.token_placements(grant.kind) or (
        None,
    )  # none: the token travels elsewhere
    known = grant.token_placement is not None and grant.token_placement < len(token_placements)
    until = monotonic() + timeout
    for number in [grant.token_placement or 0] if known else range(len(token_placements)):
        try:
            request = _request(provider, token_placements[number], grant.access_token, grant.kept)
        except (KeyError, ValueError, httpx.InvalidURL):
            return Answer("", 0, failure="unconfigured")
        began = monotonic()
        left = max(0.0, until - began)
        try:
            # Below the httpx client, which would more than double a whole check: 18 µs against 210.
            response = await pool.exchange(
                request, left, provider.destination, new_connection=new_connection
            )
        except httpx.HTTPError as error:
            failure = failure_of(error, left, monotonic() - began)
            return _no_answer(request, failure, number)
        seconds = monotonic() - began
        if response.status != 401:
            break
    return _answer(provider, request, response, seconds, number, grant.kept)


def answer_of(provider: Provider, refusal: Refusal, kept: Mapping[str, str]) -> Answer:
    """A refused refresh, as an answer about the grant."""
    method = "GET" if provider.token_request == GET else "POST"
    address = fill_address(provider.token_endpoint, defaultdict(str, kept))
    reply = refusal.reply
    if isinstance(reply, Failure):
        line = _evidence(method, address, reply.detail or reply.code)
        latency = _milliseconds(reply.seconds)
        return Answer(line, latency, failure=reply.code, refused=refusal.code)
    latency = _milliseconds(reply.elapsed.total_seconds())
    remark = "" if refusal.code.startswith("http_") else refusal.code
    return Answer(
        _evidence(method, address, _said(reply.status_code, remark, latency)),
        latency,
        reply.status_code,
        refused=refusal.code,
        is_wall=is_wall(reply.status_code, reply.headers, reply.content, basic=True),
        retry_after=retry_after(reply.headers),
    )


def _request(
    provider: Provider,
    token_placement: TokenPlacement | None,
    access_token: str,
    kept: Mapping[str, str],
) -> WrittenRequest:
    """Raises KeyError where the entry wants more than was kept when the grant was made, ValueError
    where what was kept makes no header.
    """
    probe, values = provider.probe, {**kept, "token": access_token}
    if provider.client is not None:
        values = {"client_id": provider.client.id} | values
    headers = fill_all(probe.headers, values)
    if token_placement is not None:
        headers[token_placement.header] = token_placement.auth.replace("{token}", access_token)
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


def _no_answer(request: WrittenRequest, failure: Failure, token_placement: int) -> Answer:
    line = _evidence(request.method, request.target.address, failure.detail)
    latency = _milliseconds(failure.seconds)
    return Answer(line, latency, failure=failure.code, token_placement=token_placement)


def _answer(
    provider: Provider,
    request: WrittenRequest,
    response: RawResponse,
    seconds: float,
    token_placement: int,
    kept: Mapping[str, str],
) -> Answer:
    probe, content, latency = provider.probe, content_of(response), _milliseconds(seconds)
    good = 200 <= response.status < 300
    sound = not good or is_sound(probe, response, content)
    named = with_kept(content, kept) if good and sound else None
    challenge = challenge_error(response.headers)
    if not good and not challenge and body_error(content) == "invalid_token":
        challenge = "invalid_token"
    remark = challenge if sound else "с ошибкой в ответе"
    return Answer(
        _evidence(request.method, request.target.address, _said(response.status, remark, latency)),
        latency,
        response.status,
        sound=sound,
        challenge=challenge,
        is_wall=is_wall(response.status, response.headers, response.body, _sends_basic(provider)),
        is_limited=is_limited(response),
        classification=classification_of(probe, response, content)
        or (GONE if is_gone(probe, response) else ""),
        retry_after=retry_after(response.headers),
        account=text(probe.account, named),
        label=label_of(probe.label, named),
        expires_in=seconds_until(found(probe.expires, named), time()),
        token_placement=token_placement,
        over_kept_connection=response.is_over_kept_connection,
    )


def _sends_basic(provider: Provider) -> bool:
    return any(each.auth.lower().startswith("basic") for each in provider.probe.token_placements)


def _evidence(method: str, url: str, said: str) -> str:
    """`GET api.evotor.ru/stores → 503 за 412 мс`; never a token, a query or a word of the body."""
    parts = urlsplit(url)
    return f"{method} {parts.hostname or ''}{parts.path} → {said}"


def _said(status: int, remark: str, latency: int) -> str:
    return f"{status} {remark} за {latency} мс" if remark else f"{status} за {latency} мс"


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)

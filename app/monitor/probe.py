"""Step 2 of 6 of a check: ask a provider whether a grant still works.

No database, and no exception for a "no".
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from time import monotonic, time
from urllib.parse import urlsplit

import httpx

from app.grants.store import OpenGrant
from app.models.connection import Cause
from app.monitor.answer import Answer
from app.monitor.response_reader import (
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
from app.oauth.bearer_challenge import INVALID_TOKEN, challenge_error, says_token_is_dead
from app.oauth.token_expiry import seconds_until
from app.oauth.token_response import Refusal
from app.outbound.allowed_hosts import Destination
from app.outbound.failures import Failure, failure_of
from app.outbound.http1 import RawResponse
from app.outbound.pool import HttpPool
from app.outbound.redirects import redirected
from app.outbound.request import RequestTarget, WrittenRequest, written, written_request
from app.outbound.retry_after import retry_after
from app.providers.placeholders import fill_address, fill_all
from app.providers.provider import Provider
from app.providers.spec_parts import GET, Probe, TokenPlacement

GONE = Cause.ACCESS_DENIED.value  # of an account's own address that is closed


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
    until, sent = monotonic() + timeout, 0
    for number in [grant.token_placement or 0] if known else range(len(token_placements)):
        try:
            request = _request(provider, token_placements[number], grant.access_token, grant.kept)
        except (KeyError, ValueError, httpx.InvalidURL):
            return Answer("", 0, failure="unconfigured")
        began = monotonic()
        left = max(0.0, until - began)
        try:
            response = await _exchange(
                pool, request, until, provider.destination, new_connection=new_connection
            )
        except httpx.HTTPError as error:
            failure = failure_of(error, left, monotonic() - began)
            return replace(_no_answer(request, failure, number), requests=sent + 1)
        seconds = monotonic() - began
        sent += 1 + response.is_redirected
        if response.status != 401:
            break
    answer = _answer(provider, request, response, seconds, number, grant.kept)
    return replace(answer, requests=sent)


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
        is_limited=is_limited(reply.status_code, reply.headers),
        retry_after=retry_after(reply.headers),
    )


async def _exchange(
    pool: HttpPool,
    request: WrittenRequest,
    until: float,
    destination: Destination,
    *,
    new_connection: bool,
) -> RawResponse:
    """The answer, after one redirect on the same host at most.

    Below the httpx client, which would more than double a whole check: 18 µs against 210.
    """
    left = max(0.0, until - monotonic())
    first = await pool.exchange(request, left, destination, new_connection=new_connection)
    there = redirected(request, first)
    if there is None:
        return first
    response = await pool.exchange(there, max(0.0, until - monotonic()), destination)
    response.is_redirected = True
    response.is_over_kept_connection = first.is_over_kept_connection
    return response


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
    if not challenge and not (good and sound) and says_token_is_dead(content):
        challenge = INVALID_TOKEN
    gone = challenge != INVALID_TOKEN and is_gone(probe, response)
    remark = challenge or ("" if sound else "с ошибкой в ответе")
    said = _said(response.status, remark, latency)
    if response.is_redirected:
        said = f"переход → {said}"
    return Answer(
        _evidence(request.method, request.target.address, said),
        latency,
        response.status,
        sound=sound,
        challenge=challenge,
        is_wall=is_wall(response.status, response.headers, response.body, _sends_basic(provider)),
        is_limited=is_limited(response.status, response.headers),
        classification=classification_of(probe, response, content) or (GONE if gone else ""),
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

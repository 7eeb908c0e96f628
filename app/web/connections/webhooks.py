"""Webhooks of providers that deliver tokens (docs/providers.md). The caller is authenticated by the
provider's secret, not by a cookie. Only the database is used for an answer, so that it comes well
within the ten seconds after which Evotor repeats a request.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from quart import Blueprint, abort, jsonify, request
from quart.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import rate_limits
from app.accounts.rate_limits import RateLimit
from app.connections import account_ownership, installations
from app.connections.account_ownership import OwnershipResult
from app.providers.builtin.evotor_webhooks import Event, read_installation, read_subscription
from app.providers.provider import Provider
from app.providers.spec_parts import Push
from app.providers.webhooks import Proof, Pushed, read_proof, read_pushed
from app.web.context import dashboard
from app.web.middleware.authentication import public

LARGEST = 16 * 1024  # bytes of a body
CODES = RateLimit(10, timedelta(minutes=10))  # attempts for one account of a provider
# Evotor's own codes (documentation-api, responses.yaml)
WRONG_SECRET, WRONG_CODE, WRONG_BODY, SOMEBODY_ELSES = 1001, 1006, 2001, 2004

T = TypeVar("T", Pushed, Event)


blueprint = Blueprint("webhooks", __name__)


@blueprint.before_request
async def _only_who_knows_the_secret() -> ResponseReturnValue | None:
    """404 if no secret is configured, 401 for a wrong one. A wrong one costs no query, and 32
    random characters cannot be guessed, so attempts are not limited.
    """
    secret = _entry((request.view_args or {})["provider"]).webhook_secret
    if not secret:
        abort(404)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    known = hmac.compare_digest(given.strip().encode(), secret.encode())
    return None if known and scheme.lower() == "bearer" else _refused(401, WRONG_SECRET)


@blueprint.post("/<pushing_provider:provider>/hooks/user/token")
@blueprint.post("/<pushing_provider:provider>/hooks/api/v1/user/token")  # Evotor's older documents
@public
async def token(provider: str) -> ResponseReturnValue:
    read = partial(read_pushed, _push(provider))
    keep = partial(installations.keep_token, provider=provider, keys=dashboard().keys)
    return await _take(provider, read, keep)


@blueprint.post("/<pushing_provider:provider>/hooks/user/verify")
@blueprint.post("/<pushing_provider:provider>/hooks/api/v1/user/verify")
@public
async def proof(provider: str) -> ResponseReturnValue:
    """A user signs in from the provider's cabinet, with a pairing code instead of a password."""
    given = read_proof(_push(provider), await _body())
    if given is None:
        return _refused(400, WRONG_BODY)
    async with dashboard().database.sessions.begin() as session:
        key = f"code:{provider}:{given.account}"
        if wait := await rate_limits.attempt(session, key, CODES):
            return _later(wait)
        proven = await account_ownership.prove(session, dashboard().keys, provider, given)
    return _proven(given, proven)


@blueprint.post("/<evotor:provider>/hooks/installation/event")
@public
async def installation(provider: str) -> ResponseReturnValue:
    keep = partial(installations.take_installation, keys=dashboard().keys)
    return await _take(provider, read_installation, keep)


@blueprint.post("/<evotor:provider>/hooks/subscription/event")
@public
async def subscription(provider: str) -> ResponseReturnValue:
    return await _take(provider, read_subscription, installations.take_subscription)


async def _take(
    provider: str,
    read: Callable[[bytes], T | None],
    keep: Callable[[AsyncSession, T], Awaitable[None]],
) -> ResponseReturnValue:
    news = read(await _body())
    if news is None:
        return _refused(400, WRONG_BODY)
    if wait := dashboard().bursts.attempt(f"{provider} {news.account}"):
        return _later(wait)
    try:
        await _keep(keep, news)
    except IntegrityError:  # two first posts of an account at the same time: now there is a row
        await _keep(keep, news)
    return jsonify()


async def _keep(keep: Callable[[AsyncSession, T], Awaitable[None]], news: T) -> None:
    async with dashboard().database.sessions.begin() as session:
        await keep(session, news)


def _proven(given: Proof, proven: OwnershipResult) -> ResponseReturnValue:
    if proven is OwnershipResult.WRONG_CODE:
        return _refused(401, WRONG_CODE)
    if proven is OwnershipResult.TAKEN:
        return _refused(409, SOMEBODY_ELSES)
    # Evotor would send this token with its notifications about goods, to which we do not subscribe.
    named = {"userId": given.account, "userUuid": given.account}
    return jsonify(**named, hasBilling=False, token=secrets.token_hex(16))


async def _body() -> bytes:
    if (request.content_length or 0) > LARGEST:
        abort(413)
    body: bytes = await request.body
    if len(body) > LARGEST:  # there was no Content-Length
        abort(413)
    return body


def _entry(provider: str) -> Provider:
    return dashboard().catalogue[provider]


def _push(provider: str) -> Push:
    return _entry(provider).push or abort(404)


def _later(wait: int) -> ResponseReturnValue:
    return jsonify(errors=[]), 429, {"Retry-After": str(wait)}


def _refused(status: int, code: int) -> ResponseReturnValue:
    return jsonify(errors=[{"code": code}]), status

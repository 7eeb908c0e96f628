"""What Evotor's cloud posts to us (docs/providers.md). No person is here and no cookie counts: the
caller is who knows the secret. Every answer is given from the database alone, well within the ten
seconds after which Evotor repeats itself.
"""

import hmac
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from quart import Blueprint, abort, jsonify, request
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from app import installations, limits
from app.limits import Limit
from app.providers.evotor_hooks import Event, Pushed, read_installation, read_subscription
from app.providers.evotor_hooks import read_token as read_pushed
from app.web.dashboard import dashboard
from app.web.guard import public

blueprint = Blueprint("hooks", __name__, url_prefix="/evotor/hooks")

LARGEST = 16 * 1024  # bytes of a body
PER_ACCOUNT = Limit(60, timedelta(minutes=1))
# Evotor's own codes (documentation-api, responses.yaml)
WRONG_SECRET, WRONG_BODY = 1001, 2001

T = TypeVar("T", Pushed, Event)


@blueprint.before_request
async def only_evotor() -> ResponseReturnValue | None:
    """Without a secret there is nothing here. A wrong one costs us no look into the database, and
    32 random characters are not guessed, so nothing counts the tries.
    """
    secret = dashboard().settings.evotor_webhook_secret
    if not secret:
        abort(404)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    known = hmac.compare_digest(given.strip().encode(), secret.encode())
    return None if known and scheme.lower() == "bearer" else _refused(401, WRONG_SECRET)


@blueprint.post("/user/token")
@blueprint.post("/api/v1/user/token")  # as older editions of the documents have it
@public
async def token() -> ResponseReturnValue:
    return await _take(read_pushed, partial(installations.keep_token, keys=dashboard().keys))


@blueprint.post("/installation/event")
@public
async def installation() -> ResponseReturnValue:
    return await _take(read_installation, installations.take_installation)


@blueprint.post("/subscription/event")
@public
async def subscription() -> ResponseReturnValue:
    return await _take(read_subscription, installations.take_subscription)


async def _take(
    read: Callable[[bytes], T | None], keep: Callable[[AsyncSession, T], Awaitable[None]]
) -> ResponseReturnValue:
    news = read(await _body())
    if news is None:
        return _refused(400, WRONG_BODY)
    async with dashboard().database.sessions.begin() as session:
        wait = await limits.attempt(session, f"hook:evotor:{news.account}", PER_ACCOUNT)
        if wait:
            return jsonify(errors=[]), 429, {"Retry-After": str(wait)}
        await keep(session, news)
    return jsonify()


async def _body() -> bytes:
    if (request.content_length or 0) > LARGEST:
        abort(413)
    body: bytes = await request.body
    if len(body) > LARGEST:  # it came without a length
        abort(413)
    return body


def _refused(status: int, code: int) -> ResponseReturnValue:
    return jsonify(errors=[{"code": code}]), status

"""What a grant is good for: Evotor's list of stores, and "who am I" at the others."""

import re

from quart import Blueprint, Response, abort, jsonify, request

from app.sandbox._app import note, sandbox
from app.sandbox.catalogue import Store
from app.sandbox.faults import OUTAGES, REFUSALS, Endpoint
from app.sandbox.ledger import IssuedGrant
from app.sandbox.misbehave import misbehave, refusal

V2 = "application/vnd.evotor.v2+json"

blueprint = Blueprint("api", __name__)


@blueprint.get("/stores")
async def stores() -> Response:
    grant = await _admitted()
    if "store:read" not in grant.scopes:
        abort(refusal(403, 0, "У приложения нет разрешения на это действие"))
    if request.accept_mimetypes and not request.accept_mimetypes.best_match([V2]):
        abort(refusal(406, 0, f"Accept must be {V2}"))
    items = [_store(store, grant.account.id) for store in grant.account.stores]
    answer = jsonify(items=items, paging={})
    answer.content_type = V2
    return answer


@blueprint.get("/me")
async def me() -> Response:
    grant = await _admitted()
    return jsonify(sub=grant.account.id, name=grant.account.name)


async def _admitted() -> IssuedGrant:
    """In the order of a real provider: an outage meets everybody, a refusal good tokens only."""
    token = _token()
    grant = sandbox().ledger.holder(token)
    client, account = (grant.client, grant.account) if grant else (None, None)
    note(client, account)
    await misbehave(Endpoint.API, client, account, OUTAGES)
    if grant is None or not sandbox().ledger.admits(token):
        abort(_unauthorized(token))
    await misbehave(Endpoint.API, client, account, REFUSALS)
    return grant


def _token() -> str:
    """`Authorization: Bearer …`, or Evotor's older `X-Authorization` with the token alone."""
    bearer = re.fullmatch(r"(?i)bearer +(\S+)", request.headers.get("Authorization", ""))
    return bearer[1] if bearer else request.headers.get("X-Authorization", "")


def _unauthorized(token: str) -> Response:
    answer = refusal(401, 1001, "Ошибка авторизации приложения")
    # RFC 6750 3.1: who showed no token at all is told no error.
    answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if token else "Bearer"
    return answer


def _store(store: Store, account_id: str) -> dict[str, str]:
    return {
        "id": store.id,
        "name": store.name,
        "address": store.address,
        "user_id": account_id,
        "created_at": "2026-01-12T10:11:49.393+0000",
        "updated_at": "2026-01-12T10:11:49.393+0000",
    }

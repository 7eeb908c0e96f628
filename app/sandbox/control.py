"""The switches by HTTP: JSON for tests and programs, forms for the page at `/`."""

import json
from urllib.parse import parse_qsl, urlencode

from quart import Blueprint, Response, jsonify, redirect, request
from quart.typing import ResponseReturnValue
from werkzeug.wrappers import Response as Redirect

from app.sandbox._app import sandbox
from app.sandbox.catalogue import everyone
from app.sandbox.errors import BadOrderError
from app.sandbox.faults import Endpoint, Mode
from app.sandbox.guard import is_foreign
from app.sandbox.ledger import IssuedGrant
from app.sandbox.order import ControlTarget, Fields, order, target

FORM = "application/x-www-form-urlencoded"
PAGE_FIELDS = {"for", "still"}  # what the page was showing: kept over the redirect, no order

blueprint = Blueprint("control", __name__, url_prefix="/control")


@blueprint.get("")
async def show() -> Response:
    app = sandbox()
    return jsonify(
        issuer=app.settings.issuer,
        access_token_lifetime=app.ledger.lifetime,
        rotation=app.ledger.rotation,
        refreshes=app.ledger.refreshes,
        reuses=app.ledger.reuses,
        modes=[mode for endpoint in Endpoint for mode in _modes(endpoint)],
        grants=[_described(grant) for grant in app.ledger.grants],
        requests=[entry.as_json() for entry in app.journal.entries],
    )


@blueprint.post("")
async def switch() -> ResponseReturnValue:
    wanted = order(await _fields())
    app = sandbox()
    if wanted.access_token_lifetime is not None:
        app.ledger.lifetime = wanted.access_token_lifetime
    if wanted.fault:
        app.faults.put(wanted.fault, wanted.endpoint, wanted.target.subjects())
    return await _done(
        mode=wanted.fault and wanted.fault.mode, access_token_lifetime=app.ledger.lifetime
    )


@blueprint.post("/revoke")
async def revoke() -> ResponseReturnValue:
    chosen = _chosen(target(await _fields()))
    for grant in chosen:
        sandbox().ledger.end(grant)
    return await _done(revoked=len(chosen))


@blueprint.post("/expire")
async def expire() -> ResponseReturnValue:
    chosen = _chosen(target(await _fields()))
    for grant in chosen:
        sandbox().ledger.expire(grant)
    return await _done(expired=len(chosen))


@blueprint.post("/reset")
async def reset() -> ResponseReturnValue:
    """All well again and nobody's grant left; the log and the counts stay."""
    if await _fields():
        raise BadOrderError("A reset is for everybody: it takes no fields.")
    app = sandbox()
    app.faults.clear()
    app.ledger.lifetime = app.settings.access_token_lifetime
    for grant in list(app.ledger.grants):
        app.ledger.end(grant)
    return await _done()


@blueprint.before_request
async def same_origin_only() -> tuple[Response, int] | None:
    if request.method != "GET" and is_foreign():
        return jsonify(error="Only the sandbox's own page and programs may do this."), 403
    return None


@blueprint.errorhandler(BadOrderError)
async def bad_order(error: BadOrderError) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400


async def _fields() -> Fields:
    body = await _body()
    if await _is_form():
        return {name: value for name, value in parse_qsl(body) if name not in PAGE_FIELDS}
    try:
        fields = json.loads(body or "{}")
    except ValueError:
        raise BadOrderError("The body is neither JSON nor a form.") from None
    if not isinstance(fields, dict):
        raise BadOrderError("The body must be a JSON object.")
    return fields


async def _is_form() -> bool:
    """`curl -d '{…}'` calls its JSON a form; it is not taken at its word."""
    return request.mimetype == FORM and not (await _body()).startswith("{")


async def _body() -> str:
    body: bytes = await request.body
    return body.decode(errors="replace").strip()


async def _done(**result: object) -> Response | Redirect:
    """A form goes back to its page, as it was; a program gets the result."""
    if not await _is_form():
        return jsonify(result)
    fields = parse_qsl(await _body())
    shown = urlencode([(name, value) for name, value in fields if name in PAGE_FIELDS])
    return redirect(f"/?{shown}" if shown else "/", 303)


def _chosen(whom: ControlTarget) -> list[IssuedGrant]:
    return [
        grant
        for grant in sandbox().ledger.grants
        if whom.covers(grant.client, grant.account, grant.id)
    ]


def _modes(endpoint: Endpoint) -> list[dict[str, object]]:
    faults = sandbox().faults
    return [
        {
            "endpoint": endpoint,
            "client": client.id,
            "account": account.id,
            "name": account.name,
            "mode": faults.of(endpoint, account.id).current,
            "left": faults.of(endpoint, account.id).left,
        }
        for client, account in everyone()
        if endpoint is Endpoint.API or faults.of(endpoint, account.id).current is not Mode.OK
    ]


def _described(grant: IssuedGrant) -> dict[str, object]:
    return {
        "id": grant.id,
        "client": grant.client.id,
        "account": grant.account.id,
        "name": grant.account.name,
        "scopes": list(grant.scopes),
        "given_at": grant.given_at,
        "access_until": max(grant.access.values(), default=None),
    }

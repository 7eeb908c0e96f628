"""The token endpoint (RFC 6749 4.1.3, 6) and the revocation endpoint (RFC 7009)."""

import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from quart import Blueprint, Response, jsonify, request

from app.sandbox._app import note, sandbox
from app.sandbox.catalogue import CLIENTS, Account, SandboxClient
from app.sandbox.errors import OAuthError
from app.sandbox.faults import OUTAGES, REFUSALS, Endpoint
from app.sandbox.ledger import Issued
from app.sandbox.misbehave import misbehave

blueprint = Blueprint("tokens", __name__)


@blueprint.post("/oauth/token")
async def token() -> Response:
    form = await _form()
    client = _authenticate(form)
    account = _account(form.get("code", ""), form.get("refresh_token", ""))
    note(client, account)
    await misbehave(Endpoint.TOKEN, client, account, OUTAGES | REFUSALS)
    issued = _issue(client, form)
    return jsonify(
        access_token=issued.access_token,
        token_type="Bearer",  # noqa: S106 - the type's name
        expires_in=issued.expires_in,
        refresh_token=issued.refresh_token,
        scope=" ".join(issued.scopes),
    )


@blueprint.post("/oauth/revoke")
async def revoke() -> Response:
    form = await _form()
    client = _authenticate(form)
    account = _account("", form.get("token", ""))
    note(client, account)
    await misbehave(Endpoint.REVOKE, client, account, OUTAGES | REFUSALS)
    sandbox().ledger.revoke(client, _required(form, "token"))
    return Response("", 200)


@blueprint.errorhandler(OAuthError)
async def refused(error: OAuthError) -> Response:
    answer = jsonify(error=error.error, error_description=error.description)
    answer.status_code = error.status
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
    return answer


@blueprint.after_request
async def keep_no_copy(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


async def _form() -> Mapping[str, str]:
    form = await request.form
    if any(len(values) > 1 for values in form.listvalues()):
        raise OAuthError("invalid_request", "a parameter is given twice")
    return form


def _authenticate(form: Mapping[str, str]) -> SandboxClient:
    """RFC 6749 2.3.1: in the Basic header, where both parts are form-encoded, or in the form."""
    basic = request.authorization
    if request.headers.get("Authorization") is None:
        return _client(form.get("client_id", ""), form.get("client_secret", ""))
    if "client_secret" in form:
        raise OAuthError("invalid_request", "the client authenticates in two ways")
    if basic is None or basic.type != "basic":
        raise OAuthError("invalid_client", "the Authorization header is not Basic", 401)
    client = _client(unquote_plus(basic.username or ""), unquote_plus(basic.password or ""))
    if form.get("client_id", client.id) != client.id:
        raise OAuthError("invalid_request", "client_id differs from the Authorization header")
    return client


def _client(client_id: str, secret: str) -> SandboxClient:
    client = CLIENTS.get(client_id)
    if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
        raise OAuthError("invalid_client", "unknown client or wrong secret", 401)
    return client


def _account(code: str, token: str) -> Account | None:
    grant = sandbox().ledger.holder(token)
    return grant.account if grant else sandbox().ledger.holder_of_code(code)


def _issue(client: SandboxClient, form: Mapping[str, str]) -> Issued:
    ledger = sandbox().ledger
    match _required(form, "grant_type"):
        case "authorization_code":
            code, uri = _required(form, "code"), _required(form, "redirect_uri")
            return ledger.exchange(client, code, uri, form.get("code_verifier", ""))
        case "refresh_token":
            scopes = tuple(form.get("scope", "").split())
            return ledger.refresh(client, _required(form, "refresh_token"), scopes)
    raise OAuthError("unsupported_grant_type", "authorization_code or refresh_token")


def _required(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"{name} is missing")
    return form[name]

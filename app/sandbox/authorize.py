"""The authorization endpoint with its consent page, and the server's metadata (RFC 8414)."""

from quart import Blueprint, Response, g, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from app.sandbox._app import note, sandbox
from app.sandbox.authorization import (
    AuthorizationRequest,
    ReturnAddress,
    authorization_request,
    return_address,
)
from app.sandbox.catalogue import SCOPES
from app.sandbox.errors import OAuthError, UntrustedError
from app.sandbox.guard import is_foreign

blueprint = Blueprint("authorize", __name__)


@blueprint.get("/oauth/authorize")
async def ask() -> Redirect | str:
    address = return_address(request.args)
    note(address.client, None)
    try:
        asked = _asked(address)
    except OAuthError as error:
        return _refuse(address, error.error, error.description)
    g.may_return_to = address.origin  # Chromium applies form-action to the redirect after a form
    return await render_template(
        "sandbox/consent.html", address=address, asked=asked, scope_words=SCOPES
    )


@blueprint.post("/oauth/authorize")
async def answer() -> Redirect:
    """The consent form posts to the address of its page, so the request comes along in the URL."""
    address = return_address(request.args)
    if is_foreign():
        raise UntrustedError("Ответ пришёл с чужой страницы, поэтому мы его не приняли.")
    form = await request.form
    account = address.client.account(form.get("account"))
    note(address.client, account)
    try:
        asked = _asked(address)
    except OAuthError as error:
        return _refuse(address, error.error, error.description)
    if form.get("decision") != "allow":
        return _refuse(address, "access_denied", "the person said no")
    if account is None:
        raise UntrustedError("Такого аккаунта нет. Вернитесь и выберите один из списка.")
    code = sandbox().ledger.authorize(asked, account)
    return redirect(address.with_answer(sandbox().settings.issuer, code=code), 303)


@blueprint.get("/.well-known/oauth-authorization-server")
async def metadata() -> Response:
    issuer = sandbox().settings.issuer
    return jsonify(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/oauth/authorize",
        token_endpoint=f"{issuer}/oauth/token",
        revocation_endpoint=f"{issuer}/oauth/revoke",
        scopes_supported=list(SCOPES),
        response_types_supported=["code"],
        grant_types_supported=["authorization_code", "refresh_token"],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
        revocation_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
        code_challenge_methods_supported=["S256"],
        authorization_response_iss_parameter_supported=True,
    )


@blueprint.errorhandler(UntrustedError)
async def untrusted(error: UntrustedError) -> tuple[str, int]:
    return await render_template("sandbox/error.html", text=str(error)), 400


def _asked(address: ReturnAddress) -> AuthorizationRequest:
    repeated = any(len(values) > 1 for values in request.args.listvalues())
    return authorization_request(address, request.args, repeated)


def _refuse(address: ReturnAddress, error: str, description: str) -> Redirect:
    issuer = sandbox().settings.issuer
    return redirect(address.with_answer(issuer, error=error, error_description=description), 303)

"""create_sandbox(): what the sandbox is put together from."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from quart import Response, g, render_template, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.sandbox import api, authorize, control, page, tokens
from app.sandbox._app import Sandbox
from app.sandbox.faults import Faults
from app.sandbox.guard import is_misdirected
from app.sandbox.journal import Journal
from app.sandbox.ledger import Ledger
from app.sandbox.settings import SandboxSettings

MISDIRECTED = 421  # RFC 9110 section 15.5.20
ROOT = Path(__file__).resolve().parents[2]
STATIC, TEMPLATES = f"{ROOT}/static", f"{ROOT}/templates"
LOGGED = {"authorize", "tokens", "api"}  # blueprints; the control page would only log itself
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)


def create_sandbox(
    settings: SandboxSettings | None = None, clock: Callable[[], float] = time.time
) -> Sandbox:
    app = Sandbox("app.sandbox", static_folder=STATIC, template_folder=TEMPLATES)
    app.settings = settings or SandboxSettings()
    app.ledger = Ledger(app.settings.access_token_lifetime, app.settings.rotation, clock)
    app.faults = Faults()
    app.journal = Journal(clock)
    app.stopping = asyncio.Event()
    for module in (authorize, tokens, api, control, page):
        app.register_blueprint(module.blueprint)
    app.register_error_handler(HTTPException, _http_error)
    app.before_request(_refuse_misdirected)
    _keep_journal(app)
    app.after_request(_secure)
    return app


def _keep_journal(app: Sandbox) -> None:
    @app.before_request
    async def open_entry() -> None:
        if request.blueprint in LOGGED:
            g.entry = app.journal.open(request.method, request.path)

    @app.after_request
    async def note_status(response: Response) -> Response:
        if "entry" in g:
            g.entry.status = response.status_code
        return response

    @app.teardown_request
    async def close_entry(_error: BaseException | None) -> None:
        if "entry" in g:  # also after a client that went away: then no response was made
            g.entry.close()


async def _refuse_misdirected() -> ResponseReturnValue | None:
    if is_misdirected():
        return "only names of this machine are served here", MISDIRECTED
    return None


async def _secure(response: Response) -> Response:
    response.headers.setdefault(
        "Content-Security-Policy",
        f"{CONTENT_SECURITY_POLICY} {g.get('may_return_to', '')}".rstrip(),
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


async def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return cast(Response, error.response)  # from abort(response)
    words = {404: "Такой страницы здесь нет.", 405: "Так эту страницу открыть нельзя."}
    text = words.get(error.code or 500, "Этот запрос песочница не поняла.")
    return await render_template("sandbox/error.html", text=text), error.code or 500

"""Authentication: every page needs a signed-in user, unless its view is marked `public`."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from quart import Response, g, jsonify, redirect, request
from quart.typing import ResponseReturnValue
from quart_auth import QuartAuth, current_user

from app import audit_log
from app.accounts import sessions as user_sessions
from app.audit_log import Actor, ActorKind
from app.connections import oauth_states
from app.connections.oauth_states import ConnectError
from app.web.context import Dashboard, dashboard, person_or_none, user_agent
from app.web.middleware.csrf import SAFE, refuse_cross_site
from app.web.middleware.prefetch import spend_nothing
from app.web.sse import ServerSentEvent

View = TypeVar("View", bound=Callable[..., Any])

COOKIE = "session"
HOME = "/connections"
STREAMS = ("stream.stream", "stream.stream_of_one")
CONTROL = {chr(code) for code in (*range(32), 127)}


def public(view: View) -> View:
    """A view that needs no log-in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def guard(app: Dashboard) -> None:
    """Installs, in this order: the CSRF check, the prefetch check, authentication, the audit log's
    actor.
    """
    secure = app.settings.secure_cookies
    QuartAuth(
        app,
        cookie_name=f"__Host-{COOKIE}" if secure else COOKIE,
        cookie_secure=secure,
        cookie_samesite="Lax",  # the OAuth callback is a cross-site navigation
        duration=int(user_sessions.SESSION_LIFE.total_seconds()),
    )
    app.before_request(refuse_cross_site)
    app.before_request(spend_nothing)
    app.before_request(_know_the_person)
    app.before_request(_know_the_actor)


def safe_next(target: str | None) -> str:
    """Where to go after log-in: a path of ours, or the connections."""
    plain = target is not None and not CONTROL & set(target)
    ours = plain and target.startswith("/") and not target.startswith(("//", "/\\"))  # type: ignore[union-attr]
    return str(target) if ours else HOME


async def _know_the_person() -> ResponseReturnValue | None:
    view = dashboard().view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static" or request.blueprint == "health":
        return None  # these answer while the database is away, too
    if token := current_user.auth_id:
        async with dashboard().database.reading() as session:
            g.person = await user_sessions.current_user(session, token)
    if person_or_none() is not None or getattr(view, "is_public", False):
        return None
    return await _ask_to_log_in()


async def _know_the_actor() -> None:
    """Who the audit log names for what this request does: the provider, or a user and a device."""
    if request.blueprint == "webhooks":
        audit_log.set_actor(Actor(ActorKind.PROVIDER))
    else:
        audit_log.set_actor(Actor(ActorKind.PERSON, user_agent()))


async def _ask_to_log_in() -> ResponseReturnValue:
    accepts = request.headers.get("Accept", "")
    if request.endpoint in STREAMS and "text/event-stream" in accepts:
        # The stream's client follows no redirect and retries every error: only an event ends it.
        return Response(
            ServerSentEvent("session-expired", "").encode(), mimetype="text/event-stream"
        )
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": _log_in_url(page_of(request.headers.get("HX-Current-URL")))}
    if request.accept_mimetypes.best == "application/json":
        return jsonify(error="not signed in"), 401
    if request.endpoint == "providers.callback":
        return redirect(_log_in_url(await _page_after_callback()), 303)
    page = request.full_path.rstrip("?") if request.method in SAFE else page_of(request.referrer)
    return redirect(_log_in_url(page), 303)


async def _page_after_callback() -> str:
    """Where to go after the log-in when the session ended during a connect. The authorization code
    is dropped: only the session that started may exchange it.
    """
    provider = request.path.removesuffix("/callback")
    async with dashboard().database.reading() as session:
        if await oauth_states.has_connected(
            session, provider.strip("/"), request.args.get("state", "")
        ):
            return HOME
    return f"{provider}?error={ConnectError.SIGNED_OUT}"


def _log_in_url(page: str) -> str:
    return f"/login?next={quote(safe_next(page), safe='/')}"


def page_of(url: str | None) -> str:
    """The path of the page that a request came from, if that page is ours."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return HOME
    if f"{parts.scheme}://{parts.netloc}" != dashboard().settings.public_url:
        return HOME
    return safe_next(parts.path + (f"?{parts.query}" if parts.query else ""))

"""What connecting and disconnecting end with: a message on the next page, or an error code in its
address.
"""

from quart import flash, redirect
from quart.typing import ResponseReturnValue

from app.connections.connect_result import ConnectPlace, ConnectResult
from app.connections.oauth_states import ConnectError
from app.models.connection import Status
from app.providers.provider import Provider
from app.web.connections.form_labels import BY_HAND
from app.web.connections.labels import FLASH
from app.web.connections.reconnect_labels import ELSEWHERE, WAITS, called, scope_news

CONNECTED = {Status.ONLINE: "connected", Status.CHECKING: "connected_waiting"}
GOOD_NEWS = (
    "connected",
    "key_replaced",
    "disconnected_proven",
    "disconnected_revoked",
    "disconnected_already",
    "disconnected_shared",
)


async def show_result(
    provider: Provider, result: ConnectResult | None, online: str = "connected"
) -> ResponseReturnValue:
    """Says what became of a grant, and which scopes it lost and gained; or asks where it belongs.

    None: its first check is still under way. `online` is the message where it works.
    """
    if result is not None and result.place is ConnectPlace.ASKS:
        return redirect(f"/connections/{result.connection_id}/choice", 303)
    if result is None:
        await flash_outcome("connected_waiting", provider)
    elif result.place is ConnectPlace.WAITS:
        await flash(WAITS.format(name=provider.title), "warn")
    elif result.place is ConnectPlace.ELSEWHERE:
        label = called(result.label, None)
        await flash(ELSEWHERE.format(name=provider.title, label=label), "warn")
    else:
        code = CONNECTED.get(result.status, "connected_failing")
        await flash_outcome(online if code == "connected" else code, provider)
    await _flash_scopes(provider, result)
    return redirect("/connections", 303)


def show_error(provider: str, error: ConnectError) -> ResponseReturnValue:
    """The provider's page says it in words."""
    return redirect(f"/{provider}?error={error.value}", 303)


async def flash_outcome(code: str, provider: Provider) -> None:
    """`code` is a key of FLASH."""
    category = "ok" if code in GOOD_NEWS else "warn"
    by_hand = provider.by_hand or BY_HAND
    await flash(FLASH[code].format(name=provider.title, by_hand=by_hand), category)


async def _flash_scopes(provider: Provider, result: ConnectResult | None) -> None:
    if result and (news := scope_news(provider, result.lost, result.gained)):
        await flash(news, "warn" if result.lost else "ok")

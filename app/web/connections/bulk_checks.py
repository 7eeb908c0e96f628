"""«Проверить все»: the button, and the progress of the bulk check on the page and its stream."""

from collections.abc import Iterable

from quart import Blueprint, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app.monitor import bulk_checks
from app.monitor.bulk_checks import Progress
from app.web.connections.bulk_check_labels import ALREADY_UNDER_WAY, BEGUN, too_soon
from app.web.connections.fragments import partial
from app.web.context import Dashboard, dashboard, person
from app.web.middleware.error_pages import error_page
from app.web.sse import ServerSentEvent

blueprint = Blueprint("bulk_checks", __name__)

PLACE = "round"  # the key of its event in a mailbox


@blueprint.post("/connections/checks")
async def begin() -> ResponseReturnValue:
    app = dashboard()
    user_id, interval = person().user_id, app.settings.interval
    async with app.database.sessions.begin() as session:
        begun = await bulk_checks.start(session, app.catalogue, user_id, interval)
        progress = (await bulk_checks.of_users(session, [user_id])).get(user_id)
    if begun.wait:
        page, status, headers = await error_page(429, too_soon(begun.wait))
        return page, status, headers | {"Retry-After": str(begun.wait)}
    if request.headers.get("HX-Request"):
        return await render_template("connections/_bulk_check.html", **facts(app, progress))
    await flash(ALREADY_UNDER_WAY if begun.joined else BEGUN, "ok")
    return redirect("/connections", 303)


@blueprint.post("/connections/checks/dismiss")
async def dismiss() -> ResponseReturnValue:
    """The strip with the outcome is closed, on the person's other pages too."""
    app, user_id = dashboard(), person().user_id
    async with app.database.sessions.begin() as session:
        await bulk_checks.dismiss(session, user_id)
        progress = (await bulk_checks.of_users(session, [user_id])).get(user_id)
    app.hub.tell(user_id, PLACE, await bulk_check_event(app, progress))
    if request.headers.get("HX-Request"):
        return await render_template("connections/_bulk_check.html", **facts(app, progress))
    return redirect("/connections", 303)


def facts(app: Dashboard, progress: Progress | None) -> dict[str, object]:
    """The variables of the fragment."""
    return {
        "progress": progress,
        "catalogue": app.catalogue,
        "checks_run": app.checks_run,
        "is_offline": app.is_offline,
    }


async def tell_bulk_checks(app: Dashboard, user_ids: Iterable[int]) -> None:
    """Sends the progress to the users among these who have a bulk check under way."""
    async with app.database.sessions() as session:
        found = await bulk_checks.of_users(session, set(user_ids))
    for user_id, progress in found.items():
        app.hub.tell(user_id, PLACE, await bulk_check_event(app, progress))


async def bulk_check_event(app: Dashboard, progress: Progress | None) -> bytes:
    template = app.jinja_env.get_template("connections/_bulk_check.html")
    html = await template.render_async(**facts(app, progress))
    return ServerSentEvent("", partial("#round", "innerMorph", html)).encode()

"""After a disconnect: how long the history is kept, and «Удалить историю сразу»."""

from uuid import UUID

from quart import Blueprint, abort, flash, redirect
from quart.typing import ResponseReturnValue

from app.connections import kept_history
from app.connections.kept_history import Kept
from app.i18n.connection_titles import full_title, quoted, title_of
from app.i18n.formatting import day
from app.web.context import dashboard, own_zone, person, titles

blueprint = Blueprint("kept_history", __name__)

IS_KEPT = (
    "Историю {title} храним до {day}. Подключите тот же аккаунт снова, и она вернётся: "
    "сбои, проценты, название и метки."
)
NOT_KEPT = (
    "История удалена: сервис не назвал аккаунт, и мы не узнали бы его, если подключить снова."
)
DELETED = "История {title} удалена."


@blueprint.post("/connections/<uuid:connection_id>/forget")
async def delete_at_once(connection_id: UUID) -> ResponseReturnValue:
    """404 for what is not kept (any more), or not for this person."""
    async with dashboard().database.sessions.begin() as session:
        gone = await kept_history.delete_at_once(session, person().user_id, connection_id)
    if gone is None:
        abort(404)
    await flash(DELETED.format(title=_called(gone)), "ok")
    return redirect("/connections", 303)


async def flash_kept(kept: Kept | None) -> None:
    """For the next page: the category says of which connection, whose history can be deleted."""
    if kept is None:
        await flash(NOT_KEPT, "ok")
        return
    said = IS_KEPT.format(title=_called(kept), day=day(kept.until, own_zone()))
    await flash(said, f"kept {kept.connection_id}")


def _called(kept: Kept) -> str:
    service = titles(dashboard())[kept.provider]
    return quoted(full_title(title_of(None, kept.label, service), service))

"""The page of the journal: what was done, by whom and when."""

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from app import journal
from app.web.dashboard import dashboard, person
from app.web.fragments import titles
from app.web.journal_wording import KINDS

blueprint = Blueprint("journal", __name__)


@blueprint.get("/journal")
async def index() -> ResponseReturnValue:
    app, kind = dashboard(), request.args.get("kind", "")
    before = request.args.get("before", "")
    _, deeds = KINDS.get(kind, ("", ()))
    async with app.database.sessions() as session:
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        entries = await journal.of_user(session, person().user_id, number, deeds)
    return await render_template(
        "journal/index.html",
        entries=entries,
        kinds=KINDS,
        kind=kind if kind in KINDS else "",
        older=entries[-1].id if len(entries) == journal.PAGE else None,
        newest=number is None,
        titles=titles(app),
    )

"""What a stranger may read: what this is, what is stored about people, and how to use it."""

from functools import cache
from pathlib import Path
from time import time

from markupsafe import Markup
from quart import Blueprint, redirect, render_template
from quart.typing import ResponseReturnValue

from app.config import ROOT
from app.web.connections.fragments import card_html
from app.web.connections.sample_board import sample_board
from app.web.context import Dashboard, dashboard, person_or_none
from app.web.markdown import heading_of, html_of
from app.web.middleware.authentication import public

blueprint = Blueprint("welcome", __name__)

PRIVACY = ROOT / "docs" / "privacy.md"  # unless PRIVACY_FILE names the operator's
BOARD_FRESH = 60.0  # seconds
HELP = ROOT / "docs" / "how-to-use.md"


@blueprint.get("/")
@public
async def home() -> ResponseReturnValue:
    """No query: a page that everybody may ask for costs the database nothing."""
    if person_or_none() is not None:
        return redirect("/connections", 303)
    app = dashboard()
    return await render_template(
        "welcome/index.html",
        board=await _board(app),
        interval=round(app.settings.interval),
        signup_open=app.settings.signup_open,
        sends_mail=app.settings.sends_mail,
    )


@blueprint.get("/privacy")
@public
async def privacy() -> ResponseReturnValue:
    return await _page_of(dashboard().settings.privacy_file or PRIVACY)


@blueprint.get("/help")
@public
async def how_to_use() -> ResponseReturnValue:
    return await _page_of(HELP)


async def _board(app: Dashboard) -> Markup:
    """The same for everybody, so it is rendered once a minute."""
    minute = int(time() // BOARD_FRESH)
    if app.sample_board[0] != minute:
        board = sample_board(app.catalogue, app.settings.zone)
        template = app.jinja_env.get_template("welcome/_board.html")
        html = await template.render_async(
            scenes=[await card_html(app, each) for each in board.scenes],
            others=[await card_html(app, each) for each in board.others],
        )
        app.sample_board = minute, Markup(html)  # noqa: S704 - our own template's
    return app.sample_board[1]


async def _page_of(file: Path) -> str:
    heading, text = _read(file)
    return await render_template("welcome/text.html", heading=heading, text=text)


@cache
def _read(file: Path) -> tuple[str, Markup]:
    """Once: a changed file is read by the next start."""
    text = file.read_text(encoding="utf-8")
    return heading_of(text), html_of(text)

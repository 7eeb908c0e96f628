"""Globals of all templates, and the variables that every page gets: who reads it, theme, time."""

from time import time

from app.config import ROOT
from app.history.flapping import FLAPPING_TRANSITIONS
from app.web import theme
from app.web.accounts.audit_labels import event_is_bad
from app.web.alerts import labels as alert_labels
from app.web.connections import bulk_check_labels
from app.web.context import Dashboard, own_zone, person_or_none
from app.web.icons import icon_of
from app.web.middleware.standby_reads import data_as_of
from app.web.middleware.static_files import StaticFiles
from app.web.reader_times import relative_time
from app.web.template_filters import add_filters


def equip_templates(app: Dashboard) -> None:
    """Raises ValueError where two filters have one name."""
    environment = app.jinja_env
    environment.trim_blocks = environment.lstrip_blocks = True
    static = StaticFiles(ROOT / "static")
    app.add_url_rule("/static/<path:filename>", "static", static.serve)
    # Where a browser looks by itself, on pages that are not HTML.
    app.add_url_rule("/favicon.ico", "static", static.serve, defaults={"filename": "favicon.ico"})
    add_filters(environment)
    environment.tests["bad_event"] = event_is_bad
    environment.globals.update(
        alert_words=alert_labels,
        flaps=FLAPPING_TRANSITIONS,
        icon=icon_of(static.url("icons.svg")),
        moment=relative_time(environment.filters["clock"]),
        bulk_check_words=bulk_check_labels,
        static_url=static.url,
    )
    app.context_processor(_of_the_reader)


async def _of_the_reader() -> dict[str, object]:
    known = person_or_none()
    return {
        "email": known.email if known else None,
        "waiting": known.waiting if known else 0,
        "theme": theme.current_theme(),
        "now": int(time()),  # static/relative_time.js computes the offset of its clock from it
        "own_zone": own_zone(),
        "data_as_of": data_as_of(),
    }

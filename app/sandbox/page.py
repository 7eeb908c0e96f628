"""The page at `/`: switches, grants and the last requests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

from quart import Blueprint, render_template, request

from app.sandbox._app import sandbox
from app.sandbox.catalogue import CLIENTS, Account, everyone
from app.sandbox.faults import OUTAGES, Endpoint, Fault, Mode

MOSCOW = timezone(timedelta(hours=3))  # fixed: a small system may lack the zone database
REFRESH = 5  # seconds

WORDS = {
    Mode.OK: ("Работает", "отвечает как положено"),
    Mode.ERROR: ("Сломан", "отвечает ошибкой 503"),
    Mode.TIMEOUT: ("Молчит", "не отвечает совсем"),
    Mode.SLOW: ("Тормозит", "отвечает на 3 секунды позже"),
    Mode.RATE_LIMITED: ("Просит подождать", "слишком много запросов, 429"),
    Mode.DENIED: ("Нет прав", "доступ закрыт, 403"),
    Mode.UNPAID: ("Не оплачен", "нужна оплата, 402"),
    Mode.GARBAGE: ("Шлёт мусор", "вместо данных чужая страница"),
    Mode.UNAUTHORIZED: ("Не узнаёт", "401, хотя доступ действует"),
}

blueprint = Blueprint("page", __name__)


@dataclass(frozen=True)
class Choice:
    """Whom the switches concern, as the page shows it and as its forms send it."""

    value: str
    title: str
    field: str  # the control field that says so
    accounts: tuple[Account, ...]

    @property
    def mode(self) -> Mode | None:
        """Which switch looks pressed: the one that all of them share."""
        modes = {_fault_of(account.id).current for account in self.accounts}
        return modes.pop() if len(modes) == 1 else None


@blueprint.get("/")
async def index() -> str:
    app = sandbox()
    still = "still" in request.args
    return await render_template(
        "sandbox/index.html",
        choice=_choice(request.args.get("for", "")),
        still=still,
        refresh=None if still else REFRESH,
        here=_here,
        clients=CLIENTS.values(),
        words=WORDS,
        fault_of=_fault_of,
        colour=_colour,
        grants=list(reversed(app.ledger.grants)),
        entries=list(reversed(app.journal.entries)),
        names=_names(),
        now=app.ledger.now(),
        clock=_clock,
    )


def _choice(value: str) -> Choice:
    if value in CLIENTS:
        return Choice(value, CLIENTS[value].name, "client", CLIENTS[value].accounts)
    for client, account in everyone():
        if account.id == value:
            return Choice(value, f"{client.name}, {account.name}", "account", (account,))
    return Choice("", "Все сервисы сразу", "", tuple(account for _, account in everyone()))


def _here(whom: str, still: bool) -> str:
    query = {"for": whom} if whom else {}
    query |= {"still": "1"} if still else {}
    return f"/?{urlencode(query)}" if query else "/"


def _fault_of(subject: str) -> Fault:
    return sandbox().faults.of(Endpoint.API, subject)


def _colour(mode: Mode) -> str:
    if mode is Mode.OK:
        return "ok"
    return "bad" if mode in OUTAGES - {Mode.SLOW, Mode.RATE_LIMITED} else "warn"


def _names() -> dict[str, str]:
    """By the ids of clients and of accounts."""
    names = {client.id: client.name for client in CLIENTS.values()}
    return names | {account.id: account.name for _, account in everyone()}


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone(MOSCOW).strftime("%H:%M:%S")

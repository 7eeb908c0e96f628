"""The e-mail channel. The Message-ID is the idempotency key: mailboxes that look at it show a
repeated message once; otherwise SMTP delivers at least once.
"""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from app.alerts.channels.base import Address, DeliveryRefused, Parcel, Post
from app.alerts.message import HELD_HEADING, AlertMessage, as_text
from app.config import ROOT
from app.outbound import smtp

FOOTER = (
    "Вы получили это письмо, потому что подключили сервисы в Связке.\n"
    "Настроить оповещения: {settings}\nНе присылать писем: {unsubscribe}"
)


async def send(post: Post, to: Address, parcel: Parcel) -> DeliveryRefused | None:
    public_url = post.settings.public_url
    unsubscribe = f"{public_url}/alerts/unsubscribe/{to.unsubscribe}"
    footer = FOOTER.format(settings=f"{public_url}/alerts", unsubscribe=unsubscribe)
    refused = await smtp.send(
        post.settings,
        smtp.Mail(
            to.email,
            parcel.letter.title,
            as_text(parcel.letter, footer),
            as_html(parcel.letter, public_url, unsubscribe),
            {
                # RFC 8058: one click in the mail program, without opening a page.
                "List-Unsubscribe": f"<{unsubscribe}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            id=str(parcel.id),
        ),
    )
    return DeliveryRefused(_why(refused)) if refused else None


def as_html(letter: AlertMessage, public_url: str, unsubscribe: str) -> str:
    return template("alerts/email/alert.html").render(
        letter=letter, held=HELD_HEADING, public_url=public_url, unsubscribe=unsubscribe
    )


def _why(refused: smtp.NotSent) -> str:
    if refused == smtp.NEEDS_UTF8:
        return "почтовый сервер не умеет писать на адреса с нелатинскими буквами до «@»"
    if refused.for_good:
        return "почтовый сервер не принимает письма на этот адрес"
    return "почтовый сервер не отвечает или просит подождать"


@cache
def template(name: str) -> Template:
    """Of a letter: these are made without a request, also where no page is served."""
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name)

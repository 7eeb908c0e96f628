"""Apprise, the optional extra: run where it is installed, and said plainly where it is not."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiohttp import web

from app.alerts.channels import Address, DeliveryRefused, Parcel, Post, apprise
from app.alerts.message import AlertMessage, Button
from app.alerts.types import Kind
from app.config import Settings
from app.outbound.client import HttpClient
from tests.support.servers import serving

installed = pytest.mark.skipif(not apprise.is_offered(True), reason="apprise is not installed")
LETTER = AlertMessage(
    Kind.TEST, "Проверка", "Всё работает.", "", Button("Открыть", "https://a.example/")
)


def parcel() -> Parcel:
    return Parcel(uuid4(), LETTER, None, {}, datetime.now(UTC))


async def test_it_is_not_used_unless_the_operator_allows_it(http: HttpClient) -> None:
    address = Address("anna@example.ru", uuid4(), {"url": "json://127.0.0.1/"})
    refused = await apprise.send(Post(Settings(), http), address, parcel())
    assert refused == DeliveryRefused(apprise.NOT_HERE)


@installed
async def test_any_of_its_services_gets_the_message(http: HttpClient) -> None:
    came: list[dict[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        came.append(await request.json())
        return web.Response()

    async with serving({"hook": take}) as url:
        target = {"url": url.replace("http://", "json://") + "/hook"}
        assert apprise.is_address(target["url"])
        post = Post(Settings(allow_apprise=True), http)
        address = Address("anna@example.ru", uuid4(), target)
        assert await apprise.send(post, address, parcel()) is None
    assert came[0]["title"] == "Проверка"
    assert "Всё работает." in came[0]["message"]
    assert await apprise.send(post, address, parcel()) == DeliveryRefused(
        apprise.REFUSED
    )  # it is gone


@installed
def test_what_it_does_not_understand_is_no_address() -> None:
    assert not apprise.is_address("nonsense")

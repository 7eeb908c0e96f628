"""The providers that the sandbox plays: invented clients, accounts and stores."""

from collections.abc import Iterator
from dataclasses import dataclass

SCOPES = {
    "store:read": "видеть ваши магазины: названия и адреса",
    "employee:read": "видеть список сотрудников",
    "device:read": "видеть список касс и терминалов",
    "product:read": "видеть товары и остатки",
    "document:read": "видеть чеки и документы",
    "profile": "видеть название и номер аккаунта",
    "offline_access": "проверять связь, когда вас нет на сайте",
}


@dataclass(frozen=True)
class Store:
    id: str
    name: str
    address: str


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    stores: tuple[Store, ...] = ()


@dataclass(frozen=True)
class SandboxClient:
    """What a program registers as; the name is the provider's whose part the sandbox plays."""

    id: str
    name: str
    accounts: tuple[Account, ...]
    scopes: tuple[str, ...] = ("profile", "offline_access")

    @property
    def secret(self) -> str:
        return f"{self.id}-secret"

    def account(self, account_id: str | None) -> Account | None:
        return next((each for each in self.accounts if each.id == account_id), None)


EVOTOR = SandboxClient(
    "evotor",
    "Эвотор",
    (
        Account(
            "01-000000000000001",
            "Основной магазин",
            (
                Store(
                    "20260112-7A10-40C1-8011-0A6E51B0C001",
                    "Основной магазин",
                    "Россия, г. Москва, ул. Садовая, 12",
                ),
            ),
        ),
        Account(
            "01-000000000000002",
            "Магазин на Ленина",
            (
                Store(
                    "20260305-91D4-4E02-8A3C-5D0F77A2C002",
                    "Магазин на Ленина",
                    "Россия, г. Тверь, пр. Ленина, 40",
                ),
                Store(
                    "20260406-2B7E-4F88-9C55-3E1D90B4C003", "Киоск у вокзала", "Россия, г. Тверь"
                ),
            ),
        ),
        Account("01-000000000000003", "Аккаунт без магазинов"),
    ),
    tuple(SCOPES),
)

CLIENTS = {
    client.id: client
    for client in (
        EVOTOR,
        SandboxClient(
            "sklad",
            "Учебный склад",
            (Account("wh-02", "Склад «Север»"), Account("wh-05", "Склад «Юг»")),
        ),
        SandboxClient(
            "dostavka",
            "Учебная доставка",
            (Account("acc-7719", "Доставка по городу"), Account("acc-7720", "Доставка по области")),
        ),
        SandboxClient(
            "oplata",
            "Учебная оплата",
            (Account("m-40817", "Касса на сайте"), Account("m-40818", "Касса в приложении")),
        ),
    )
}


def everyone() -> Iterator[tuple[SandboxClient, Account]]:
    for client in CLIENTS.values():
        for account in client.accounts:
            yield client, account

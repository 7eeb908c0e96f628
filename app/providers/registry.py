"""The catalogue of providers: built-in entries, and more of them or changes to them from
`PROVIDERS_FILE`.
"""

from dataclasses import replace

from app.config import Settings
from app.providers.builtin.amocrm import AMOCRM
from app.providers.builtin.bitrix24 import BITRIX24
from app.providers.builtin.evotor import EVOTOR
from app.providers.builtin.github import GITHUB
from app.providers.builtin.google import GOOGLE
from app.providers.builtin.moysklad import MOYSKLAD
from app.providers.builtin.ozon import OZON
from app.providers.builtin.shopify import SHOPIFY
from app.providers.builtin.square import SQUARE
from app.providers.builtin.stripe import STRIPE
from app.providers.builtin.vk import VK
from app.providers.builtin.wildberries import WILDBERRIES
from app.providers.builtin.yandex import YANDEX
from app.providers.builtin.yookassa import YOOKASSA
from app.providers.loader import load_catalogue
from app.providers.provider import Catalogue

BUILT_IN = (
    EVOTOR,
    MOYSKLAD,
    WILDBERRIES,
    OZON,
    SHOPIFY,
    YOOKASSA,
    STRIPE,
    SQUARE,
    AMOCRM,
    BITRIX24,
    VK,
    YANDEX,
    GOOGLE,
    GITHUB,
)


def catalogue_of(settings: Settings) -> Catalogue:
    """All known providers, as these settings have them. Raises ConfigurationError."""
    known = load_catalogue(
        BUILT_IN,
        settings.providers_file,
        settings.clients,
        settings.allow_insecure_providers,
        settings.webhook_secrets,
    )
    if settings.served is None:
        return known
    served = settings.served
    return {name: replace(each, withheld=name not in served) for name, each in known.items()}

"""The catalogue of providers: built-in entries, and more of them or changes to them from
PROVIDERS_FILE.
"""

from dataclasses import replace

from app.config import Settings
from app.providers.amocrm import AMOCRM
from app.providers.bitrix24 import BITRIX24
from app.providers.evotor import EVOTOR
from app.providers.github import GITHUB
from app.providers.google import GOOGLE
from app.providers.loading import load_catalogue as load_catalogue
from app.providers.loading import missing_variables as missing_variables
from app.providers.moysklad import MOYSKLAD
from app.providers.ozon import OZON
from app.providers.parts import Carrier as Carrier
from app.providers.parts import Field as Field
from app.providers.parts import Probe as Probe
from app.providers.parts import Push as Push
from app.providers.parts import Revocation as Revocation
from app.providers.parts import Rule as Rule
from app.providers.parts import Texts as Texts
from app.providers.provider import Catalogue as Catalogue
from app.providers.provider import Provider as Provider
from app.providers.quota import Quota as Quota
from app.providers.shopify import SHOPIFY
from app.providers.square import SQUARE
from app.providers.stripe import STRIPE
from app.providers.vk import VK
from app.providers.wildberries import WILDBERRIES
from app.providers.yandex import YANDEX
from app.providers.yookassa import YOOKASSA

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

"""Every built-in provider as its documentation describes it, to be played on a port of its own."""

from tests.providers.shapes.amocrm import AmoCrm
from tests.providers.shapes.bitrix24 import Bitrix24
from tests.providers.shapes.evotor import Evotor, EvotorDelivers
from tests.providers.shapes.github import GitHub
from tests.providers.shapes.google import Google
from tests.providers.shapes.moysklad import MoySklad
from tests.providers.shapes.ozon import Ozon
from tests.providers.shapes.service import Service
from tests.providers.shapes.shopify import Shopify
from tests.providers.shapes.square import Square
from tests.providers.shapes.stripe import Stripe
from tests.providers.shapes.vk import Vk
from tests.providers.shapes.wildberries import Wildberries
from tests.providers.shapes.yandex import Yandex
from tests.providers.shapes.yookassa import YooKassa

SHAPES: tuple[type[Service], ...] = (
    Evotor,
    MoySklad,
    Wildberries,
    Ozon,
    Shopify,
    YooKassa,
    Stripe,
    Square,
    AmoCrm,
    Bitrix24,
    Vk,
    Yandex,
    Google,
    GitHub,
    EvotorDelivers,
)

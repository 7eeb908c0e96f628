"""https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens (autumn 2026)"""

from app.providers.provider import Provider
from app.providers.spec_parts import POST, Field, Probe, RevocationSpec, Texts, TokenPlacement

# Expiring tokens: an hour, refreshed for 90 days and rotated. Neither PKCE nor the scope that the
# shop's name wants is mentioned, and the way to revoke is an old one seen in many applications.
SHOPIFY = Provider(
    name="shopify",
    title="Shopify",
    group="sales",
    icon="bi-cart3",
    about="Ваш магазин на Shopify.",
    needs="Войдите в магазин его владельцем или сотрудником с правом устанавливать приложения.",
    english=Texts(
        title="Shopify",
        about="Your shop at Shopify.",
        needs="Sign in to the shop as its owner, or as staff who may install applications.",
    ),
    docs="https://shopify.dev/docs/apps/build/authentication-authorization",
    fields=(
        Field(
            "shop",
            "Адрес магазина",
            "Например: my-shop.myshopify.com",
            pattern=r"[a-z0-9][a-z0-9-]*\.myshopify\.com",
            host=True,
        ),
    ),
    allowed_hosts=("myshopify.com",),
    authorization_endpoint="https://{shop}/admin/oauth/authorize",
    token_endpoint="https://{shop}/admin/oauth/access_token",
    scope_words={
        "read_products": "читать товары",
        "write_products": "читать и менять товары",
        "read_orders": "читать заказы",
        "write_orders": "читать и менять заказы",
        "read_inventory": "читать остатки",
        "read_customers": "читать список покупателей",
    },
    pkce=False,
    callback_keep=("shop",),
    callback_hmac=True,
    token_endpoint_auth_method=POST,
    token_params={"expiring": "1"},
    revocation=RevocationSpec(
        url="https://{shop}/admin/api_permissions/current.json",
        method="DELETE",
        headers={"X-Shopify-Access-Token": "{token}"},
    ),
    probe=Probe(
        url="https://{shop}/admin/api/2026-10/shop.json",
        token_placements=(TokenPlacement("X-Shopify-Access-Token", "{token}"),),
        label="shop.name",
        account="shop.id",
    ),
)

"""Constants of the tests."""

PUBLIC_URL = "http://127.0.0.1:8000"
PASSWORD = "a long enough password"
TOKEN_KEYS = (("k1", b"1" * 32),)

PROVIDERS_TOML = """
[providers.evotor]
authorization_endpoint = "{sandbox}/oauth/authorize"
token_endpoint = "{sandbox}/oauth/token"
revocation_endpoint = "{sandbox}/oauth/revoke"
issuer = "{sandbox}"
[providers.evotor.probe]
url = "{sandbox}/stores"

[providers.sklad]
name = "Мой склад"
icon = "bi-box-seam"
issuer = "{sandbox}"
authorization_endpoint = "{sandbox}/oauth/authorize"
token_endpoint = "{sandbox}/oauth/token"
revocation_endpoint = "{sandbox}/oauth/revoke"
scopes = ["profile", "offline_access"]
[providers.sklad.probe]
url = "{sandbox}/me"
label = "name"
account = "sub"
"""

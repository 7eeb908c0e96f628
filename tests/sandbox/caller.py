"""A program that connects to the sandbox, together with the person who consents."""

from urllib.parse import parse_qs, urlsplit

import httpx
from quart import Quart

REDIRECT_URI = "http://127.0.0.1:8000/evotor/callback"
MAIN_SHOP = "01-000000000000001"
OTHER_SHOP = "01-000000000000002"
NO_SHOP = "01-000000000000003"
VERIFIER = "a-verifier-that-is-long-enough-for-the-rule-of-43"
CHALLENGE = "aTHcuf1dzpEf1zNTFBMtRAg5g90QcrIBm3OIExpj7a0"
V2 = "application/vnd.evotor.v2+json"


class Caller:
    def __init__(self, http: httpx.AsyncClient, client_id: str = "evotor") -> None:
        self.http = http
        self.id = client_id
        self.basic = httpx.BasicAuth(client_id, f"{client_id}-secret")

    def asking(self, **changes: str) -> dict[str, str]:
        asked = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": REDIRECT_URI,
            "state": "st",
        }
        return {name: value for name, value in {**asked, **changes}.items() if value}

    async def ask(self, **changes: str) -> httpx.Response:
        return await self.http.get("/oauth/authorize", params=self.asking(**changes))

    async def consent(
        self, account: str = MAIN_SHOP, decision: str = "allow", **changes: str
    ) -> httpx.Response:
        form = {"account": account, "decision": decision}
        return await self.http.post("/oauth/authorize", params=self.asking(**changes), data=form)

    async def code(self, account: str = MAIN_SHOP, **changes: str) -> str:
        return answer_of(await self.consent(account, **changes))["code"]

    async def token(self, **form: str) -> httpx.Response:
        return await self.http.post("/oauth/token", auth=self.basic, data=form)

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        return await self.token(**{**form, **changes})

    async def refresh(self, refresh_token: str, **changes: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token, **changes)

    async def revoke(self, token: str) -> httpx.Response:
        return await self.http.post("/oauth/revoke", auth=self.basic, data={"token": token})

    async def connect(self, account: str = MAIN_SHOP) -> dict[str, str]:
        answer = await self.exchange(await self.code(account))
        return dict(answer.json())

    async def stores(self, access_token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {access_token}", "Accept": V2}
        return await self.http.get("/stores", headers=headers)

    async def control(self, path: str = "", /, **order: object) -> httpx.Response:
        return await self.http.post(f"/control{path}", json=order)


def reach(app: Quart) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # two spellings of ASGI
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def answer_of(redirect: httpx.Response) -> dict[str, str]:
    """What a redirect brings back to the client."""
    assert redirect.status_code == 303, redirect.text
    query = parse_qs(urlsplit(redirect.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}

"""What the database cannot hold is gone before a view reads it, wherever it was sent."""

import json

import pytest
from quart import Quart, jsonify, request
from quart.typing import ResponseReturnValue
from quart.typing import TestClientProtocol as Client

from app.web.json_body import json_body
from app.web.request_text import TextRequest


@pytest.fixture
def client() -> Client:
    app = Quart("echo")
    app.request_class = TextRequest

    @app.post("/")
    async def echo() -> ResponseReturnValue:
        form = (await request.form).to_dict(flat=False)
        return jsonify(args=request.args.to_dict(flat=False), form=form, json=await json_body())

    return app.test_client()


async def test_a_nul_in_an_address_or_a_form_becomes_a_replacement_character(
    client: Client,
) -> None:
    answer = await client.post(
        "/?q=a%00b&q=c&%00=1", form={"name": "анна\0", "n\0": "x", "plain": "да"}
    )
    echoed = await answer.get_json()
    assert echoed["args"] == {"q": ["a\ufffdb", "c"], "\ufffd": ["1"]}
    assert echoed["form"] == {"name": ["анна\ufffd"], "n\ufffd": ["x"], "plain": ["да"]}


async def test_json_is_read_likewise_at_any_depth(client: Client) -> None:
    sent = {"a\0": ["\ud800x", {"b": "c\0"}, 5, None, True, "😀"]}
    answer = await client.post("/", data=json.dumps(sent).encode())
    assert (await answer.get_json())["json"] == {
        "a\ufffd": ["\ufffdx", {"b": "c\ufffd"}, 5, None, True, "😀"]
    }


async def test_json_that_is_nested_too_deeply_is_none(client: Client) -> None:
    for depth in (300, 900, 5_000):
        answer = await client.post("/", data=b"[" * depth + b"]" * depth)
        assert answer.status_code == 200, depth

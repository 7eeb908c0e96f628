"""Why nothing was connected, in words."""

import pytest

from app.connections.oauth_states import ConnectError
from app.web.connections.connect_error_labels import (
    CONNECT_ERRORS,
    NOTHING_KEPT,
    OTHERS_STAY,
    connect_error,
)


def test_every_connect_error_has_words() -> None:
    assert set(CONNECT_ERRORS) == set(ConnectError)


@pytest.mark.parametrize("code", list(ConnectError))
@pytest.mark.parametrize(("others", "said"), [(False, NOTHING_KEPT), (True, OTHERS_STAY)])
def test_every_connect_error_tells_what_was_kept(
    code: ConnectError, others: bool, said: str
) -> None:
    message = connect_error(code, "Эвотор", others)
    assert message is not None
    assert said in message.text
    assert "{" not in message.title + message.text


def test_a_made_up_error_code_says_nothing() -> None:
    assert connect_error("<script>", "Эвотор") is None

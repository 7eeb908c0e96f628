"""Does a new grant belong to the connection that its reconnect was begun for? A table."""

import pytest

from app.connections.account_fit import AccountFit, fit
from app.connections.connect_result import changed_scopes
from app.models.connection import Cause

KNOWS_THE_GRANT = (None, Cause.ACCESS_DENIED, Cause.PAYMENT_REQUIRED)


@pytest.mark.parametrize("cause", [None, *Cause])
def test_the_same_account_takes_its_place_whatever_else_is_wrong(cause: Cause | None) -> None:
    assert fit("shop-1", "shop-1", cause) is AccountFit.TAKES_PLACE


@pytest.mark.parametrize("cause", [None, *Cause])
def test_another_account_is_for_the_person_to_decide(cause: Cause | None) -> None:
    assert fit("shop-2", "shop-1", cause) is AccountFit.ASKS


@pytest.mark.parametrize("cause", [None, *Cause])
@pytest.mark.parametrize("account", [None, "shop-2"])
def test_where_nobody_was_expected_everybody_fits(account: str | None, cause: Cause | None) -> None:
    assert fit(account, None, cause) is AccountFit.TAKES_PLACE


@pytest.mark.parametrize("cause", [None, *Cause])
def test_without_a_name_it_waits_unless_the_provider_knows_the_grant(cause: Cause | None) -> None:
    waits = cause not in KNOWS_THE_GRANT
    assert fit(None, "shop-1", cause) is (AccountFit.WAITS if waits else AccountFit.TAKES_PLACE)


@pytest.mark.parametrize(
    ("before", "after", "lost", "gained"),
    [
        (["read", "write"], ["read"], ("write",), ()),
        (["read"], ["write", "read"], (), ("write",)),
        (["read"], ["write"], ("read",), ("write",)),
        (["a", "b"], ["b", "a"], (), ()),
        ([], ["read"], (), ()),
        (["read"], [], (), ()),
    ],
)
def test_scopes_are_compared_where_both_are_known(
    before: list[str], after: list[str], lost: tuple[str, ...], gained: tuple[str, ...]
) -> None:
    assert changed_scopes(before, after) == (lost, gained)

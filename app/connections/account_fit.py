"""Does a new grant belong to the connection that its reconnect was begun for? Pure."""

from enum import StrEnum

from app.models.connection import Cause

# With these causes the provider has recognised the grant. If it did not name an account now, it
# will not name one at the next check either, so there is nothing to wait for.
NAMES_NOBODY = (None, Cause.ACCESS_DENIED, Cause.PAYMENT_REQUIRED)


class AccountFit(StrEnum):
    """Does a new grant belong to the connection that the reconnect was started for?"""

    TAKES_PLACE = "takes_place"
    ASKS = "asks"  # it is for another account: the user decides
    WAITS = "waits"  # its account is not known yet, and the next check may name it


def fit(account: str | None, expected: str | None, cause: str | None) -> AccountFit:
    """Compare the accounts as far as they are known; `cause` is what the last check found."""
    if expected is None or account == expected:
        return AccountFit.TAKES_PLACE
    if account is not None:
        return AccountFit.ASKS
    return AccountFit.TAKES_PLACE if cause in NAMES_NOBODY else AccountFit.WAITS

import pytest

from app.i18n.cause_texts import CAUSE_TEXTS
from app.models.connection import Cause
from app.monitor.verdict import CONFIRMED_STATUS

AMBER = {cause for cause, status in CONFIRMED_STATUS.items() if status == "degraded"}


def test_every_cause_has_its_texts() -> None:
    assert set(CAUSE_TEXTS) == set(Cause)


@pytest.mark.parametrize("cause", list(Cause))
def test_an_alert_tells_the_owner_what_to_do_just_where_it_is_their_move(cause: Cause) -> None:
    told = cause.fault == "you" and cause not in AMBER
    assert bool(CAUSE_TEXTS[cause].alert_next_step) is told


@pytest.mark.parametrize("cause", list(Cause))
def test_what_is_amber_for_good_makes_no_outage(cause: Cause) -> None:
    assert CAUSE_TEXTS[cause].makes_outages is (cause not in AMBER)


def test_a_key_that_the_provider_sends_is_not_asked_of_its_owner() -> None:
    revoked = CAUSE_TEXTS["revoked"]
    both = revoked.card_text(by_key=True, delivered=True)
    assert both is revoked.card_of_delivered
    assert revoked.card_text(by_key=True, delivered=False) is revoked.card_of_key
    assert revoked.card_text(by_key=False, delivered=False) is revoked.card


@pytest.mark.parametrize("cause", list(Cause))
def test_who_brought_a_key_is_sent_to_no_application(cause: Cause) -> None:
    text = CAUSE_TEXTS[cause].card_text(by_key=True, delivered=False)
    assert "приложени" not in f"{text.headline} {text.next_step}"

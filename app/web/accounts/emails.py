"""E-mails about an account: queued in the caller's transaction, and sent after its commit."""

from app.alerts import account_letters
from app.alerts.account_letter_texts import CHANGED
from app.models.account import AccountLetter, LetterKind
from app.web.context import Dashboard


def send(app: Dashboard, *letters: AccountLetter) -> None:
    """In the background: the time of an answer must not tell what a letter says, or to whom."""
    for letter in letters:
        app.unfinished.start(app.alerting.letter_sender.send(letter))


def tell(app: Dashboard, user_id: int, to: str, change: str) -> None:
    """Notifies the user of a change, in the background; without a mail server nothing is sent."""
    if app.settings.sends_mail:
        app.unfinished.start(_tell(app, user_id, to, change))


async def _tell(app: Dashboard, user_id: int, to: str, change: str) -> None:
    assert change in CHANGED  # noqa: S101 - a constant of ours
    async with app.database.sessions.begin() as session:
        letter = await account_letters.put(session, LetterKind.NOTICE, to, user_id, change)
    await app.alerting.letter_sender.send(letter)

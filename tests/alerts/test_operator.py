"""What an operator sets and runs for alerts."""

from argparse import Namespace
from pathlib import Path

import pytest

from app.alerts import channel_settings
from app.alerts.channels import webpush_encryption
from app.cli import commands
from app.config import read_settings
from app.database import key_rotation
from app.database.encryption import Keys
from app.database.engine import Database
from app.errors import ConfigurationError
from app.models.alert import AlertChannel
from tests.alerts.receivers import BOT_TOKEN
from tests.support.rows import add_person

OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)


def test_the_settings_of_alerts() -> None:
    key = webpush_encryption.new_vapid_key()
    settings = read_settings(
        {
            "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
            "TELEGRAM_API_BASE": "https://bot.example.ru/",
            "VAPID_PRIVATE_KEY": key,
            "ALLOW_APPRISE": "1",
        },
        (),
    )
    assert settings.telegram_api_base == "https://bot.example.ru"
    assert settings.allow_apprise
    assert BOT_TOKEN not in repr(settings)
    assert key not in repr(settings)
    usual = read_settings({}, ())
    assert not usual.telegram_bot_token
    assert not usual.allow_apprise


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TELEGRAM_BOT_TOKEN", "sesame"),
        ("TELEGRAM_API_BASE", "api.telegram.org"),
        ("VAPID_PRIVATE_KEY", "sesame"),
        ("VAPID_PRIVATE_KEY", "A" * 43),
        ("ALLOW_APPRISE", "yes"),
    ],
)
def test_a_wrong_one_is_named_and_not_repeated(variable: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings({variable: text}, ())
    assert variable in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_fresh_vapid_key_is_one_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.keys(Namespace(action="vapid"), {}) == 0
    key = capsys.readouterr().out.strip()
    assert read_settings({"VAPID_PRIVATE_KEY": key}, ()).vapid_private_key == key
    assert len(webpush_encryption.decoded(webpush_encryption.public_key(key))) == 65


def test_the_preview_says_where_it_is(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("messages")
    assert commands.alerts(Namespace(action="preview", to=str(folder)), {}) == 0
    shown = capsys.readouterr().out
    assert str(folder / "index.html") in shown
    assert Path(folder / "revoked.html").exists()


async def test_a_channels_target_is_sealed_anew_like_a_token(database: Database) -> None:
    async with database.sessions.begin() as session:
        user_id = await add_person(database)
        await channel_settings.add_webhook(
            session, Keys((OLD,)), user_id, "https://example.ru/hook"
        )
    async for _ in key_rotation.rotate(database.sessions, Keys((NEW, OLD))):
        pass
    async with database.sessions() as session:
        first, second = await channel_settings.of_person(session, user_id)
        assert (first.kind, second.kind) == ("email", "webhook")
        assert isinstance(second, AlertChannel)
        opened = Keys((NEW,)).open(second.target or b"", "alert_channels", second.id, "target")
        assert "https://example.ru/hook" in opened

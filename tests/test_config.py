"""Settings from the environment: every fault at once, and never a secret in a message."""

import base64
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from app.config import (
    NEEDED_BY_CHECKS,
    NEEDED_BY_DATABASE,
    NEEDED_BY_WEB,
    NEEDED_BY_WORKER,
    Settings,
    Smtp,
    read_settings,
)
from app.config_parsers import words
from app.errors import ConfigurationError

KEY = base64.b64encode(b"k" * 32).decode()
OLD, OLDER = "a secret of last year", "a secret of the year before"
GOOD = {
    "DATABASE_URL": "postgres://app:pass-word@db.example/links",
    "SECRET_KEY": "sixteen characters at least",
    "TOKEN_ENCRYPTION_KEYS": f"k1:{KEY}",
    "PUBLIC_URL": "https://links.example.ru",
}


def read(**variables: str) -> Settings:
    return read_settings(GOOD | variables, NEEDED_BY_WEB)


def faults(variables: dict[str, str], needed: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(variables, needed)
    return caught.value.faults


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = read()
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert (settings.interval, settings.timeout) == (600, 10)
    assert (settings.run_monitor, settings.signup_open) == (True, True)
    assert (settings.log_level, settings.trusted_hops) == ("info", 0)
    assert settings.zone.key == "Europe/Moscow"
    assert settings.providers_file is None
    assert len(settings.canary_hosts) >= 3
    assert not settings.allow_insecure_providers


@pytest.mark.parametrize(
    ("needed", "names"),
    [
        (NEEDED_BY_DATABASE, ["DATABASE_URL"]),
        (NEEDED_BY_CHECKS, ["DATABASE_URL", "TOKEN_ENCRYPTION_KEYS"]),
        (NEEDED_BY_WORKER, ["DATABASE_URL", "PUBLIC_URL", "TOKEN_ENCRYPTION_KEYS"]),
        (NEEDED_BY_WEB, ["DATABASE_URL", "PUBLIC_URL", "SECRET_KEY", "TOKEN_ENCRYPTION_KEYS"]),
        ((), []),
    ],
)
def test_a_command_names_all_that_it_lacks(needed: tuple[str, ...], names: list[str]) -> None:
    if not names:
        assert read_settings({}, needed).database_url == ""
        return
    assert sorted(faults({}, needed)) == [f"{name} is not set" for name in names]


def test_missing_and_malformed_are_told_together() -> None:
    told = faults({"PORT": "eighty", "SIGNUP": "maybe"}, NEEDED_BY_DATABASE)
    assert sorted(each.split()[0] for each in told) == ["DATABASE_URL", "PORT", "SIGNUP"]


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert faults({"DATABASE_URL": "  "}, NEEDED_BY_DATABASE) == ["DATABASE_URL is not set"]
    assert read(PORT="").port == 8000


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "value"),
    [
        ("DATABASE_URL", "postgresql://a@b/c", "database_url", "postgresql://a@b/c"),
        ("SECRET_KEY_FALLBACKS", f"{OLD}, {OLDER},", "secret_key_fallbacks", (OLD, OLDER)),
        ("PUBLIC_URL", "https://links.example.ru/", "public_url", "https://links.example.ru"),
        ("PUBLIC_URL", "http://127.0.0.1:8000", "public_url", "http://127.0.0.1:8000"),
        ("HOST", "127.0.0.1", "host", "127.0.0.1"),
        ("PORT", "65535", "port", 65535),
        ("HEALTH_CHECK_INTERVAL_SECONDS", "0.5", "interval", 0.5),
        ("HEALTH_CHECK_TIMEOUT_SECONDS", "3", "timeout", 3.0),
        ("RUN_MONITOR", "0", "run_monitor", False),
        ("SIGNUP", "closed", "signup_open", False),
        ("SIGNUP", "Open", "signup_open", True),
        ("MAIL_FROM", "mail@example.ru", "mail_from", "mail@example.ru"),
        ("MAIL_FROM", "Связка <mail@example.ru>", "mail_from", "Связка <mail@example.ru>"),
        ("PROVIDERS_FILE", "/etc/providers.toml", "providers_file", Path("/etc/providers.toml")),
        ("ALLOW_INSECURE_PROVIDERS", "1", "allow_insecure_providers", True),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("LOG_FORMAT", "json", "log_format", "json"),
        ("METRICS_TOKEN", OLD, "metrics_token", OLD),
        ("WEB_POOL_SIZE", "2", "web_pool_size", 2),
        ("WORKER_POOL_SIZE", "100", "worker_pool_size", 100),
        ("METRICS_PORT", "9000", "metrics_port", 9000),
        ("TRUSTED_HOPS", "2", "trusted_hops", 2),
        ("TRUSTED_HOPS", "0", "trusted_hops", 0),
    ],
)
def test_a_good_value_is_taken(variable: str, text: str, attribute: str, value: Any) -> None:
    assert getattr(read(**{variable: text}), attribute) == value


def test_a_web_process_that_checks_has_a_workers_connections_too() -> None:
    assert read().pool_size_of_web == 7
    assert read(RUN_MONITOR="0").pool_size_of_web == 4


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DATABASE_URL", "sqlite:///links.db"),
        ("DATABASE_URL", "mysql://a@b/c"),
        ("DATABASE_URL", "links"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "x"),
        ("SECRET_KEY", "a" * 64),
        ("SECRET_KEY_FALLBACKS", f"{OLD},short"),
        ("METRICS_TOKEN", "x"),
        ("EVOTOR_WEBHOOK_SECRET", "a" * 16),
        ("TOKEN_ENCRYPTION_KEYS", f"k1:{base64.b64encode(bytes(32)).decode()}"),
        ("PUBLIC_URL", "https://anna@links.example.ru"),
        ("PUBLIC_URL", "https://anna:secret@links.example.ru"),
        ("PUBLIC_URL", "https://links example.ru"),
        ("PUBLIC_URL", "https://links.example.ru:99999"),
        ("PUBLIC_URL", "https://links.example.ru?x=1"),
        ("PUBLIC_URL", "https://links.example.ru\\@evil.example"),
        ("PUBLIC_URL", "https://:443"),
        ("TELEGRAM_API_BASE", "http://api.telegram.org"),
        ("TELEGRAM_API_BASE", "https://anna@api.telegram.org"),
        ("TRUSTED_HOPS", "99"),
        ("TOKEN_ENCRYPTION_KEYS", KEY),
        ("TOKEN_ENCRYPTION_KEYS", f"K1:{KEY}"),
        ("TOKEN_ENCRYPTION_KEYS", f"k1:{KEY[:-4]}"),
        ("TOKEN_ENCRYPTION_KEYS", f"k1:{KEY},k1:{KEY}"),
        ("TOKEN_ENCRYPTION_KEYS", "k1:not base64!"),
        ("TOKEN_ENCRYPTION_KEYS", ","),
        ("PUBLIC_URL", "links.example.ru"),
        ("PUBLIC_URL", "https://links.example.ru/app"),
        ("PUBLIC_URL", "ftp://links.example.ru"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("HEALTH_CHECK_INTERVAL_SECONDS", "0"),
        ("HEALTH_CHECK_INTERVAL_SECONDS", "-5"),
        ("HEALTH_CHECK_INTERVAL_SECONDS", "nan"),
        ("HEALTH_CHECK_INTERVAL_SECONDS", "inf"),
        ("HEALTH_CHECK_TIMEOUT_SECONDS", "soon"),
        ("RUN_MONITOR", "yes"),
        ("SIGNUP", "maybe"),
        ("ALLOW_INSECURE_PROVIDERS", "true"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("WEB_POOL_SIZE", "0"),
        ("WORKER_POOL_SIZE", "101"),
        ("TRUSTED_HOPS", "-1"),
        ("TIME_ZONE", "Moscow"),
        ("TIME_ZONE", "../../etc/passwd"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(variable: str, text: str) -> None:
    (fault,) = faults(GOOD | {variable: text})
    assert fault.startswith(f"{variable} wants ")


@pytest.mark.parametrize("variable", ["SECRET_KEY", "METRICS_TOKEN", "EVOTOR_WEBHOOK_SECRET"])
def test_a_weak_secret_is_answered_with_how_to_make_a_good_one(variable: str) -> None:
    (fault,) = faults(GOOD | {variable: "a" * 16})
    assert "secrets.token_urlsafe(32)" in fault


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DATABASE_URL", "mysql://app:hunter2-secret@db.example/links"),
        ("SECRET_KEY", "hunter2-secret"),
        ("TOKEN_ENCRYPTION_KEYS", "k1:hunter2-secret"),
        # What looks like another letter after NFKC: the standard library would repeat it all.
        ("DATABASE_URL", "postgres://app:hunter2-secret℀@db.example/links"),
        ("SMTP_URL", "smtp://app:hunter2-secret℀@mail.example.ru"),
        ("DATABASE_URL", "postgres://app:hunter2-secret@[::1/links"),
    ],
)
def test_a_malformed_secret_is_not_repeated(variable: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(**{variable: text})
    assert f"{variable} wants " in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(
        read(
            EVOTOR_CLIENT_ID="the-id",
            EVOTOR_CLIENT_SECRET="client-secret",
            METRICS_TOKEN="metrics-secret-of-somebody",
            SECRET_KEY_FALLBACKS="old-secret-key-of-ours",
        )
    )
    for secret in ("pass-word", "sixteen", "kkkk", KEY, "client-secret", "metrics-", "old-secret"):
        assert secret not in shown
    assert "the-id" in shown


def test_several_keys_keep_their_order() -> None:
    other = base64.urlsafe_b64encode(b"\xff" * 32).decode()
    settings = read(TOKEN_ENCRYPTION_KEYS=f" new:{other} , old:{KEY} ")
    assert settings.token_keys == (("new", b"\xff" * 32), ("old", b"k" * 32))


def test_every_client_is_found_by_its_providers_name() -> None:
    clients = read(
        EVOTOR_CLIENT_ID="1", EVOTOR_CLIENT_SECRET="s", ACME_CLIENT_ID="2", EMPTY_CLIENT_ID=""
    ).clients
    assert {name: (each.id, each.secret) for name, each in clients.items()} == {
        "evotor": ("1", "s"),
        "acme": ("2", ""),
    }


def test_on_heroku_one_proxy_is_trusted() -> None:
    assert read(DYNO="web.1").trusted_hops == 1
    assert read(DYNO="web.1", TRUSTED_HOPS="0").trusted_hops == 0


def test_cookies_are_secure_where_people_come_by_https() -> None:
    assert read().secure_cookies
    assert not read(PUBLIC_URL="http://127.0.0.1:8000").secure_cookies


def test_the_canary_can_be_chosen_or_done_without() -> None:
    hosts = read(CANARY_HOSTS="one.example:443, [::1]:53").canary_hosts
    assert hosts == (("one.example", 443), ("::1", 53))
    assert read(CANARY_HOSTS="").canary_hosts == ()
    assert Settings().canary_hosts == ()  # nothing leaves this machine without the environment


@pytest.mark.parametrize("text", ["one.example", "one.example:0", ":443", "a:b", "a:99999"])
def test_a_canary_without_a_port_is_named(text: str) -> None:
    (fault,) = faults({"CANARY_HOSTS": text})
    assert fault == "CANARY_HOSTS wants HOST:PORT, comma-separated"


def test_a_mail_server_is_an_address_with_its_name_and_password() -> None:
    smtp = read(SMTP_URL="smtps://anna%40example.ru:p%2Fw@mail.example.ru", MAIL_FROM="a@b.ru").smtp
    assert smtp == Smtp("smtps", "mail.example.ru", 465, "anna@example.ru", "p/w")
    assert "p/w" not in repr(smtp)
    assert read(SMTP_URL="smtp://localhost", MAIL_FROM="a@b.ru").smtp == Smtp(
        "smtp", "localhost", 587
    )


def test_a_mail_server_wants_a_sender() -> None:
    told = faults({"SMTP_URL": "smtp://mail.example.ru"})
    assert told == ["MAIL_FROM is not set, and SMTP_URL wants it"]


@pytest.mark.parametrize(
    "text", ["mail.example.ru", "http://mail.example.ru", "smtp://", "smtp://user:sesame@host:0"]
)
def test_a_wrong_mail_server_is_told_without_its_password(text: str) -> None:
    (told,) = faults({"SMTP_URL": text, "MAIL_FROM": "a@b.ru"})
    assert told.startswith("SMTP_URL wants smtp://")
    assert "sesame" not in told


def test_every_setting_is_read_from_a_variable_or_belongs_to_a_provider() -> None:
    by_hand = {each.name for each in fields(Settings) if "variable" not in each.metadata}
    assert by_hand == {"clients", "webhook_secrets", "served"}
    names = [each.metadata["variable"] for each in fields(Settings) if each.name not in by_hand]
    assert len(set(names)) == len(names)


def test_every_fault_of_every_variable_is_in_one_message() -> None:
    wrong = {
        each.metadata["variable"]: "\0"
        for each in fields(Settings)
        if "variable" in each.metadata and each.metadata["parser"] not in (str, Path, words)
    }
    told = faults(wrong | {"EVOTOR_WEBHOOK_SECRET": "short"})
    assert {each.split()[0] for each in told} == set(wrong) | {"EVOTOR_WEBHOOK_SECRET"}
    assert all(" wants " in each for each in told)

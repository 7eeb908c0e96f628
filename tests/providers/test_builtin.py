"""The contract of every built-in entry: what a person, an operator and a log may rely on."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.models.connection import Cause
from app.monitor.response_reader import content_of, found, is_sound
from app.outbound.http1 import RawResponse
from app.providers.field_types import icons
from app.providers.loader import load_catalogue
from app.providers.placeholders import names_in
from app.providers.provider import API_KEY, GROUPS, NEVER, Provider
from app.providers.registry import BUILT_IN
from app.providers.spec_parts import CAUSES
from app.providers.validation import NAME, TAKEN, inconsistencies

every = pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.name)
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
SECRET = {"token", "client_secret", "refresh_token", "access_token"}
# Written otherwise in a file, or not at all
CODE_ONLY = {"name", "title", "client", "token_placements", "webhook_secret", "withheld"}


def addresses(entry: Provider) -> dict[str, str]:
    found = {
        "authorization": entry.authorization_endpoint,
        "token": entry.token_endpoint,
        "revocation_endpoint": entry.revocation_endpoint,
        "probe": entry.probe.url,
        "revocation": entry.revocation.url if entry.revocation else "",
    }
    return {key: address for key, address in found.items() if address}


def test_names_are_unique_and_no_path_of_the_dashboard() -> None:
    names = [each.name for each in BUILT_IN]
    titles = [each.title for each in BUILT_IN]
    assert len(set(names)) == len(names) == len(set(titles))
    assert all(NAME.fullmatch(name) for name in names)
    assert not set(names) & TAKEN


@every
def test_an_entry_fits_together(entry: Provider) -> None:
    assert inconsistencies(entry) == []


@every
def test_every_address_is_https_and_holds_no_secret(entry: Provider) -> None:
    for key, address in addresses(entry).items():
        kept_altogether = address.startswith("{") and entry.allowed_hosts
        assert address.startswith("https://") or kept_altogether, key
        assert urlsplit(address).username is None
        assert not names_in(address) & SECRET, key


@every
def test_a_person_reads_what_it_is_what_to_do_first_and_where_it_says_so(entry: Provider) -> None:
    for text in (entry.about, entry.needs):
        assert CYRILLIC.search(text), text
    assert entry.needs.endswith(".")
    assert entry.docs.startswith("https://")
    assert (entry.kind == API_KEY) == entry.key_url.startswith("https://")
    assert entry.icon in icons()
    assert entry.group in GROUPS
    assert entry.can_revoke or CYRILLIC.search(entry.by_hand)
    assert all(CYRILLIC.search(each.label) or each.label.isascii() for each in entry.fields)


@every
def test_the_same_is_said_in_english(entry: Provider) -> None:
    english = entry.english
    assert english.title
    assert all(text.endswith(".") for text in (english.about, english.needs))
    assert bool(english.by_hand) == bool(entry.by_hand)
    for text in (english.title, english.about, english.needs, english.by_hand):
        assert not CYRILLIC.search(text), text


@every
def test_what_we_ask_to_be_allowed_is_said_in_plain_words(entry: Provider) -> None:
    assert set(entry.scopes) <= set(entry.scope_words)
    assert all(CYRILLIC.search(words) for words in entry.scope_words.values())


@every
def test_an_account_is_named_and_told_from_others(entry: Provider) -> None:
    assert entry.probe.label
    assert entry.probe.account
    assert found(entry.probe.label, {}) in (None, "") or "kept" not in entry.probe.label


@every
def test_what_is_asked_of_a_provider_has_its_limits(entry: Provider) -> None:
    assert 1 <= entry.max_concurrency <= 20
    assert 0 < entry.max_rate <= 100


@every
def test_what_cannot_be_refreshed_is_never_tried(entry: Provider) -> None:
    if entry.kind != "oauth2":
        assert (entry.authorization_endpoint, entry.token_endpoint) == ("", "")
    elif entry.refresh == NEVER:
        assert "refresh_token" not in json.dumps(dict(entry.token_params))


@every
def test_it_can_be_written_in_a_file_word_by_word(entry: Provider, tmp_path: Path) -> None:
    """The same keys: an entry that is taken from the code and put into a file is the same one."""
    file = tmp_path / "providers.toml"
    file.write_text(as_toml(entry), encoding="utf-8")
    assert load_catalogue((), file, {}, False)[entry.name] == entry


@every
@pytest.mark.parametrize("said", [b'{"status": "maintenance"}', b"{}", b"[]", b"true", b"null"])
def test_what_names_nobody_is_no_good_answer(entry: Provider, said: bytes) -> None:
    response = RawResponse(200, {}, said)
    assert not is_sound(entry.probe, response, content_of(response))


def test_a_rule_names_causes_that_there_are() -> None:
    assert set(CAUSES) < {cause.value for cause in Cause}


def as_toml(entry: Provider) -> str:
    table = _changed(entry, Provider("", ""))
    probe = _changed(entry.probe, None)
    probe["carriers"] = [_named(each) for each in entry.probe.token_placements]
    if entry.push:
        push = _named(entry.push)
        push["carriers"] = [_named(each) for each in push.pop("token_placements")]
        table["push"] = push
    table |= {"name": entry.title, "probe": probe}
    return f"[providers]\n{entry.name} = {_toml(table)}\n"


def _changed(part: Any, base: Any) -> dict[str, Any]:
    values = {each.name: getattr(part, each.name) for each in fields(part)}
    return {
        name: value
        for name, value in values.items()
        if name not in CODE_ONLY and value is not None and value != getattr(base, name, None)
    }


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if hasattr(value, "__dataclass_fields__"):
        value = _named(value)
    if hasattr(value, "items"):
        pairs = (f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return json.dumps(value, ensure_ascii=False)


def _named(part: Any) -> dict[str, Any]:
    """The keys of a part as `[providers.X]` has them."""
    values = {each.name: getattr(part, each.name) for each in fields(part)}
    return {key: value for key, value in values.items() if value is not None}

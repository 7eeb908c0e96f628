"""The providers file: what a good entry makes, and how a bad one is told."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.config import Client
from app.errors import ConfigurationError
from app.providers.loader import load_catalogue, missing_variables
from app.providers.provider import Provider
from app.providers.quota import Quota
from app.providers.registry import BUILT_IN
from app.providers.spec_parts import TokenPlacement
from app.web import health, theme
from app.web.accounts import sign_in
from app.web.connections import index
from app.web.stream import routes
from tests.support.certificates import self_signed

CONTRACT = """
[providers.acme]
name = "Acme"
icon = "bi-plug"
issuer = "https://acme.example"
authorization_endpoint = "https://acme.example/auth"
token_endpoint = "https://acme.example/token"
revocation_endpoint = "https://acme.example/revoke"
scopes = ["openid", "offline_access"]
authorization_params = { prompt = "consent" }
token_endpoint_auth_method = "client_secret_basic"
pkce = true
ca_file = "CA_FILE"
max_concurrency = 20
max_rate = 100
min_interval = 0
quota = { requests = 10_000, period = "day" }

[providers.acme.probe]
url = "https://acme.example/me"
method = "GET"
headers = { Accept = "application/json" }
auth = "Bearer {token}"
label = "name"
account = "sub"
error = "error"
"""
SMALLEST = """
[providers.acme]
name = "Acme"
authorization_endpoint = "https://acme.example/auth"
token_endpoint = "https://acme.example/token"
[providers.acme.probe]
url = "https://acme.example/me"
"""
BAD = [  # key, value, and what is said
    ("name", "5", "wants a text"),
    ("icon", "[]", "wants a symbol of static/icons.svg"),
    ("authorization_endpoint", '"http://acme.example/auth"', "wants an https address"),
    ("token_endpoint", '"acme.example"', "wants an https address"),
    ("token_endpoint", '"https://"', "wants an https address"),
    ("token_endpoint", '"https://user:pass@acme.example"', "wants an https address"),
    ("token_endpoint", '"https://acme.example:99999/"', "wants an https address"),
    ("token_endpoint", '"https://[::1/"', "wants an https address"),
    ("revocation_endpoint", '"ftp://acme.example"', "wants an https address"),
    ("scopes", '"openid"', "wants a list of texts"),
    ("scopes", "[1]", "scopes[0] wants a text"),
    ("scope_words", '["openid"]', "wants a table of texts"),
    ("scope_words", "{ openid = 1 }", "scope_words.openid wants a text"),
    ("authorization_params", '"prompt"', "wants a table of texts"),
    ("authorization_params", "{ max_age = 1 }", "params.max_age wants a text"),
    ("authorization_params", '{ state = "x" }', "is set by the dashboard itself"),
    ("token_endpoint_auth_method", '"private_key_jwt"', "wants client_secret_basic, "),
    ("pkce", '"yes"', "wants true or false"),
    ("ca_file", '"/no/such/file.pem"', "wants a readable PEM file"),
    ("max_concurrency", "0", "wants a whole number from 1 to 1000"),
    ("max_concurrency", "true", "wants a whole number from 1 to 1000"),
    ("max_concurrency", "1.5", "wants a whole number from 1 to 1000"),
    ("max_rate", "0", "wants a number above 0, at most 10000"),
    ("max_rate", "nan", "wants a number above 0, at most 10000"),
    ("max_rate", "true", "wants a number above 0, at most 10000"),
    ("max_rate", '"5"', "wants a number above 0, at most 10000"),
    ("min_interval", "-1", "wants seconds, from 0 to 86400"),
    ("min_interval", "100_000", "wants seconds, from 0 to 86400"),
    ("refusals_told_after", "-1", "wants seconds, from 0 to 86400"),
    ("quota", "5", "wants a table of requests, period"),
    ("quota", "{ requests = 5 }", "quota.period is needed"),
    ("quota", '{ requests = 0, period = "day" }', "wants a whole number above 0"),
    ("quota", '{ requests = 5, period = "week" }', "wants minute, hour or day"),
    ("quota", "{ requests = 5, period = [] }", "wants minute, hour or day"),
    ("colour", '"red"', "is not a key of a provider"),
    ("probe.url", '"http://acme.example/me"', "wants an https address"),
    ("probe.method", '"DELETE"', "wants GET, POST or HEAD"),
    ("probe.headers", '"Accept"', "wants a table of texts"),
    ("probe.auth", '"Bearer"', "with {token} in it"),
    ("probe.label", '"name["', "wants a JMESPath expression"),
    ("probe.account", "5", "wants a text"),
    ("probe.expect", '"result["', "wants a JMESPath expression"),
    ("probe.expect", "true", "wants a text"),
    ("probe.body", '"x"', "is none of url, method, headers, header, auth"),
    ("revocation", '{ header = "x" }', "is none of url, method, auth, headers"),
    ("english", '{ name = "x" }', "name is none of title, about, needs, by_hand"),
    ("cancel_errors", '"no"', "wants a list of texts"),
    ("token_path", '"authed_user["', "wants a JMESPath expression"),
    ("token_path", "5", "wants a text"),
    ("revocation_format", '"xml"', "wants form or json"),
    ("push", '{ where = "x", were = "y" }', "were is none of where, account, token, code"),
    ("quota", '{ requests = 5, period = "day", per = 1 }', "per is none of requests, period"),
    ("fields", '[{ name = "x" }]', "fields[0].label is needed"),
    ("fields", '[{ name = "x", label = "y", about = "z" }]', "about is none of name, label"),
    ("fields", '[{ name = "x", label = "y", refuse = { "a[" = "z" } }]', "wants a JMESPath"),
    ("fields", "[5]", "fields[0] wants a table of name, label, hint"),
    ("fields", "{}", "wants a list of tables"),
    ("allowed_hosts", '["*.acme.example"]', "allowed_hosts[0] wants the end of a host name"),
    ("expiry", "0", "wants expires_in, expires_at, jwt, none, or a number of seconds"),
    ("token_errors", '{ expired = "gone" }', "token_errors.expired wants access_denied, "),
    ("probe.carriers", '[{ header = "A b" }]', "carriers[0].header wants the name of a header"),
    ("probe.carriers", '[{ value = "{token}" }]', "carriers[0].value is none of header, auth"),
    ("probe.classify", "[{ status = 403 }]", "classify[0].cause is needed"),
    ("probe.classify", '[{ cause = "ok", code = 5 }]', "code is none of status, when, cause"),
    ("probe.classify", '[{ cause = "ok", status = 99 }]', "a whole number from 100 to 599"),
]


def load(directory: Path, content: str, insecure: bool = False, **clients: Client) -> Any:
    file = directory / "providers.toml"
    file.write_text(content, encoding="utf-8")
    return load_catalogue(BUILT_IN, file, clients, insecure)


def faults(directory: Path, content: str, insecure: bool = False) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(directory, content, insecure)
    return caught.value.faults


def changed(key: str, value: str) -> str:
    """The smallest entry with one more key, or with another value for one that it has."""
    place, _, name = key.rpartition(".")
    rest = [line for line in SMALLEST.splitlines() if not line.startswith(f"{name} =")]
    header = "[providers.acme.probe]" if place else "[providers.acme]"
    at = next((n for n, line in enumerate(rest) if line == header))
    return "\n".join([*rest[: at + 1], f"{name} = {value}", *rest[at + 1 :]])


def test_the_contracts_example_loads(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    content = CONTRACT.replace("CA_FILE", str(certificate))
    acme: Provider = load(tmp_path, content, acme=Client("id", "secret"))["acme"]
    assert (acme.name, acme.title, acme.icon) == ("acme", "Acme", "bi-plug")
    assert acme.scopes == ("openid", "offline_access")
    assert acme.authorization_params == {"prompt": "consent"}
    assert acme.probe.token_placements == (TokenPlacement("Authorization", "Bearer {token}"),)
    assert (acme.probe.label, acme.probe.account, acme.probe.error) == ("name", "sub", "error")
    assert (acme.max_concurrency, acme.pkce, acme.configured) == (20, True, True)
    assert (acme.max_rate, acme.min_interval, acme.quota) == (100.0, 0.0, Quota(10_000, "day"))


def test_the_smallest_entry_has_good_defaults(tmp_path: Path) -> None:
    acme: Provider = load(tmp_path, SMALLEST)["acme"]
    assert (acme.pkce, acme.token_endpoint_auth_method) == (True, "client_secret_basic")
    assert (acme.probe.method, acme.probe.error) == ("GET", "error")
    assert (acme.icon, acme.configured) == ("bi-plug", False)
    assert (acme.max_rate, acme.min_interval, acme.quota) == (100.0, 0.0, None)


def test_token_answers_cancels_and_revocations_may_be_of_its_own_kind(tmp_path: Path) -> None:
    keys = """
        cancel_errors = ["E-1042"]
        token_path = "authed_user"
        revocation_format = "json"
        [providers.acme.probe]
    """
    acme: Provider = load(tmp_path, SMALLEST.replace("[providers.acme.probe]", keys))["acme"]
    assert (acme.cancel_errors, acme.token_path) == (("E-1042",), "authed_user")
    assert acme.revocation_format == "json"


def test_what_must_be_there_is_read_and_refused_where_there_is_no_body(tmp_path: Path) -> None:
    content = changed("probe.expect", "'result.id'")
    acme: Provider = load(tmp_path, content)["acme"]
    assert acme.probe.expect == "result.id"
    (fault,) = faults(tmp_path, content + '\nmethod = "HEAD"\n')
    assert fault == "providers.acme.probe.expect is not possible with HEAD"


def test_without_a_file_there_are_the_built_in_ones() -> None:
    catalogue = load_catalogue(BUILT_IN, None, {"evotor": Client("id", "secret")}, False)
    assert list(catalogue) == [each.name for each in BUILT_IN]
    offered = {each.name for each in catalogue.values() if each.configured}
    assert offered == {"evotor"} | {each.name for each in BUILT_IN if each.kind == "api_key"}


def test_an_override_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    content = """
        [providers.evotor]
        token_endpoint = "https://proxy.example/token"
        probe.url = "https://proxy.example/stores"
    """
    evotor: Provider = load(tmp_path, content)["evotor"]
    built_in = BUILT_IN[0]
    assert evotor.token_endpoint == "https://proxy.example/token"
    assert evotor.authorization_endpoint == built_in.authorization_endpoint
    assert evotor.probe.url == "https://proxy.example/stores"
    assert evotor.probe.token_placements == built_in.probe.token_placements
    assert evotor.title == "Эвотор"


def test_a_token_may_travel_in_a_header_of_its_own(tmp_path: Path) -> None:
    content = SMALLEST + 'header = "X-Authorization"\nauth = "{token}"\n'
    assert load(tmp_path, content)["acme"].probe.token_placements == (
        TokenPlacement("X-Authorization", "{token}"),
    )


@pytest.mark.parametrize(("key", "value", "expected"), BAD)
def test_a_fault_names_entry_and_key_and_what_was_expected(
    tmp_path: Path, key: str, value: str, expected: str
) -> None:
    (fault,) = faults(tmp_path, changed(key, value))
    assert fault.startswith(f"providers.acme.{key}")
    assert expected in fault


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ('"X Authorization"', "wants the name of a header"),
        ('"X-Auth\\r\\nEvil: 1"', "wants the name of a header"),
        ('""', "wants the name of a header"),
    ],
)
def test_a_header_that_cannot_be_sent_is_told_at_the_start(
    tmp_path: Path, value: str, fault: str
) -> None:
    assert faults(tmp_path, changed("probe.header", value))


def test_every_fault_of_every_list_and_table_is_told(tmp_path: Path) -> None:
    content = changed("fields", '[{ label = 5 }, { name = "x", label = "y", host = "no" }]')
    content += """
        headers = { "a_b c" = "x", Accept = "ü" }
        classify = [{ cause = "?" }, { when = "[" }]
    """
    told = {each.split(" wants ")[0].split(" is ")[0] for each in faults(tmp_path, content)}
    assert {each.removeprefix("providers.acme.") for each in told} == {
        "fields[0].name",
        "fields[0].label",
        "fields[1].host",
        "probe.headers.a_b c",
        "probe.headers.Accept",
        "probe.classify[0].cause",
        "probe.classify[1].cause",
        "probe.classify[1].when",
    }


@pytest.mark.parametrize("key", ["english", "probe", "revocation"])
@pytest.mark.parametrize("name", ["evotor", "github"])
def test_an_empty_table_changes_nothing(tmp_path: Path, name: str, key: str) -> None:
    (built_in,) = (each for each in BUILT_IN if each.name == name)
    assert load(tmp_path, f"[providers.{name}.{key}]")[name] == built_in


def test_what_is_needed_and_missing_is_named(tmp_path: Path) -> None:
    assert sorted(faults(tmp_path, "[providers.acme]")) == [
        "providers.acme.authorization_endpoint is needed for a provider of kind oauth2",
        "providers.acme.name is needed",
        "providers.acme.probe.url is needed",
        "providers.acme.token_endpoint is needed for a provider of kind oauth2",
    ]


def test_several_faults_in_several_entries_are_told_together(tmp_path: Path) -> None:
    content = changed("pkce", "1") + '\n[providers.beta]\nname = 1\n[providers.login]\nname = "x"\n'
    told = faults(tmp_path, content)
    for entry in ("acme.pkce", "beta.name", "beta.token_endpoint", "login wants"):
        assert any(fault.startswith(f"providers.{entry}") for fault in told), entry


@pytest.mark.parametrize("name", ["Acme", "a", "7up", "my-shop", "a" * 32, "магазин", '"a b"'])
def test_a_name_is_lower_case_letters_and_digits(tmp_path: Path, name: str) -> None:
    quoted = name if name.startswith('"') else f'"{name}"'
    (fault, *_) = faults(tmp_path, SMALLEST.replace(".acme", f".{quoted}"))
    assert "wants a name of a–z and 0–9" in fault


def test_no_provider_may_take_a_path_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        function
        for part in (index, health, sign_in, routes, theme)
        for function in part.blueprint.deferred_functions
    ]
    assert rules
    for name in ("account", "connections", "healthz", "login", "logout", "metrics", "providers"):
        (fault, *_) = faults(tmp_path, SMALLEST.replace(".acme", f".{name}"))
        assert "not a path of the dashboard" in fault


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["localhost:8001", "127.0.0.1", "[::1]:8001"])
def test_loopback_is_only_for_those_who_switched_it_on(
    tmp_path: Path, scheme: str, host: str
) -> None:
    own = f"{scheme}://{host}"
    content = SMALLEST.replace("https://acme.example", own)
    assert load(tmp_path, content, insecure=True)["acme"].token_endpoint == f"{own}/token"
    assert len(faults(tmp_path, content)) == 3


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fc00::1]", "127.0.0.2"])
def test_an_address_of_nobody_on_the_internet_is_refused(tmp_path: Path, host: str) -> None:
    content = SMALLEST.replace("https://acme.example", f"https://{host}")
    assert len(faults(tmp_path, content, insecure=True)) == 3


@pytest.mark.parametrize(
    "host", ["acme.example", "localhost.acme.example", "127.0.0.1.acme.example", "10.0.0.1"]
)
def test_http_elsewhere_is_refused_even_with_the_switch(tmp_path: Path, host: str) -> None:
    content = SMALLEST.replace("https://acme.example", f"http://{host}")
    assert len(faults(tmp_path, content, insecure=True)) == 3


@pytest.mark.parametrize(
    "content", ["not toml [", "[provider.acme]", "providers = 5", "[[providers]]", "x = 1"]
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    (fault,) = faults(tmp_path, content)
    assert fault.startswith(f"PROVIDERS_FILE {tmp_path}/providers.toml: ")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[providers]\nacme = 5", "providers.acme wants a table"),
        ("[providers.acme]\nprobe = 5", "providers.acme.probe wants a table of url, method, "),
    ],
)
def test_a_value_where_a_table_belongs_is_named(tmp_path: Path, content: str, fault: str) -> None:
    assert any(each.startswith(fault) for each in faults(tmp_path, content))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"PROVIDERS_FILE .*: No such file"):
        load_catalogue(BUILT_IN, tmp_path / "nowhere.toml", {}, False)
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="PROVIDERS_FILE"):
        load_catalogue(BUILT_IN, tmp_path / "latin.toml", {}, False)


def test_the_contracts_example_is_toml() -> None:
    assert set(tomllib.loads(CONTRACT)["providers"]) == {"acme"}


def test_an_id_without_the_secret_that_it_needs_is_no_client() -> None:
    catalogue = load_catalogue(BUILT_IN, None, {"evotor": Client("us", "")}, False)
    assert not catalogue["evotor"].configured
    assert missing_variables(catalogue["evotor"]) == ["EVOTOR_CLIENT_ID", "EVOTOR_CLIENT_SECRET"]


def test_an_icon_that_nobody_has_drawn_is_a_mistake(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, changed("icon", '"bi-zzz"'))
    assert fault.startswith("providers.acme.icon wants a symbol")


def test_the_hard_cases_are_asked_as_rarely_as_they_want() -> None:
    entries = {each.name: each for each in BUILT_IN}
    wildberries, moysklad = entries["wildberries"], entries["moysklad"]
    assert wildberries.spacing == 120  # of one request a minute, half is ours
    assert wildberries.spending(600) == 144
    assert "/ping" not in wildberries.probe.url
    assert moysklad.max_rate * 60 < 200  # failing requests in a minute that close the door
    assert moysklad.spacing == 60
    assert moysklad.probe.headers["Accept-Encoding"] == "gzip"

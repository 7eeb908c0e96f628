"""DATABASE_URL as libpq takes it: understood, or refused by the name of what is not."""

import re
from pathlib import Path

import pytest

from app.postgres_url import PARAMETERS, parse_postgres_url
from tests.support.certificates import self_signed

# https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
OF_LIBPQ = re.findall(
    r"\w+",
    """
    host hostaddr port dbname user password passfile require_auth channel_binding
    connect_timeout client_encoding options application_name fallback_application_name
    keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
    replication gssencmode sslmode requiressl sslnegotiation sslcompression sslcert sslkey
    sslkeylogfile sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer
    ssl_min_protocol_version ssl_max_protocol_version min_protocol_version
    max_protocol_version krbsrvname gsslib gssdelegation scram_client_key scram_server_key
    service target_session_attrs load_balance_hosts oauth_issuer oauth_client_id
    oauth_client_secret oauth_scope
    """,
)


@pytest.mark.parametrize(
    ("text", "dsns"),
    [
        ("postgres://a@b/c", ["postgresql://a@b/c"]),
        ("postgresql://a@b/c", ["postgresql://a@b/c"]),
        ("postgresql+asyncpg://a@b/c", ["postgresql://a@b/c"]),
        ("postgres://a:p%40ss@db.example:5433/c", ["postgresql://a:p%40ss@db.example:5433/c"]),
        ("postgres://a@[::1]:5433/c", ["postgresql://a@[::1]:5433/c"]),
        ("postgres://a@one,two:5433/c", ["postgresql://a@one/c", "postgresql://a@two:5433/c"]),
        ("postgres://a@%2Fvar%2Frun/c", ["postgresql://a@%2Fvar%2Frun/c"]),
        ("postgres://a@/c?host=/run/pg", ["postgresql://a@/c?host=%2Frun%2Fpg"]),
        ("postgres:///c?host=/run/pg&user=a", ["postgresql:///c?host=%2Frun%2Fpg&user=a"]),
        ("postgres:///c", ["postgresql:///c?"]),
        (
            "postgres:///c?host=one,two&port=5432,5433",
            [
                "postgresql:///c?host=one&port=5432",
                "postgresql:///c?host=two&port=5433",
            ],
        ),
        ("postgres://a@b?dbname=c", ["postgresql://a@b?dbname=c"]),
        ("postgres://a@b/c?sslmode=require", ["postgresql://a@b/c?sslmode=require"]),
        ("postgres://a@b/c?connect_timeout=5&gssencmode=prefer", ["postgresql://a@b/c"]),
    ],
)
def test_hosts_and_what_the_driver_reads_are_handed_to_it(text: str, dsns: list[str]) -> None:
    assert list(parse_postgres_url(text).dsns) == dsns


def test_what_the_driver_does_not_read_is_ours() -> None:
    url = parse_postgres_url(
        "postgres://a@b/c?application_name=links&options=-c%20work_mem=8MB&connect_timeout=5"
        "&keepalives=1&keepalives_idle=30&tcp_user_timeout=9000&pgbouncer=true"
        "&target_session_attrs=read-write"
    )
    assert (url.name, url.options, url.connect_timeout) == ("links", "-c work_mem=8MB", 5.0)
    assert url.keepalives == {"keepalives": 1, "keepalives_idle": 30, "tcp_user_timeout": 9000}
    assert (url.pooled, url.wanted) == (True, "read-write")


@pytest.mark.parametrize(("text", "seconds"), [("0", None), ("1", 2.0), ("7", 7.0)])
def test_a_time_to_connect_is_as_libpq_reads_it(text: str, seconds: float | None) -> None:
    assert parse_postgres_url(f"postgres://a@b/c?connect_timeout={text}").connect_timeout == seconds


def test_files_of_certificates_are_taken_where_they_are(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    files = f"sslrootcert={certificate}&sslcert={certificate}&sslkey={key}"
    (dsn,) = parse_postgres_url(f"postgres://a@b/c?sslmode=verify-full&{files}").dsns
    assert [name in dsn for name in ("sslrootcert", "sslcert", "sslkey")] == [True] * 3


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("channel_binding=require", "channel_binding"),
        ("gssencmode=require", "gssencmode"),
        ("sslmode=very", "sslmode"),
        ("sslrootcert=/nowhere/root.crt", "sslrootcert that is not supported: there is no such"),
        ("sslrootcert=system", "/etc/ssl/certs/ca-certificates.crt"),
        ("sslcert=/nowhere/a", "sslcert"),
        ("sslkey=/nowhere/a", "sslkey"),
        ("keepalives_idle=soon", "keepalives_idle"),
        ("connect_timeout=-1", "connect_timeout"),
        ("target_session_attrs=leader", "target_session_attrs"),
        ("port=0", "port"),
        ("port=1,2", "more ports than hosts"),
        ("replication=true", "replication"),
        ("hostaddr=10.0.0.1", "hostaddr"),
        ("sslmod=require", "sslmod"),
        ("work_mem=8MB", "work_mem"),
        ("sslmode", "wants postgres://"),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name(query: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_postgres_url(f"postgres://a:hunter2@b/c?{query}")


@pytest.mark.parametrize(
    "text",
    [
        "postgres://a@b",
        "postgres://",
        "postgres://a:hunter2@b:0/c",
        "postgres://a:hunter2@b:65536/c",
        "postgres://a:hunter2@b:x/c",
        "postgres://a:hunter2@b:/c",
        "postgres://a:hunter2@b,/c",
        "postgres://a:hunter2@[::1/c",
        "postgres://a:hunter2@b@c/d",
        "mysql://a:hunter2@b/c",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"wants|has") as refused:
        parse_postgres_url(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", OF_LIBPQ)
def test_no_parameter_of_libpq_is_dropped_in_silence(name: str) -> None:
    """Each is known, or refused with its name."""
    if name not in PARAMETERS:
        with pytest.raises(ValueError, match=f"has the parameter '{name}', which is not supported"):
            parse_postgres_url(f"postgres://a@b/c?{name}=x")


def test_the_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(parse_postgres_url("postgres://app:hunter2@db.example/links"))

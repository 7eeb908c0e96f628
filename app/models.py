"""The tables. Times are timestamptz and come from the database's clock."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Status(StrEnum):
    """What a connection is, as a person sees it; `disconnected` is the absence of a row."""

    DISCONNECTED = "disconnected"
    CHECKING = "checking"
    ONLINE = "online"
    DEGRADED = "degraded"
    BLOCKED = "blocked"
    OFFLINE = "offline"
    REVOKED = "revoked"


class Cause(StrEnum):
    """Why a connection is not simply online: a closed list."""

    PROVIDER_ERROR = "provider_error"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    BAD_RESPONSE = "bad_response"
    RATE_LIMITED = "rate_limited"
    ACCESS_DENIED = "access_denied"
    PAYMENT_REQUIRED = "payment_required"
    REVOKED = "revoked"
    MISCONFIGURED = "misconfigured"

    @property
    def fault(self) -> str:
        """Whose move it is: "you", "provider" or "us"."""
        if self in (Cause.ACCESS_DENIED, Cause.PAYMENT_REQUIRED, Cause.REVOKED):
            return "you"
        return "us" if self in (Cause.RATE_LIMITED, Cause.MISCONFIGURED) else "provider"


# Every check rewrites a row: room on its page for the new version, and vacuum before the table
# swells.
HOT = {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02}
UNWATCHED = "unwatched"  # what a stretch is called when nobody was checking
STORED_STATUSES = [status.value for status in Status if status is not Status.DISCONNECTED]


def _one_of(column: str, values: list[str]) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({quoted})"


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way of saying it
        datetime: DateTime(timezone=True),
        str: String(),
    }


class User(Base):
    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email", text("lower(email)"), unique=True),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]
    zone: Mapped[str | None]  # an IANA name; NULL: the server's own


class Session(Base):
    """A signed-in browser. The cookie holds a random id, the table only its SHA-256."""

    __tablename__ = "sessions"

    id_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user_agent: Mapped[str] = mapped_column(server_default="")
    # What a page may say of it: the hash of the secret stays here.
    id: Mapped[UUID] = mapped_column(unique=True, server_default=func.gen_random_uuid())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Purpose(StrEnum):
    """What a ticket is good for."""

    RESET = "reset"
    SIGN_UP = "sign_up"
    SECOND_FACTOR = "second_factor"  # the password was right, the code is still to come
    PASSKEY_LOG_IN = "passkey_log_in"  # this one and the next two are WebAuthn challenges
    PASSKEY_ADD = "passkey_add"
    PASSKEY_PROOF = "passkey_proof"


class Ticket(Base):
    """A secret that is good once and not for long; the table holds only its SHA-256."""

    __tablename__ = "tickets"
    __table_args__ = (CheckConstraint(_one_of("purpose", list(Purpose)), name="purpose"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(server_default="")  # who signs up
    password_hash: Mapped[str] = mapped_column(server_default="")  # with which password
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EmailChange(Base):
    """A new address on its way: it is taken when both letters' links were followed (are NULL)."""

    __tablename__ = "email_changes"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    email: Mapped[str]
    old_link: Mapped[bytes | None]
    new_link: Mapped[bytes | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SecondFactor(Base):
    """Codes from a person's telephone (RFC 6238). It counts once its first code was right."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[bytes]  # sealed
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")  # no code works twice


class RecoveryCode(Base):
    """For a lost telephone: each is good once, and gone then."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class Passkey(Base):
    """A key in a person's device, for log-in without a password (WebAuthn)."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]


class Attempt(Base):
    """One try of something that is limited (log-in, sign-up, a check by hand)."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_key_at", "key", "at"), Index("ix_attempts_at", "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Connection(Base):
    """A person's link to one account at one provider. The hot table: every check writes its row."""

    __tablename__ = "connections"
    __table_args__ = (
        # A provider's due rows in order, so that one throttled provider blocks nobody else's.
        Index("ix_connections_provider_next_check_at", "provider", "next_check_at"),
        UniqueConstraint("user_id", "provider", "account"),
        Index("ix_connections_provider_account", "provider", "account"),
        Index("ix_connections_replaces", "replaces", postgresql_where=text("replaces IS NOT NULL")),
        CheckConstraint(_one_of("status", STORED_STATUSES), name="status"),
        CheckConstraint(_one_of("cause", [cause.value for cause in Cause]), name="cause"),
        {"postgresql_with": HOT},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str]
    account: Mapped[str | None]  # the account's stable id; NULL until a probe names it
    label: Mapped[str | None]  # what the card calls the account
    status: Mapped[str] = mapped_column(server_default=Status.CHECKING.value)
    cause: Mapped[str | None]
    evidence: Mapped[str | None]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    strikes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    is_online: Mapped[bool] = mapped_column(Computed("status = 'online'", persisted=True))
    latency_ms: Mapped[int | None]
    last_checked_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime] = mapped_column(server_default=func.now())
    connected_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # When it last went up or down, the newest first, at most FLAPS of them.
    flips: Mapped[list[datetime]] = mapped_column(
        ARRAY(DateTime(timezone=True)), server_default="{}"
    )
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    # The last check speaks for the connection until then; after that nobody is watching it.
    watched_until: Mapped[datetime] = mapped_column(
        server_default=text("now() + interval '60 seconds'")
    )
    looks: Mapped[int] = mapped_column(server_default="0")  # checks that brought something
    unfolded: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # see app/latencies.py
    # The last 60 looks, written round and round: moving them up would cost ten times the WAL.
    recent: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    # A reconnect on its way: this grant takes that connection's place once a probe has named it.
    replaces: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id", ondelete="SET NULL"))
    # It came back with another account: since then the person is asked what to do with it.
    asked_at: Mapped[datetime | None]


class Grant(Base):
    """What the person gave us for one connection: sealed tokens and scopes."""

    __tablename__ = "grants"

    connection_id: Mapped[UUID] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(server_default="oauth2")
    access_token: Mapped[bytes]
    refresh_token: Mapped[bytes | None]
    expires_at: Mapped[datetime | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    # `carrier`: which way of carrying the token works; `kept`: what the provider wants to see again
    extra: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")
    secrets: Mapped[bytes | None]  # the same as `kept`, where it must not be readable
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    granted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    refreshed_at: Mapped[datetime | None]
    # Set before a refresh is sent and cleared by its answer: while it stands, the refresh token may
    # be spent already, and nobody knows (docs/decisions/0010).
    refresh_sent_at: Mapped[datetime | None]


class OAuthState(Base):
    """A person on the way to a provider: 10 minutes, one use, the browser that began it."""

    __tablename__ = "oauth_states"

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_hash: Mapped[bytes]
    provider: Mapped[str]
    connection_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), index=True
    )
    code_verifier: Mapped[bytes | None]
    kept: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")  # what was typed in
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Outage(Base):
    """One stretch of a connection's time that was not online, with one cause; or, as `unwatched`,
    one when nobody was checking. The stretches of a connection never overlap.
    """

    __tablename__ = "outages"
    __table_args__ = (
        Index(
            "uq_outages_open",
            "connection_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        # A connection's stretches from some moment on, the open one included.
        Index(
            "ix_outages_connection_id_end",
            "connection_id",
            text("coalesce(closed_at, 'infinity'::timestamptz)"),
        ),
        Index("ix_outages_closed_at", "closed_at"),
        # A range of one id: `=` on it needs no extension, which the embedded PostgreSQL lacks.
        ExcludeConstraint(
            (text("uuidrange(connection_id, connection_id, '[]')"), "="),
            (text("tstzrange(opened_at, closed_at)"), "&&"),
            name="ex_outages_overlap",
        ),
        CheckConstraint("closed_at >= opened_at", name="order"),
        CheckConstraint(f"(status = '{UNWATCHED}') = (cause IS NULL)", name="cause"),
        CheckConstraint(_one_of("fault", ["you", "provider", "us"]), name="fault"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    status: Mapped[str]
    cause: Mapped[str | None]
    fault: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    evidence: Mapped[str]  # of the check that confirmed it
    last_evidence: Mapped[str] = mapped_column(server_default="")
    checks: Mapped[int] = mapped_column(server_default="1")  # in a row that brought this cause


class Latencies(Base):
    """How long answers took in one hour or one day, as a histogram: 114 rows for a connection at
    most, written over once their hour or day comes round again (app/latencies.py).
    """

    __tablename__ = "latencies"
    __table_args__ = (
        Index("ix_latencies_began", "began"),  # for what nobody writes over any more
        {"postgresql_with": {"fillfactor": 80}},
    )

    connection_id: Mapped[UUID] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    began: Mapped[datetime]
    counts: Mapped[list[int | None]] = mapped_column(ARRAY(Integer))


class ProviderOutage(Base):
    """A time when a provider failed for so many at once that it is one outage of the provider's."""

    __tablename__ = "provider_outages"
    __table_args__ = (
        Index(
            "uq_provider_outages_open",
            "provider",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_provider_outages_opened_at", "opened_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    provider: Mapped[str]
    cause: Mapped[str]
    evidence: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    sampled_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Round(Base):
    """A person's last «Проверить все»: when it began, and what it is about (app/rounds.py)."""

    __tablename__ = "rounds"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    connection_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    later: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")  # by provider


class Revocation(Base):
    """The outbox of tokens that a provider must still be told to forget."""

    __tablename__ = "revocations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    provider: Mapped[str]
    account: Mapped[str | None]
    token: Mapped[bytes]
    token_type_hint: Mapped[str]
    kept: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")  # as in `grants.extra`
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class PushedToken(Base):
    """What a provider told us of an account by itself: its token, and the newest news about our
    application there, each with the provider's own time.
    """

    __tablename__ = "pushed_tokens"
    __table_args__ = (UniqueConstraint("provider", "account"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    provider: Mapped[str]
    account: Mapped[str]
    token: Mapped[bytes | None]  # NULL: none came, or the application was removed
    token_hash: Mapped[bytes | None]  # SHA-256 of the token: whether it came before
    token_at: Mapped[datetime | None]
    # Who has proven that the account is theirs: one person at a time (docs/decisions/0018).
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    installation_at: Mapped[datetime | None]
    subscription: Mapped[str | None]  # the provider's id of it
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    subscription_at: Mapped[datetime | None]


class Pairing(Base):
    """A code that a person shows at the provider, to prove which account there is theirs."""

    __tablename__ = "pairings"
    __table_args__ = (UniqueConstraint("user_id", "provider"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str]
    code: Mapped[bytes]  # sealed, so that its person may see it again
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class JournalEntry(Base):
    """One deed of a person or of the service; never changed, see app/journal.py."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_user_id_id", "user_id", "id"),
        Index("ix_journal_connection_id_deed_at", "connection_id", "deed", "at"),
        Index("ix_journal_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    deed: Mapped[str]
    connection_id: Mapped[UUID | None]  # it may be gone
    provider: Mapped[str | None]
    label: Mapped[str | None]
    device: Mapped[str] = mapped_column(server_default="")
    who: Mapped[str] = mapped_column(server_default="person")  # one of app.journal.Who


class Monitor(Base):
    """A sign of life of every monitor: a dead one must never look like confident green."""

    __tablename__ = "monitors"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    beat_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    cut_off_since: Mapped[datetime | None]  # it has no way out itself, and checks nothing

"""Tables of connections and grants."""

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
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    and_,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, check_one_of


class Status(StrEnum):
    """The status of a connection as users see it; `disconnected` has no row."""

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
    INCONSISTENT = "inconsistent"  # the provider issues tokens, and does not take them
    ACCOUNT_CHANGED = "account_changed"  # another account answers than the one connected

    @property
    def fault(self) -> str:
        """Whose move it is: "you", "provider" or "us"."""
        if self in YOURS:
            return "you"
        return "us" if self in (Cause.RATE_LIMITED, Cause.MISCONFIGURED) else "provider"


# What only the owner of the account can mend.
YOURS = (Cause.ACCESS_DENIED, Cause.PAYMENT_REQUIRED, Cause.REVOKED, Cause.ACCOUNT_CHANGED)
# Every check rewrites a row: leave room on its page for the new version (a HOT update), and vacuum
# early.
HOT_TABLE = {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02}
UNWATCHED = "unwatched"  # in place of a status, for a time without checks
STORED_STATUSES = [status.value for status in Status if status is not Status.DISCONNECTED]


class Connection(Base):
    """A user's link to one account at one provider. Every check writes its row."""

    __tablename__ = "connections"
    __table_args__ = (
        # For due rows of each provider, so that one throttled provider does not hold up others.
        Index("ix_connections_provider_next_check_at", "provider", "next_check_at"),
        UniqueConstraint("user_id", "provider", "account"),
        Index("ix_connections_provider_account", "provider", "account"),
        Index(
            "ix_connections_replaces_connection_id",
            "replaces_connection_id",
            postgresql_where=text("replaces_connection_id IS NOT NULL"),
        ),
        CheckConstraint(check_one_of("status", STORED_STATUSES), name="status"),
        CheckConstraint(check_one_of("cause", [cause.value for cause in Cause]), name="cause"),
        {"postgresql_with": HOT_TABLE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str]
    account: Mapped[str | None]  # the account's stable id; NULL until a probe names it
    label: Mapped[str | None]  # what the provider calls the account
    name: Mapped[str | None]  # what its owner calls it, instead of the label
    tags: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")  # the owner's
    status: Mapped[str] = mapped_column(server_default=Status.CHECKING.value)
    cause: Mapped[str | None]
    evidence: Mapped[str | None]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    strikes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    is_online: Mapped[bool] = mapped_column(Computed("status = 'online'", persisted=True))
    latency_ms: Mapped[int | None]
    baseline_ms: Mapped[int | None]  # 95 % of its answers of the last weeks took no longer
    slow_streak: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    slow_since: Mapped[datetime | None]  # NULL: it answers as it usually does
    last_checked_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime] = mapped_column(server_default=func.now())
    connected_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # When it last went up or down, the newest first, at most FLAPS of them.
    transitions: Mapped[list[datetime]] = mapped_column(
        ARRAY(DateTime(timezone=True)), server_default="{}"
    )
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    lease_monitor_id: Mapped[UUID | None]  # whose it is, by `monitors.id`
    # The last check counts until then; the time after that is unwatched.
    watched_until: Mapped[datetime] = mapped_column(
        server_default=text("now() + interval '60 seconds'")
    )
    check_count: Mapped[int] = mapped_column(server_default="0")  # checks with a result
    # See app/history/latency.py.
    unaggregated_count: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    # The last 60 checks in a ring (app/history/latency_ring.py): moving them would cost ten times
    # the WAL.
    recent_latencies: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    # A pending reconnect: once a probe has named its account, it takes that connection's place.
    replaces_connection_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("connections.id", ondelete="SET NULL")
    )
    # It brought another account: since then the user is asked what to do with it.
    decision_requested_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]  # its owner's; a time that is over means nothing


class Grant(Base):
    """What the user gave us for a connection: sealed tokens, and scopes."""

    __tablename__ = "grants"

    connection_id: Mapped[UUID] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(server_default="oauth2")
    access_token: Mapped[bytes]
    refresh_token: Mapped[bytes | None]
    expires_at: Mapped[datetime | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    # `carrier`: which token placement works; `kept`: what the provider wants at a refresh
    extra: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")
    secrets: Mapped[bytes | None]  # fields as in `kept` that are secret, sealed
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    granted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    refreshed_at: Mapped[datetime | None]
    # Set before a refresh is sent, and cleared by its answer. While it is set, nobody knows whether
    # the refresh token has been used up (docs/decisions/0010).
    refresh_sent_at: Mapped[datetime | None]
    # How often in a row the provider said that the grant cannot be renewed any more.
    refused_refreshes: Mapped[int] = mapped_column(SmallInteger, server_default="0")


# As far as the provider has said: one that renews nothing is believed when it says so again.
RENEWABLE = and_(Grant.refresh_token.is_not(None), Grant.refused_refreshes < 2)


class OAuthState(Base):
    """A person on the way to a provider: 10 minutes, one code, the browser that began it.

    A consumed one stays for a day: a callback may come twice, and the second one is told what
    became of the first.
    """

    __tablename__ = "oauth_states"

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_hash: Mapped[bytes]
    provider: Mapped[str]
    connection_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), index=True
    )
    code_verifier: Mapped[bytes | None]
    # Fields filled in before.
    extra: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]
    stored_as: Mapped[UUID | None]  # the connection that its grant is stored as, if it comes to it
    outcome: Mapped[str | None]  # "stored", or a `ConnectError`; NULL: it is under way


class Revocation(Base):
    """The outbox of tokens that a provider must still be told to forget."""

    __tablename__ = "revocations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    provider: Mapped[str]
    account: Mapped[str | None]
    connection_id: Mapped[UUID | None]  # the one that is gone, for its receipt in the audit log
    token: Mapped[bytes]
    token_type_hint: Mapped[str]
    extra: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")  # as a grant's
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class PushedToken(Base):
    """What a provider's webhooks told us of an account: its token, and the newest event about our
    application there, each with the provider's time.
    """

    __tablename__ = "pushed_tokens"
    __table_args__ = (UniqueConstraint("provider", "account"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    provider: Mapped[str]
    account: Mapped[str]
    token: Mapped[bytes | None]  # NULL: not delivered yet, or the application was removed
    token_hash: Mapped[bytes | None]  # SHA-256, to recognise a token that was delivered before
    token_at: Mapped[datetime | None]
    # Of the newest tokens that others have replaced: a post that is repeated brings none back
    replaced_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default="{}")
    # The user who has proven to own the account, one at a time (docs/decisions/0018).
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    installation_at: Mapped[datetime | None]
    subscription: Mapped[str | None]  # the provider's id
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    subscription_at: Mapped[datetime | None]


class Pairing(Base):
    """A pairing code: typed in at the provider, it proves which account there is the user's."""

    __tablename__ = "pairings"
    __table_args__ = (UniqueConstraint("user_id", "provider"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str]
    code: Mapped[bytes]  # sealed, so that its user can be shown it again
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)

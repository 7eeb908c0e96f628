"""Tables of users: sessions, one-time tokens, second factors, passkeys, rate limits."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, check_one_of


class User(Base):
    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email", text("lower(email)"), unique=True),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]
    zone: Mapped[str | None]  # IANA name; NULL: the server's
    board_view: Mapped[str | None]  # "cards" or "rows"; NULL: by the number


class Session(Base):
    """A signed-in browser. The cookie has a random id, of which the table has the SHA-256."""

    __tablename__ = "sessions"

    id_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user_agent: Mapped[str] = mapped_column(server_default="")
    # The id that pages may show, unlike the hash of the secret.
    id: Mapped[UUID] = mapped_column(unique=True, server_default=func.gen_random_uuid())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class TokenPurpose(StrEnum):
    """What a one-time token is for."""

    RESET = "reset"
    SIGN_UP = "sign_up"
    SECOND_FACTOR = "second_factor"  # the password was right, the code is missing
    PASSKEY_LOG_IN = "passkey_log_in"  # this one and the next two are WebAuthn challenges
    PASSKEY_ADD = "passkey_add"
    PASSKEY_PROOF = "passkey_proof"


class OneTimeToken(Base):
    """A secret that works once and not for long; the table has its SHA-256."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (CheckConstraint(check_one_of("purpose", list(TokenPurpose)), name="purpose"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[str] = mapped_column(server_default="")  # of the sign-up
    password_hash: Mapped[str] = mapped_column(server_default="")  # of the sign-up
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EmailChange(Base):
    """A change of address under way; it is made when both links were followed (are NULL)."""

    __tablename__ = "email_changes"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    email: Mapped[str]
    old_link: Mapped[bytes | None]
    new_link: Mapped[bytes | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LetterKind(StrEnum):
    """What a letter about an account is for."""

    RESET = "reset"
    SIGN_UP = "sign_up"
    EMAIL_OLD = "email_old"  # a change of address: to the old one, and to the new one
    EMAIL_NEW = "email_new"
    NOTICE = "notice"  # of a change that was made


class LetterState(StrEnum):
    WAITING = "waiting"
    DONE = "done"  # a mail server has it, or nobody was to be written to
    FAILED = "failed"  # no server takes it for this address


class AccountLetter(Base):
    """A letter about an account, until a mail server has it. It holds no secret: the token of its
    link is made when it is sent, and again when it is sent again.
    """

    __tablename__ = "account_letters"
    __table_args__ = (
        CheckConstraint(check_one_of("kind", list(LetterKind)), name="kind"),
        CheckConstraint(check_one_of("state", list(LetterState)), name="state"),
        Index(
            "ix_account_letters_waiting", "next_try_at", postgresql_where=text("state = 'waiting'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str]
    email: Mapped[str]  # where it goes
    # No foreign key: PostgreSQL locks the table of users to check one, even where it is NULL, and
    # an answer to a stranger waits for nothing there.
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(server_default="")  # the new address; what was changed
    password_hash: Mapped[str] = mapped_column(server_default="")  # of the sign-up
    state: Mapped[str] = mapped_column(server_default=LetterState.WAITING.value)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]


class SecondFactor(Base):
    """An authenticator app (RFC 6238); it is in use once its first code was accepted."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[bytes]  # sealed
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(
        BigInteger, server_default="0"
    )  # no code is accepted twice


class RecoveryCode(Base):
    """For a lost device; a code is deleted when it is used."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class Passkey(Base):
    """A key in a user's device, for log-in without a password (WebAuthn)."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]


class CalendarLink(Base):
    """The address of a user's calendar of what ends. It opens that calendar without a log-in; the
    table has its SHA-256.
    """

    __tablename__ = "calendar_links"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    link_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Attempt(Base):
    """One attempt at what is rate-limited (log-in, sign-up, a check by hand)."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_key_at", "key", "at"), Index("ix_attempts_at", "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

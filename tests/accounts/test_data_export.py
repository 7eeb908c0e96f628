"""What is kept about a person is what a person can take along."""

from sqlalchemy import Table

from app.accounts import data_export
from app.models.base import Base

# Tables that hang on a person but hold nothing to read: secrets that are good once, as hashes; and
# which connections a person had checked at once, which the journal says.
LEFT_OUT = {"one_time_tokens", "oauth_states", "recovery_codes", "pairings", "bulk_checks"}
LISTS = (
    *(
        data_export.USER_COLUMNS,
        data_export.NEW_EMAIL,
        data_export.SESSION_COLUMNS,
        data_export.PASSKEY_COLUMNS,
        data_export.TWO_FACTOR_COLUMNS,
        data_export.CALENDAR_COLUMNS,
    ),
    *(
        data_export.CONNECTION_COLUMNS,
        data_export.KEPT_COLUMNS,
        data_export.PROVEN_ACCOUNT_COLUMNS,
        data_export.OUTAGE_COLUMNS,
        data_export.SLOW_COLUMNS,
        data_export.LATENCY_COLUMNS,
    ),
    *(
        data_export.CHANNEL_COLUMNS,
        data_export.PREFERENCE_COLUMNS,
        data_export.ALERT_STATE_COLUMNS,
        data_export.ALERT_COLUMNS,
    ),
    data_export.AUDIT_LOG_COLUMNS,
)


def test_no_table_of_a_person_is_forgotten() -> None:
    """A new one is taken along in app/accounts/data_export.py, or named here as left out."""
    tables = {table.name: table for table in Base.metadata.sorted_tables}
    taken = {column.class_.__tablename__ for columns in LISTS for column in columns}
    personal = {name for name, table in tables.items() if _is_personal(table)} | {"users"}
    assert personal - taken - LEFT_OUT == set()


def test_nothing_that_opens_something_is_taken_along() -> None:
    names = {column.key for columns in LISTS for column in columns}
    secret = ("hash", "token", "secret", "key", "link", "extra", "credential", "lease")
    assert [name for name in names if any(word in name for word in secret)] == []


def _is_personal(table: Table) -> bool:
    """Does it hang on a person, or on something of theirs?"""
    targets = {key.column.table.name for key in table.foreign_keys}
    return bool(targets & {"users", "connections"})

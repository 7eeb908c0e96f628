"""receipts of disconnects; names from outside are one visible line"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# As app/i18n/plain_text.py: line breaks and other white space, then what is invisible.
SPACE = "[[:space:]\\u0085\\u2028\\u2029]+"
CONTROLS, MARKS = "\\u0001-\\u001f\\u007f-\\u009f", "\\u00ad\\u061c\\u200b\\u200e\\u200f"
DIRECTIONS, OTHERS = "\\u202a-\\u202e", "\\u2060-\\u206f\\ufeff"
INVISIBLE = f"[{CONTROLS}{MARKS}{DIRECTIONS}{OTHERS}]"
ONE_LINE = f"regexp_replace(label, '{SPACE}', ' ', 'g')"
CLEAN = f"btrim(regexp_replace({ONE_LINE}, '{INVISIBLE}', '', 'g'))"
LABELS = (("connections", "NULL"), ("alert_channels", "''"))  # table, and what stands for no name


def upgrade() -> None:
    receipt = sa.Column("receipt", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    op.add_column("audit_log", receipt)
    op.add_column("revocations", sa.Column("connection_id", sa.Uuid(), nullable=True))
    for table, nothing in LABELS:
        op.execute(
            f"UPDATE {table} SET label = coalesce(nullif({CLEAN}, ''), {nothing})"
            f" WHERE label ~ '{INVISIBLE}' OR label ~ '[\\u0085\\u2028\\u2029]'"
        )


def downgrade() -> None:
    op.drop_column("revocations", "connection_id")
    op.drop_column("audit_log", "receipt")

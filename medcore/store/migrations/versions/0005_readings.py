"""Readings that were signed off, and the studies that each shows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of signed readings."""
    op.create_table(
        "reading",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("study_id", sa.String(64), sa.ForeignKey("study.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("signed_by", sa.Text, nullable=False),
        sa.Column("signed_at", sa.DateTime, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.UniqueConstraint("study_id", "version", name="one_reading_a_version"),
    )
    op.create_table(
        "reading_study",
        sa.Column("reading_id", sa.String(64), sa.ForeignKey("reading.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "study_id", sa.String(64), sa.ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, index=True
        ),
    )


def downgrade() -> None:
    """Signed readings are not thrown away."""
    raise NotImplementedError("signed readings would be lost")

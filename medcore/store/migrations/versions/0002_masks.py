"""Masks that readers draw, files bring and regions are kept as."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of masks."""
    op.create_table(
        "mask",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("scan_id", sa.String(64), sa.ForeignKey("scan.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("names", sa.JSON, nullable=False),
        sa.Column("corner", sa.JSON, nullable=False),
        sa.Column("labels", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("replaces", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Masks are not thrown away."""
    raise NotImplementedError("stored masks would be lost")

"""What the quality check found about each scan."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of quality findings."""
    op.create_table(
        "quality",
        sa.Column("scan_id", sa.String(64), sa.ForeignKey("scan.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("issues", sa.JSON, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("same_as", sa.String(64), sa.ForeignKey("study.id", ondelete="SET NULL"), index=True),
    )


def downgrade() -> None:
    """Findings can be made again."""
    op.drop_table("quality")

"""What readers did to what models found, and how unsure a model was at each voxel."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of corrections; a run may have an uncertainty map."""
    op.add_column("run", sa.Column("uncertainty", sa.String(64)))
    op.create_table(
        "correction",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String(64), sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("lesion", sa.Text, nullable=False),
        sa.Column("takes_back", sa.Integer),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("corner", sa.JSON, nullable=False),
        sa.Column("labels", sa.String(64)),
    )


def downgrade() -> None:
    """Corrections are not thrown away."""
    raise NotImplementedError("stored corrections would be lost")

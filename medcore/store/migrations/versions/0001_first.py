"""The first form: studies, scans, runs, explanations, annotations, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _installation()
    _studies()
    _results()
    _annotations()
    _audit()


def downgrade() -> None:
    """There is nothing before the first form."""
    raise NotImplementedError("the first step cannot be undone")


def _installation() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_check", sa.Text, nullable=False),
        sa.Column("audit_number", sa.Integer, nullable=False),
        sa.Column("audit_mac", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )


def _studies() -> None:
    op.create_table(
        "study",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("acquired_on", sa.Date),
        sa.Column("added_at", sa.DateTime, nullable=False, index=True),
        sa.Column("synthetic", sa.Boolean, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_table(
        "scan",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        _study(),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("modality", sa.String(16), nullable=False),
        sa.Column("unit", sa.String(8), nullable=False),
        sa.Column("shape", sa.JSON, nullable=False),
        sa.Column("scale", sa.String(16), nullable=False),
        sa.Column("affine", sa.JSON, nullable=False),
        sa.Column("frame_of_reference", sa.Text, nullable=False),
        sa.Column("acquired_on", sa.Date),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body_part", sa.Text, nullable=False),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("transfer_syntax", sa.Text, nullable=False),
        sa.Column("window_centre", sa.Double),
        sa.Column("window_width", sa.Double),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("synthetic", sa.Boolean, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("issues", sa.JSON, nullable=False),
        sa.Column("voxels", sa.String(64), nullable=False),
    )
    op.create_table(
        "thumbnail",
        sa.Column("scan_id", sa.String(64), sa.ForeignKey("scan.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("picture", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "blob_use",
        sa.Column("owner", sa.String(160), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True, index=True),
        _study(),
    )


def _results() -> None:
    op.create_table(
        "run",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        _study(),
        sa.Column("scan_id", sa.String(64), sa.ForeignKey("scan.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("task", sa.String(64), nullable=False, index=True),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("run", sa.JSON, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("prediction", sa.JSON, nullable=False),
        sa.Column("mask", sa.String(64)),
        sa.Column("seen", sa.String(64)),
    )
    op.create_table(
        "explanation",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String(64), sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("target", sa.String(128), nullable=False),
        sa.Column("layer", sa.Text, nullable=False),
        sa.Column("heat", sa.String(64), nullable=False),
        sa.Column("peak", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("checks", sa.JSON, nullable=False),
        sa.UniqueConstraint("run_id", "method", "target", name="one_map_a_question"),
    )


def _annotations() -> None:
    op.create_table(
        "annotations",
        sa.Column("study_id", sa.String(64), sa.ForeignKey("study.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("saved_at", sa.DateTime, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("action", sa.String(1), nullable=False),
        sa.Column("outcome", sa.Integer, nullable=False),
        sa.Column("recorded", sa.DateTime, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("study", sa.String(64), nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
    )


def _study() -> sa.Column[str]:
    return sa.Column(
        "study_id", sa.String(64), sa.ForeignKey("study.id", ondelete="CASCADE"), nullable=False, index=True
    )

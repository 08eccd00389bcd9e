"""A step of a comparison."""

from __future__ import annotations

from pages.ui import compare_draft
from pages.ui.compare_draft import Reading


def page(reading: Reading) -> None:
    """The step."""
    compare_draft.need_alignment(reading)

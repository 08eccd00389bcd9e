"""Typed measurements."""

from __future__ import annotations


def page() -> None:
    """The step."""

"""The line that stands at the foot of every screen: research and teaching, not a medical device."""

from __future__ import annotations

import html

import streamlit as st

from pages.ui.words import t


def show() -> None:
    """Draw the line; it cannot be closed."""
    text = t("Research and teaching only. Not a medical device: do not use for diagnosis or treatment.")
    st.html(f'<div class="medcore-banner" role="note">{html.escape(text)}</div>')

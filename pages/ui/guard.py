"""Belt and braces: a page that runs without the shell (no banner, no study, no language) shows nothing of its own."""

from __future__ import annotations

import streamlit as st

from pages.ui import banner, state
from pages.ui.words import t


def inside_shell() -> None:
    """Stop a page that Streamlit runs by itself, which it does for a pages/ folder beside the main script."""
    if state.inside_shell():
        return
    banner.show()
    st.info(t("This page opens inside MedCore. Start from the entry page."), icon=":material/home:")
    st.link_button(t("Open MedCore"), "/")
    st.stop()

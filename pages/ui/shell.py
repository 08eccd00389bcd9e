"""The frame of every screen: navigation, banner, open study, jobs, language; the page runs inside."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import banner, faults, pick, state, theme, tray
from pages.ui.words import t

PAGES = Path(__file__).resolve().parent.parent
SIDEBAR_PIXELS = 270

st.set_page_config(
    page_title="MedCore",
    page_icon=(PAGES / "ui" / "icon.svg").read_text(encoding="utf-8"),  # a Material icon would come from the network
    layout="wide",
    initial_sidebar_state=SIDEBAR_PIXELS,
)
banner.show()
with faults.caught():
    theme.apply()
    page = st.navigation(
        [
            st.Page(PAGES / "studies.py", title=t("Studies"), icon=":material/folder_open:", default=True),
            st.Page(PAGES / "analyse.py", title=t("Analyse"), icon=":material/query_stats:", url_path="analyse"),
            st.Page(PAGES / "compare.py", title=t("Compare"), icon=":material/compare:", url_path="compare"),
            st.Page(PAGES / "quality.py", title=t("Quality"), icon=":material/rule:", url_path="quality"),
            st.Page(PAGES / "prepare.py", title=t("Prepare"), icon=":material/tune:", url_path="prepare"),
            st.Page(PAGES / "models.py", title=t("Models"), icon=":material/network_node:", url_path="models"),
            st.Page(PAGES / "train.py", title=t("Train"), icon=":material/model_training:", url_path="train"),
            st.Page(PAGES / "evaluate.py", title=t("Evaluate"), icon=":material/monitoring:", url_path="evaluate"),
            st.Page(PAGES / "about.py", title=t("About"), icon=":material/info:", url_path="about"),
        ],
        position="top",
    )
    state.keep_link()
    with st.sidebar:
        pick.open_study()
        tray.show()
        pick.language()
    state.enter_shell()
    page.run()

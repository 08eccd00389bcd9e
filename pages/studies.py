"""Studies: bring scans in, find one, look at it, and keep the list in order."""

import streamlit as st

from pages.ui import guard, library, pick, state, upload
from pages.ui.words import t

guard.inside_shell()

studies = state.workbench().studies.list()
if not studies:
    library.teach()
upload.drop_zone()
upload.outcome()
if not studies:
    st.stop()

study = pick.study()
with st.container(key="split-opened" if study else "split"):
    listed, opened = st.columns([6, 5], gap="medium")
with listed:
    library.listing(library.filters())
with opened:
    if study is None:
        st.info(t("Choose a study from the list to look at it."), icon=":material/arrow_back:")
    else:
        library.details(study)

"""Studies: bring scans in, find one, look at it, and keep the list in order."""

import streamlit as st

from pages.ui import guard, library, pick, state, upload
from pages.ui.words import t

guard.inside_shell()

if not state.workbench().studies.list():
    library.teach()
    upload.drop_zone()
    upload.outcome()
    st.stop()

with st.expander(t("Add studies"), icon=":material/upload:", key="add", on_change="rerun"):
    upload.drop_zone()
    upload.samples()
upload.outcome()

listed, opened = st.columns([6, 5], gap="medium")
with listed:
    library.listing(library.filters())
with opened:
    study = pick.study()
    if study is None:
        st.info(t("Choose a study from the list to look at it."), icon=":material/arrow_back:")
    else:
        library.details(study)

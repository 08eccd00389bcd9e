"""Quality: all studies by what is wrong with them, the worst first, with figures and what to do."""

import streamlit as st

from pages.ui import guard, quality, state

guard.inside_shell()

if not state.workbench().studies.list():
    quality.teach()
    st.stop()

quality.waiting()
with st.container(key="split-opened"):
    listed, opened = st.columns([6, 5], gap="medium")
with listed:
    found = quality.filters()
    quality.ranking(found)
with opened:
    study = quality.open_or_worst(found)
    if study is not None:
        quality.detail(quality.checked(study))

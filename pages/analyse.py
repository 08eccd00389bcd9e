"""Analyse: one question to one model about one scan; its answer, where it looked, and what to make of it."""

import streamlit as st

from pages.ui import analysing, batch, findings, guard, pick, picture, state, volume_result
from pages.ui.words import t

guard.inside_shell()

if not state.workbench().studies.list():
    analysing.teach()
    st.stop()
controls = st.container(horizontal=True, vertical_alignment="bottom")
if analysing.several(controls):
    batch.page(controls)
    st.stop()
study = pick.study()
if study is None:
    st.info(t("Choose a study in the sidebar."), icon=":material/arrow_back:")
    st.stop()

scan, task, model = analysing.question(study, controls)
analysing.progress(study)
result = analysing.latest(study, scan, task, model)
with st.container(key="split"):
    left, right = st.columns([2, 1], gap="medium")
if result is not None and volume_result.takes(result):
    volume_result.page(left, right, result)
    st.stop()
with right:
    if result is None:
        findings.before(scan, task, model)
    else:
        result = findings.show_all(result)
with left:
    if result is None:
        picture.look(study, scan, large=True)
    else:
        picture.result(result, pick.segment("view", t("View"), findings.views(result)))

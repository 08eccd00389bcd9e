"""Compare: two or more studies of one patient on top of each other, their lesions over time, and the response."""

import streamlit as st

from pages.ui import (
    compare_align,
    compare_draft,
    compare_lesions,
    compare_response,
    compare_studies,
    compare_table,
    guard,
    pick,
    state,
)
from pages.ui.words import t

guard.inside_shell()

step = compare_draft.step()
if step == "table":
    compare_table.page()
    st.stop()
if not state.workbench().studies.list():
    compare_studies.teach()
    st.stop()
study = pick.study()
if study is None:
    st.info(t("Choose a study in the sidebar."), icon=":material/arrow_back:")
    st.stop()

reading = compare_draft.opened(study)
compare_draft.progress(reading)
match step:
    case "studies":
        compare_studies.page(reading)
    case "alignment":
        compare_align.page(reading)
    case "lesions":
        compare_lesions.page(reading)
    case _:
        compare_response.page(reading)

"""Train: from a folder of labelled pictures to a model that serves at once, live."""

import streamlit as st

from pages.ui import guard, pick, state, train_data, train_form, train_runs
from pages.ui.words import t

guard.inside_shell()

runs = state.workbench().train.runs.list()
views = {"new": t("New training"), "runs": t("Trainings ({count})", count=len(runs))}
view = pick.segment("view", t("View"), views)
if view == "runs":
    train_runs.page(runs)
    st.stop()

with st.container(key="split-train"):
    planned, looked = st.columns([5, 4], gap="large")
with planned:
    plan = train_form.form()
with looked:
    if plan is None:
        train_data.teach()
    else:
        train_data.look(plan)

"""Prepare: preprocessing that a person can see: a recipe of steps, before and after, and regions of the body."""

import streamlit as st

from pages.ui import guard, pick, recipe_file, recipe_preview, recipe_region, recipe_save, recipe_steps, state
from pages.ui.words import t

guard.inside_shell()

if not state.workbench().studies.list():
    st.subheader(t("No study yet"))
    st.markdown(
        t(
            "Prepare changes a scan by a recipe of steps, such as a window, denoising or another voxel size, and shows "
            "it before and after. Bring in a scan first, or take a sample."
        )
    )
    if st.button(t("Go to Studies"), icon=":material/folder_open:", type="primary"):
        state.go("studies.py")
    st.stop()
study = pick.study()
if study is None:
    st.info(t("Choose a study in the sidebar."), icon=":material/arrow_back:")
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    scan = pick.scan(study)
    volume = state.volume(scan.id)
    steps = state.workbench().prepare.steps(volume)
    recipe_file.presets(state.workbench().prepare.presets(scan.modality))
    recipe_steps.adder(steps)
    recipe_file.undo()
    recipe_file.files()
    recipe_region.choose(study, scan)
recipe_save.made_by(scan)

with st.container(key="split"):
    left, right = st.columns([2, 1], gap="medium")
with right:
    recipe_region.outcome(scan)
    if state.session().draft.recipe.steps:
        recipe_file.title()
        recipe_steps.listing(steps)
        recipe_save.save(study, scan, fits=recipe_steps.fit(steps))
    else:
        st.markdown(t("**No step yet.** Take a preset, or add the first step: the scan changes at once, in sight."))
        st.caption(t("The original always stays as it is. A result is saved as a scan of its own, with its recipe."))
with left:
    recipe_preview.preview(scan, recipe_region.found(scan))

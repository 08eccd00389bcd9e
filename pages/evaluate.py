"""Evaluate: how good a model is, on whom, at which threshold, against what, and where it breaks."""

import streamlit as st

from pages.ui import evaluate_choice, evaluate_errors, evaluate_figures, evaluate_lab, evaluate_pair, guard, pick
from pages.ui.words import t

guard.inside_shell()

chosen = evaluate_choice.choose()
if chosen is None:
    st.stop()
sections = {
    "figures": t("Figures"),
    "groups": t("Groups and controls"),
    "errors": t("Errors"),
    "pair": t("Two models"),
    "lab": t("Device-shift laboratory"),
}
section = pick.segment("section", t("Section"), sections)
if section == "figures":
    evaluate_figures.figures(chosen)
elif section == "groups":
    evaluate_figures.groups(chosen)
elif section == "errors":
    evaluate_errors.gallery(chosen)
elif section == "pair":
    evaluate_pair.compare(chosen)
else:
    evaluate_lab.laboratory(chosen)

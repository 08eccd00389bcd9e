"""Evaluate: how good a model is, on whom, at which threshold, against what, and where it breaks."""

import streamlit as st

from medcore.workbench.evaluated_masks import has_masks
from pages.ui import (
    evaluate_choice,
    evaluate_errors,
    evaluate_figures,
    evaluate_lab,
    evaluate_masks,
    evaluate_pair,
    guard,
    pick,
)
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
if has_masks(chosen.part.answers):  # the other sections turn a threshold over the probability of one finding
    sections = {"figures": t("Figures"), "groups": t("Groups")}
section = pick.segment("section", t("Section"), sections)
shown = evaluate_masks if has_masks(chosen.part.answers) else evaluate_figures
if section == "figures":
    shown.figures(chosen)
elif section == "groups":
    shown.groups(chosen)
elif section == "errors":
    evaluate_errors.gallery(chosen)
elif section == "pair":
    evaluate_pair.compare(chosen)
else:
    evaluate_lab.laboratory(chosen)

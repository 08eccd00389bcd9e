"""A result with lesions on the page: the picture with its strip on the left, table and reading on the right."""

from __future__ import annotations

from streamlit.delta_generator import DeltaGenerator

from medcore.predictions import Classification
from medcore.workbench.analyse import Analysis
from pages.ui import analysing, pick, state, volume_findings, volume_picture, volume_review, volume_strip
from pages.ui.words import t


def takes(analysis: Analysis) -> bool:
    """Whether a result is a list of lesions or boxes."""
    return not isinstance(analysis.prediction, Classification)


def page(left: DeltaGenerator, right: DeltaGenerator, analysis: Analysis) -> None:
    """Both halves; the picture comes first, so that what was drawn or clicked in it is in the table at once."""
    with right:
        weakest = volume_findings.slider(analysis)
        top = right.container()
    with left:
        view = pick.segment("view", t("View"), volume_picture.views(analysis))
        if view == "heat":
            analysis = analysing.explained(analysis)
        volume_picture.show(analysis, view, weakest)
        findings = volume_review.listed(state.review(analysis), weakest)
        volume_strip.show(analysis, volume_review.chosen(findings))
    with top:
        volume_findings.page(analysis, findings, weakest)

"""The right half of a result: what the model says, how sure, why, and what to make of it."""

from __future__ import annotations

import html

import streamlit as st

from medcore.predictions import Classification, Score
from medcore.records import ScanFacts
from medcore.workbench.analyse import Analysis
from pages.ui import analysing, model_cards, pick, show, state
from pages.ui.words import percent, plain, seconds, t


def before(scan: ScanFacts, task: str, model: str) -> None:
    """What stands there before the first run: what will come, and what to know of this scan."""
    if not model:
        st.warning(t("No model fits this scan."), icon=":material/block:")
        pick.unfit_models(state.workbench().analyse.choices(scan, task))
        return
    if state.workbench().analyse.of_volumes(task):
        st.markdown(
            t(
                "Press **Run**. You get each lesion with its size and place, outlined in the three planes, to accept, "
                "reject or correct with the brush, the total, and what the model cannot do."
            )
        )
        show.issues(state.workbench().analyse.warnings(scan, task, model))
        return
    st.markdown(
        t(
            "Press **Run**. You get the finding with its probability on the model's own scale and its operating point, "
            "a heat map of where the model looked, and what it cannot do."
        )
    )
    show.issues(state.workbench().analyse.warnings(scan, task, model))


def show_all(analysis: Analysis) -> Analysis:
    """Findings, warnings, explanation, model, run: in the order of reading.

    Returns:
        The result with the explanation that was chosen on the way.
    """
    run = analysis.prediction.run
    strange = run.unfamiliar
    show.issues(strange)  # before the number that it takes the meaning from
    _scores(analysis, known=not strange)
    st.caption(t("Computed on {device} in {duration}", device=run.device, duration=seconds(run.seconds)))
    show.issues(tuple(issue for issue in run.warnings if issue not in strange))
    chosen = analysing.explained(analysis)
    if analysis.card:
        model_cards.excerpt(analysis.card)
    show.run_record(run)
    return chosen


def views(analysis: Analysis) -> dict[str, str]:
    """The ways to look at a result, by id."""
    with_heat = {"overlay": t("Overlay"), "beside": t("Side by side")} if analysis.explanation else {}
    seen = {"seen": t("What the network saw")} if analysis.seen is not None else {}
    return {**with_heat, "original": t("Original"), **seen}


def _scores(analysis: Analysis, *, known: bool) -> None:
    """Each finding with its probability and operating point, in one plain sentence."""
    prediction = analysis.prediction
    if isinstance(prediction, Classification):
        for score in sorted(prediction.scores, key=lambda score: -score.probability):
            _score(score, t(analysis.card.label(score.label).title) if analysis.card else score.label, known=known)


def _score(score: Score, title: str, *, known: bool) -> None:
    """One finding; of a picture unlike those the model learnt from nothing is claimed."""
    above = score.positive
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"#### {plain(title)}")
        if not known:
            st.badge(t("Unfamiliar image"), icon=":material/help:", color="gray")
        elif above:
            st.badge(t("Above the operating point"), icon=":material/flag:", color="orange")
        else:
            st.badge(t("Below the operating point"), icon=":material/remove:", color="gray")
    st.markdown(t("**{percent}** on this model's scale", percent=percent(score.probability)))
    st.html(_scale(score))
    if not known:
        st.markdown(t("The number says nothing about this image: the model did not learn from any like it."))
    elif above:
        st.markdown(t("The model finds signs that it was trained to call “{finding}”.", finding=plain(title)))
    else:
        st.markdown(t("The model does not find enough signs to call this “{finding}”.", finding=plain(title)))


def _scale(score: Score) -> str:
    label = t(
        "{percent} on a scale from 0 to 100 %, operating point {threshold}",
        percent=percent(score.probability),
        threshold=percent(score.threshold),
    )
    mark = t("operating point {threshold}", threshold=percent(score.threshold))
    place = 100 * score.threshold
    return (
        f'<div class="medcore-scale" role="img" aria-label="{html.escape(label)}">'
        f'<i style="width:{100 * score.probability:.1f}%"></i><b style="left:{place:.1f}%"></b>'
        f'<span style="left:{min(max(place, 18), 82):.1f}%">{html.escape(mark)}</span></div>'
    )

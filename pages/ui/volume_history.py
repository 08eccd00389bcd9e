"""Who corrected a result, when and how; the latest correction can be taken back, and the model's own answer stays."""

from __future__ import annotations

import streamlit as st

from medcore.errors import N_
from medcore.workbench.analyse import Analysis
from medcore.workbench.corrected import Review
from pages.ui import volume_review
from pages.ui.words import plain, t

MOST = 12
DEEDS = {
    "redrawn": N_("drew with the brush"),
    "accepted": N_("accepted lesion {lesion}"),
    "rejected": N_("rejected lesion {lesion}"),
    "reopened": N_("left lesion {lesion} open"),
    "undone": N_("took a correction back"),
}


def show(analysis: Analysis, review: Review) -> None:
    """Reader, undo, and the latest corrections."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="reading"):
        volume_review.name_field()
        st.button(
            t("Undo"),
            icon=":material/undo:",
            key="undo-correction",
            disabled=review.last is None,
            on_click=volume_review.undo,
            args=(analysis,),
            help=t("Takes the latest correction back. It stays in the history."),
        )
    if not review.history:
        return
    with st.expander(t("{count} corrections; the model's own answer is kept", count=len(review.history))):
        for one in reversed(review.history[-MOST:]):
            when = one.at.strftime("%Y-%m-%d %H:%M:%S UTC")
            deed = t(DEEDS[one.act.value], **({"lesion": one.lesion} if "{lesion}" in DEEDS[one.act.value] else {}))
            who = one.by or t("no name")
            st.caption(plain(f"{when} · {who} · {deed}"))
        if len(review.history) > MOST:
            st.caption(t("and {count} earlier ones", count=len(review.history) - MOST))

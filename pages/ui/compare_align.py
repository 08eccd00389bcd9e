"""Second step of a comparison: each later study on the baseline, how far that can be believed, and who accepts it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from medcore.errors import N_
from medcore.workbench import alignment_words
from medcore.workbench.comparisons import Aligned
from pages.ui import compare_changes, compare_draft, compare_viewer, pick, show
from pages.ui.compare_draft import Reading
from pages.ui.words import percent, plain, say, t

METHODS = {
    "given": N_("the very same scan"),
    "same_contrast": N_("by grey values"),
    "mutual_information": N_("by mutual information, for different contrast"),
}


def page(reading: Reading) -> None:
    """The step."""
    if reading.aligned is None:
        compare_draft.need_alignment(reading)
        return
    with st.container(key="split"):
        left, right = st.columns([2, 1], gap="medium")
    with right:
        visit = _visit(reading)
        views = {"top": t("On top of each other"), "beside": t("Side by side"), "change": t("What changed")}
        how = pick.segment("how", t("View"), views)
        if how == "change":
            compare_changes.page(reading, reading.aligned, visit, left)
        else:
            _trust(reading.aligned, visit)
            _landmarks(reading.aligned, visit)
        _accept(reading)
        with st.container(horizontal=True):
            st.button(
                t("Confirm lesions"), type="primary", key="compare-next", on_click=compare_draft.go, args=("lesions",)
            )
            compare_draft.undo(reading)
    with left:
        if how == "top":
            compare_viewer.on_top(reading, visit)
        elif how == "beside":
            compare_viewer.side_by_side(reading)


def _visit(reading: Reading) -> int:
    """Which later study to look at."""
    later = range(1, len(reading.draft.visits))
    titles = {str(number): compare_draft.title_of(reading, number) for number in later}
    return int(pick.one_of("visit", t("Study"), titles, hide_single=True))


def _trust(aligned: Aligned, visit: int) -> None:
    """How good one alignment is, in figures and in words."""
    found = aligned.alignments[visit - 1]
    trust = found.trust
    if trust.trusted:
        st.success(t("The studies lie on top of each other well enough to tell change."), icon=":material/verified:")
    else:
        doubts = "  \n".join(plain(say(doubt)) for doubt in trust.doubts)
        st.warning(t("This alignment is in doubt.") + "  \n" + doubts, icon=":material/warning:")
    show.facts(
        {
            t("Found"): t(METHODS[found.method.value]),
            t("Similarity"): f"{trust.similarity:.2f}",
            t("Overlap"): percent(trust.overlap),
            t("Back and forth"): say(alignment_words.back_and_forth(trust, aligned.moments[0].scan)),
            t("Loss of similarity a small step away"): percent(trust.sharpness),
        }
    )
    st.caption(
        t(
            "Back and forth: places go to the later study and come back by an alignment found the other way; "
            "this is how far from home they end. Look at edges of bone and vessels under swipe and checkerboard."
        )
    )


def _landmarks(aligned: Aligned, visit: int) -> None:
    """How far the reader's own points are apart; how to set some."""
    trust, scan = aligned.alignments[visit - 1].trust, aligned.moments[0].scan
    unit = "mm" if scan.spacing_mm is not None and not scan.placeholder_spacing else "px"
    if trust.landmark_mm is not None:
        show.facts(
            {
                t("Landmarks"): str(len(trust.landmarks)),
                t("Apart on average"): f"{trust.landmark_mm:.1f} {unit}",
                t("Farthest apart"): f"{max(trust.landmarks):.1f} {unit}",
            }
        )
    else:
        st.caption(
            t(
                "Check it with landmarks: in “Side by side”, set the same place in both scans with the tool Point. "
                "Points with the same text are a pair, those without one go by their order."
            )
        )


def _accept(reading: Reading) -> None:
    """The reader takes an alignment that is in doubt, or takes that back."""
    aligned = reading.aligned
    if aligned is None or (all(one.trust.trusted for one in aligned.alignments) and not reading.draft.accepted):
        return
    accepted = st.checkbox(
        t("I looked at it and take this alignment"), value=reading.draft.accepted, key=reading.key("accept")
    )
    if not accepted:
        st.caption(t("Until then no response is told: a change may only be a shift."))
    if accepted != reading.draft.accepted:
        compare_draft.change(reading, replace(reading.draft, accepted=accepted))

"""The worst errors of a model, each with what the model saw; a click opens the image."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from medcore.errors import MedcoreError
from medcore.workbench.evaluated_pictures import MOST, Shown, WrongCall, worst
from medcore.workbench.studies import uploaded
from pages.ui import faults, pick, state
from pages.ui.evaluate_choice import Chosen
from pages.ui.words import percent, plain, t

ACROSS = 4


def gallery(chosen: Chosen) -> None:
    """False negatives or false positives, the surest first."""
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = pick.segment("errors", t("Errors"), {"missed": t("Missed"), "false": t("False alarms")})
        heat = st.toggle(t("With explanation (Grad-CAM)"), True, key="error-heat")
    present = kind == "missed"
    every = worst(chosen.part.answers, chosen.evaluated.threshold, present=present, most=len(chosen.part.answers))
    found = [w for w in every if state.workbench().gallery.here(chosen.card.id, chosen.evaluated.folder, w)]
    if not every:
        st.success(t("There is no such error here."), icon=":material/check_circle:")
        return
    st.caption(
        t("The finding is there, but the model called it absent; the surest errors first.")
        if present
        else t("The finding is not there, but the model called it present; the surest errors first.")
    )
    _absent(every, len(found))
    columns = st.columns(ACROSS, gap="small")
    for number, wrong in enumerate(found[:MOST]):
        with columns[number % ACROSS]:
            try:
                _picture(chosen, wrong, number, heat=heat)
            except MedcoreError as error:
                faults.explain(error.message, error.hint)


def _absent(every: Sequence[WrongCall], here: int) -> None:
    """How many errors there are, and that not all of their pictures are here."""
    if here < len(every):
        sets = ", ".join(dict.fromkeys(plain(wrong.source) for wrong in every))
        st.info(
            t("Of {count} such errors, the pictures of {here} are here. The others belong to the sets {sets}; set "
              "MEDCORE_PICTURES_DIR to the folder that holds them.", count=len(every), here=here, sets=sets),
            icon=":material/folder_off:",
        )  # fmt: skip
    elif here > MOST:
        st.caption(t("The worst {count} of {all}.", count=MOST, all=here))


def _picture(chosen: Chosen, wrong: WrongCall, number: int, *, heat: bool) -> None:
    shown = state.workbench().gallery.shown(chosen.card.id, chosen.evaluated.folder, wrong)
    with st.container(key=f"thumb-error-{number}", gap="xsmall"):
        picture = shown.heat if heat and shown.heat is not None else shown.grey
        st.image(picture, width="stretch", output_format="JPEG", alt=wrong.name)
        st.caption(" · ".join(filter(None, (percent(wrong.probability), plain(wrong.facts)))))
        if st.button(t("Open"), icon=":material/open_in_full:", key=f"open-error-{number}", type="tertiary"):
            _open(chosen, wrong, shown)


@st.dialog(" ", width="large")
def _open(chosen: Chosen, wrong: WrongCall, shown: Shown) -> None:
    """The picture large, beside its explanation, and the way into the viewer."""
    st.markdown(
        t("**{name}** of {source}: probability {probability}, threshold {threshold}.",
          name=plain(wrong.name), source=plain(wrong.source), probability=percent(wrong.probability),
          threshold=f"{chosen.evaluated.threshold:.2f}")
    )  # fmt: skip
    left, right = st.columns(2)
    left.image(shown.grey, width="stretch", output_format="PNG", alt=wrong.name)
    if shown.heat is not None:
        right.image(shown.heat, width="stretch", output_format="PNG", alt=t("Where the model saw evidence"))
        right.caption(t("Where the model saw evidence"))
    if st.button(t("Open in Analyse"), icon=":material/query_stats:", type="primary", key="error-to-study"):
        _to_study(chosen, wrong)


def _to_study(chosen: Chosen, wrong: WrongCall) -> None:
    """Keep the picture as a study, as an upload would, and open it with this model."""
    bench = state.workbench()
    try:
        file = bench.gallery.file(chosen.card.id, chosen.evaluated.folder, wrong)
        if file is None:
            st.info(t("This picture lies in an archive; it cannot be opened as a study."), icon=":material/info:")
            return
        report = bench.studies.add([uploaded(*file)])
    except MedcoreError as error:
        faults.explain(error.message, error.hint)
        return
    studies = (*report.added, *report.known)
    if not studies:
        st.warning(t("The file was refused; the page Studies says why."), icon=":material/block:")
        return
    state.open_study(studies[0].id)
    state.go("analyse.py", task=chosen.card.task, model=chosen.card.id)

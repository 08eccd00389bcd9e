"""The studies of a comparison in the viewer: side by side and linked, or two in one picture; masks can be drawn."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from medcore.workbench.comparisons import RUN
from pages.ui import compare_draft, kept_marks, kept_masks, state
from pages.ui.compare_draft import Reading
from pages.ui.kept_marks import Place
from pages.ui.viewer.panes import Focus, LabelOverlay, Layout, Overlay, Pane
from pages.ui.viewer.viewer import viewer
from pages.ui.words import t

PIXELS = 560
MOST_PANES = 6


def side_by_side(reading: Reading, *, focus: Focus | None = None) -> None:
    """All studies, linked where they are aligned."""
    _drawable(reading, list(range(len(reading.draft.visits)))[:MOST_PANES], Layout.TILES, focus)
    if reading.aligned is None and len(reading.draft.visits) > 1:
        st.caption(t("Not aligned yet: the pictures scroll by themselves until you press Align."))


def on_top(reading: Reading, visit: int, *, focus: Focus | None = None) -> None:
    """The baseline and one later study in one picture: swipe, blend, checkerboard, difference, flicker."""
    _drawable(reading, [0, visit], Layout.FUSION, focus)


def _drawable(reading: Reading, numbers: list[int], layout: Layout, focus: Focus | None) -> None:
    visits = [reading.draft.visits[number] for number in numbers]
    places = [Place(one.study, one.scan) for one in visits]
    key = f"compare-{layout.value}-{reading.aligned is not None}-" + "-".join(one.scan[:12] for one in visits)
    marks, masks = kept_marks.saved(key, places), kept_masks.opened(key)
    panes = [
        replace(pane, overlays=(*kept_masks.overlays(masks, index, place.scan), *_of_models(reading, number)))
        for index, (number, pane, place) in enumerate(
            zip(numbers, [_pane(reading, number) for number in numbers], places, strict=True)
        )
    ]
    with st.container(key="viewport-large"):
        shown = viewer(
            panes,
            key=key,
            height=PIXELS,
            layout=layout if len(panes) > 1 else Layout.AUTO,
            focus=focus,
            measurements=marks,
            sitting=masks.sitting,
        )
    kept_marks.keep(key, places, shown.measurements)
    kept_masks.keep(masks, places, shown.drawn)
    if shown.drawn:
        st.rerun()  # the lesions of the comparison are others now


def _pane(reading: Reading, number: int) -> Pane:
    scan = reading.draft.visits[number].scan
    to_reference = reading.aligned.alignments[number - 1].to_fixed if reading.aligned and number else None
    return Pane(state.volume(scan), compare_draft.title_of(reading, number), to_reference=to_reference)


def _of_models(reading: Reading, number: int) -> tuple[Overlay, ...]:
    """What models found and readers left of it, where that counts as lesions."""
    chosen = reading.draft.visits[number]
    sources = state.workbench().comparisons.chosen_sources(chosen)
    runs = [one for one in sources if one.startswith(RUN)]
    if not runs:
        return ()
    found = {RUN + one.prediction.run.id: one for one in state.analyses(chosen.study)}
    masks = [(run, state.review(found[run]).mask) for run in runs if run in found]
    return tuple(LabelOverlay(mask, t("Segmentation"), id=run) for run, mask in masks if mask is not None)

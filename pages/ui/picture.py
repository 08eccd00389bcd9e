"""Shows pixels in the viewer: a scan by itself, and a result over its scan."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from medcore.records import ScanFacts, Study
from medcore.workbench.analyse import Analysis
from pages.ui import kept_marks, kept_masks, reading_list, state
from pages.ui.kept_marks import Place
from pages.ui.viewer.panes import HeatOverlay, Layout, Overlay, Pane
from pages.ui.viewer.viewer import viewer
from pages.ui.words import t

QUICK_PIXELS = 430
READING_PIXELS = 600
LAYOUTS = {"overlay": Layout.ONE, "beside": Layout.PAIR, "original": Layout.AUTO, "seen": Layout.ONE}


def look(study: Study, scan: ScanFacts, *, large: bool = False) -> None:
    """A scan by itself."""
    _drawable(
        Pane(state.volume(scan.id), ""),
        Place(study.id, scan.id),
        key=f"look-{scan.id}-{large}",
        large=large,
    )


def result(analysis: Analysis, view: str) -> None:
    """The scan with its heat map, bare, or as the network saw it; changing the view keeps slice and window."""
    run = analysis.prediction.run
    key = f"{view}-{run.id}"
    seen = state.network_view(run.id, analysis) if view == "seen" else None
    if seen is not None:  # its pixels have no place in the patient, so nothing is drawn on it
        with st.container(key="viewport-large"):
            viewer([Pane(seen, "")], key=key, height=READING_PIXELS, layout=LAYOUTS[view], tools=False)
        return
    pane = Pane(state.volume(run.scan), "", () if view == "original" else _overlays(analysis))
    _drawable(pane, Place(run.study, run.scan), key=key, layout=LAYOUTS[view])


def _drawable(pane: Pane, place: Place, *, key: str, large: bool = True, layout: Layout = Layout.AUTO) -> None:
    """One pane with the marks and masks of its scan, which are kept with its study, and the list of them below."""
    marks, masks = kept_marks.saved(key, [place]), kept_masks.opened(key)
    with st.container(key="viewport-large" if large else "viewport-quick"):
        shown = viewer(
            [replace(pane, overlays=(*pane.overlays, *kept_masks.overlays(masks, 0, place.scan)))],
            key=key,
            height=READING_PIXELS if large else QUICK_PIXELS,
            layout=layout,
            focus=masks.focus,
            measurements=marks,
            sitting=masks.sitting,
            tools=large,
        )
    kept_marks.keep(key, [place], shown.measurements)
    kept_masks.keep(masks, [place], shown.drawn)
    reading_list.show(masks, place, shown)


def _overlays(analysis: Analysis) -> tuple[Overlay, ...]:
    overlays: list[Overlay] = []
    explanation, card = analysis.explanation, analysis.card
    if explanation is not None:
        label = t(card.label(explanation.target).title) if card else explanation.target
        overlays.append(HeatOverlay(explanation.heat, label))
    return tuple(overlays)

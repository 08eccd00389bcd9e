"""Shows pixels in the viewer: a scan by itself, and a result over its scan."""

from __future__ import annotations

import streamlit as st

from medcore.records import Detection, ScanFacts, Segmentation
from medcore.workbench.analyse import Analysis
from pages.ui import state
from pages.ui.viewer.panes import BoxOverlay, HeatOverlay, LabelOverlay, Layout, Overlay, Pane
from pages.ui.viewer.viewer import viewer
from pages.ui.words import t

QUICK_PIXELS = 430
READING_PIXELS = 600
LAYOUTS = {"overlay": Layout.ONE, "beside": Layout.PAIR, "original": Layout.AUTO, "seen": Layout.ONE}


def look(scan: ScanFacts, *, large: bool = False) -> None:
    """A scan by itself."""
    with st.container(key="viewport-large" if large else "viewport-quick"):
        viewer(
            [Pane(state.volume(scan.id), "")],
            key=f"look-{scan.id}-{large}",
            height=READING_PIXELS if large else QUICK_PIXELS,
            tools=large,
        )


def result(analysis: Analysis, view: str) -> None:
    """A result over its scan: "overlay", "beside", "original", or "seen" (what the network saw)."""
    run = analysis.prediction.run
    seen = state.network_view(run.id, analysis) if view == "seen" else None
    if seen is not None:
        pane = Pane(seen, t("What the network saw"))
    else:
        pane = Pane(state.volume(run.scan), "", () if view == "original" else _overlays(analysis))
    with st.container(key="viewport-large"):
        viewer([pane], key=f"{view}-{run.id}", height=READING_PIXELS, layout=LAYOUTS[view])


def _overlays(analysis: Analysis) -> tuple[Overlay, ...]:
    overlays: list[Overlay] = []
    explanation, prediction, card = analysis.explanation, analysis.prediction, analysis.card
    if explanation is not None:
        label = t(card.label(explanation.target).title) if card else explanation.target
        overlays.append(HeatOverlay(explanation.heat, label))
    if isinstance(prediction, Segmentation):
        overlays.append(LabelOverlay(prediction.mask, t("Segmentation")))
    elif isinstance(prediction, Detection):
        overlays.append(BoxOverlay(prediction.boxes, t("Boxes")))
    return tuple(overlays)

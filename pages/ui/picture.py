"""Shows pixels in the viewer: a scan by itself, and a result over its scan."""

from __future__ import annotations

from medcore.records import Detection, ScanFacts, Segmentation
from medcore.workbench.analyse import Analysis
from pages.ui import state
from pages.ui.viewer.panes import BoxOverlay, HeatOverlay, LabelOverlay, Layout, Overlay, Pane
from pages.ui.viewer.viewer import viewer
from pages.ui.words import t

QUICK_PIXELS = 430
READING_PIXELS = 600


def look(scan: ScanFacts, *, large: bool = False) -> None:
    """A scan by itself."""
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
        viewer([Pane(seen, t("What the network saw"))], key=f"seen-{run.id}", height=READING_PIXELS, layout=Layout.ONE)
        return
    overlays = () if view == "original" else _overlays(analysis)
    viewer(
        [Pane(state.volume(run.scan), "", overlays)],
        key=f"result-{run.id}-{view}",
        height=READING_PIXELS,
        layout=Layout.PAIR if view == "beside" else Layout.AUTO if view == "original" else Layout.ONE,
    )


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

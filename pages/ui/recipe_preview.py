"""The scan before and after a recipe, live: in the viewer, as histograms, and what is lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from medcore.errors import MedcoreError
from medcore.records import ScanFacts
from medcore.workbench.prepare import FoundRegion, Histogram, Preview
from pages.ui import charts, faults, pick, show, state, theme
from pages.ui.viewer.panes import LabelOverlay, Layout, Pane
from pages.ui.viewer.viewer import viewer
from pages.ui.words import plain, say, t

PIXELS = 470
CHART_PIXELS = 150


def preview(scan: ScanFacts, region: FoundRegion | None) -> None:
    """Before and after; with a region that was found, also the scan with the region drawn over it."""
    bar = st.container(horizontal=True, vertical_alignment="center")
    recipe = state.session().draft.recipe
    tried: Preview | None = None
    if recipe.steps:
        try:
            with st.spinner(t("Computing the preview")):
                tried = state.preview(scan.id, recipe, at=_slice(scan))
        except MedcoreError as error:
            faults.explain(error.message, error.hint)
    if region is not None and state.session().draft.looked_at != id(region):
        state.session().draft.looked_at = id(region)
        state.choose("view", "region")
    with bar:
        view = pick.segment("view", t("View"), _views(tried, region))
    _look(scan, view, tried, region)
    if tried is None:
        return
    with bar:
        st.caption(plain(say(tried.shown)), width="stretch")
    if not tried.whole and scan.shape[0] > 1:
        middle = scan.shape[0] // 2 + 1
        st.slider(t("Slice in the middle of the preview"), 1, scan.shape[0], middle, key=_slice_key(scan))
    _histograms(tried.histograms)
    show.issues(tried.notes)


def _views(tried: Preview | None, region: FoundRegion | None) -> dict[str, str]:
    views = {"before": t("Before")}
    if tried is not None:
        views = {"beside": t("Side by side"), "swipe": t("Compare"), "after": t("After")}
    if tried is not None and tried.lost is not None:
        views["lost"] = t("What is cut off")
    if region is not None:
        views["region"] = t("Region")
    return views


def _look(scan: ScanFacts, view: str, tried: Preview | None, region: FoundRegion | None) -> None:
    panes, layout = _panes(scan, view, tried, region)
    with st.container(key="viewport-prepare"):
        viewer(panes, key=f"prepare-{scan.id}-{view}", layout=layout, height=PIXELS, tools=False)


def _panes(
    scan: ScanFacts, view: str, tried: Preview | None, region: FoundRegion | None
) -> tuple[Sequence[Pane], Layout]:
    if view == "region" and region is not None:
        names = tuple((value, t(name)) for value, name in region.found.mask.names.items())
        mask = state.named_mask(str(id(region)), names, region.found.mask)
        return [Pane(state.volume(scan.id), t(region.title), (LabelOverlay(mask, t(region.title)),))], Layout.AUTO
    if tried is None:
        return [Pane(state.volume(scan.id), t("Before"))], Layout.AUTO
    before, after = Pane(tried.before, t("Before")), Pane(tried.after, t("After"), to_reference=np.eye(4))
    if view == "lost" and tried.lost is not None:
        lost = state.named_mask(str(id(tried)), ((1, t("Cut off")),), tried.lost)
        return [Pane(tried.before, t("Before"), (LabelOverlay(lost, t("Cut off"), fill=True),))], Layout.ONE
    if view == "after":
        return [Pane(tried.after, t("After"))], Layout.AUTO
    return [before, after], Layout.FUSION if view == "swipe" else Layout.TILES


def _slice_key(scan: ScanFacts) -> str:
    return f"preview-slice-{scan.id}"


def _slice(scan: ScanFacts) -> int | None:
    """The slice that the reader wants a slow recipe tried on, from 0."""
    held = state.setting(_slice_key(scan))
    return held - 1 if isinstance(held, int) else None


def _histograms(pair: tuple[Histogram, Histogram]) -> None:
    titles = (t("Values before"), t("Values after"))
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.06)
    for column, one in enumerate(pair, 1):
        curve = go.Scatter(
            x=one.values,
            y=one.percent,
            fill="tozeroy",
            mode="lines",
            line={"width": 1, "color": theme.colours()[0], "shape": "hvh"},
            hovertemplate=t("Value") + " %{x:.4g}: %{y:.2f} %<extra></extra>",
        )
        figure.add_trace(curve, row=1, col=column)
    margin = {"l": 0, "r": 8, "t": 24, "b": 0}
    figure.update_layout(height=CHART_PIXELS, margin=margin, showlegend=False, dragmode=False)
    figure.update_annotations(font_size=13)
    figure.update_xaxes(fixedrange=True, showgrid=False)
    figure.update_yaxes(fixedrange=True, type="log", showticklabels=False, showgrid=True)
    st.plotly_chart(figure, config=charts.CONFIG, key="recipe-histograms")

"""How probable a finding is in each slice: a strip under the picture that goes to the slice one clicks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from medcore.predictions import Detection, Prediction, Segmentation
from medcore.volume import Geometry
from medcore.workbench.analyse import Analysis
from medcore.workbench.corrected import Finding, Review
from pages.ui import charts, state, theme, volume_review, volume_table
from pages.ui.words import t

HEIGHT = 150
BAND = "rgba(128, 150, 170, 0.28)"  # reads on light and on dark


def show(analysis: Analysis, chosen: Finding | None) -> None:
    """The strip; nothing where the model gave no probability for each slice."""
    prediction = analysis.prediction
    shown = presence(prediction)
    if len(shown) < 2:
        return
    review = state.review(analysis)
    figure = chart(shown, slices_with_lesions(review), chosen)
    key = f"strip-{prediction.run.id}-{len(review.history)}-{chosen.id if chosen else ''}"
    with st.container(key="strip-presence"):
        st.caption(t("Probability of a finding in each slice; grey: slices with a counted lesion. Click to go there."))
        st.plotly_chart(
            figure,
            key=key,
            config=charts.CONFIG,
            on_select=lambda: _go(analysis, key),
            selection_mode="points",
        )


def presence(prediction: Prediction) -> tuple[float, ...]:
    """For each slice the largest probability of a finding in it; of boxes, that of those that reach into the slice."""
    match prediction:
        case Segmentation():
            return prediction.presence
        case Detection(boxes=boxes, mask=mask) if mask is not None:
            highest = np.zeros(mask.labels.shape[0])
            for box in boxes:
                part = highest[max(0, math.floor(box.corners[0])) : math.ceil(box.corners[3]) + 1]
                np.maximum(part, box.probability, out=part)
            return tuple(highest.tolist())
        case _:
            return ()


def chart(presence: Sequence[float], bands: Sequence[tuple[int, int]], chosen: Finding | None) -> go.Figure:
    """Probability over slices, counted from 1, with the slices that hold lesions marked."""
    slices = list(range(1, len(presence) + 1))
    figure = go.Figure(
        go.Scatter(
            x=slices,
            y=[100 * one for one in presence],
            mode="lines+markers",
            line={"width": 2, "shape": "hvh"},
            marker={"size": 5},
            fill="tozeroy",
            hovertemplate=t("slice {slice}", slice="%{x}") + ": %{y:.0f} %<extra></extra>",
        )
    )
    for first, last in bands:
        figure.add_vrect(x0=first + 0.5, x1=last + 1.5, fillcolor=BAND, line_width=0, layer="below")
    if chosen is not None and (number := volume_table.slice_text(chosen)):
        figure.add_vline(x=int(number), line={"width": 2, "dash": "dot", "color": theme.colours()[1]})
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 4, "b": 0},
        colorway=theme.colours(),
        showlegend=False,
        dragmode=False,
        clickmode="event+select",
    )
    figure.update_xaxes(title=t("Slice"), range=[0.5, len(presence) + 0.5], fixedrange=True, showgrid=False)
    figure.update_yaxes(range=[0, 104], ticksuffix=" %", nticks=3, fixedrange=True)
    return figure


def slices_with_lesions(review: Review) -> tuple[tuple[int, int], ...]:
    """First and last slice of each stretch that holds a label of the mask as it stands."""
    if review.mask is None:
        return ()
    used = np.flatnonzero(review.mask.labels.any(axis=(1, 2)))
    if not used.size:
        return ()
    ends = np.flatnonzero(np.diff(used) > 1)
    firsts, lasts = [used[0], *used[ends + 1]], [*used[ends], used[-1]]
    return tuple((int(a), int(b)) for a, b in zip(firsts, lasts, strict=True))


def _go(analysis: Analysis, key: str) -> None:
    """Look at the slice that was clicked: at the largest lesion in it, else at its middle."""
    points = state.selected_points(key)
    review = state.review(analysis)
    if not points or review.mask is None:
        return
    number = round(points[0]) - 1
    labels, geometry = review.mask.labels[number], review.mask.geometry
    inside = np.argwhere(labels)
    row, column = inside.mean(axis=0) if len(inside) else (np.array(labels.shape) - 1) / 2
    volume_review.jump(analysis.prediction.run.id, _place(geometry, number, float(row), float(column)))


def _place(geometry: Geometry, number: int, row: float, column: float) -> tuple[float, float, float]:
    x, y, z = geometry.to_lps(np.array([number, row, column])).tolist()
    return x, y, z

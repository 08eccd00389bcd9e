"""The one template of all charts: fonts and colours come from the theme, the rest from here."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from medcore.cards import Estimate
from pages.ui import theme

CONFIG = {"displayModeBar": False, "scrollZoom": False}


def interval_trace(title: str, figures: Sequence[tuple[str, Estimate]]) -> go.Scatter:
    """One row of points with their intervals, a point for each named figure."""
    return go.Scatter(
        name=title,
        x=[figure.value for _, figure in figures],
        y=[name for name, _ in figures],
        error_x={
            "type": "data",
            "array": [figure.high - figure.value for _, figure in figures],
            "arrayminus": [figure.value - figure.low for _, figure in figures],
            "thickness": 2,
            "width": 5,
        },
        orientation="h",
        mode="markers",
        marker={"size": 9},
        hovertemplate="%{y}: %{x:.3f}<extra>" + title + "</extra>",
    )


def dressed(figure: go.Figure, *, height: int) -> go.Figure:
    """A chart of figures between 0 and 1, in the template."""
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": -0.25, "x": 0},
        scattermode="group",
        colorway=theme.colours(),
        dragmode=False,
    )
    figure.update_xaxes(range=[0, 1.02], showgrid=True, zeroline=False, tickformat=".1f", fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    return figure

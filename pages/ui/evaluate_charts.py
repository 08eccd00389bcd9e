"""Charts of an evaluation: ROC and precision-recall with bands, reliability, net benefit, FROC, agreement, shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from medcore.cards import Estimate
from medcore.workbench.evaluate import At, Curves, Pair
from medcore.workbench.evaluated_masks import Areas
from medcore.workbench.evaluation_file import FrocPoints
from pages.ui import chart_style, theme
from pages.ui.words import plain, signed, t

HEIGHT = 270
LINE = "#8a97a3"
FULL = "#0B6B8A"  # a cell that holds its whole row; white is read on it in both themes


def roc(curves: Curves, at: At) -> go.Figure:
    """Sensitivity over the false positive rate, with the threshold's point."""
    figure = _unit(go.Figure())
    _chance(figure)
    if curves.roc is not None:
        banded(figure, 0, "ROC", x=curves.roc.x, value=curves.roc.value, low=curves.roc.low, high=curves.roc.high)
    counts = at.confusion
    ill, well = counts.true_positive + counts.false_negative, counts.false_positive + counts.true_negative
    if ill and well:
        _point(figure, counts.false_positive / well, counts.true_positive / ill)
    return _titled(figure, t("1 − specificity"), t("Sensitivity"))


def precision_recall(curves: Curves, at: At) -> go.Figure:
    """Precision over recall, with the threshold's point and what calling everybody ill would give."""
    figure = _unit(go.Figure())
    curve, counts = curves.precision_recall, at.confusion
    if curve is not None:
        parts = (curve.x, curve.value, curve.low, curve.high)  # at recall 0 a band has no meaning
        x, value, low, high = (part[1:] for part in parts)
        banded(figure, 0, "PR", x=x, value=value, low=low, high=high)
    ill, called = counts.true_positive + counts.false_negative, counts.true_positive + counts.false_positive
    total = ill + counts.false_positive + counts.true_negative
    if total:
        figure.add_hline(y=ill / total, line={"dash": "dot", "width": 1.5, "color": LINE})
    if ill and called:
        _point(figure, counts.true_positive / ill, counts.true_positive / called)
    return _titled(figure, t("Recall"), t("Precision"))


def reliability(curves: Curves) -> go.Figure:
    """How often the finding was there over the probability that was said."""
    figure = _unit(go.Figure())
    _chance(figure)
    bins = curves.reliability
    figure.add_scatter(
        x=[one.probability for one in bins],
        y=[one.frequency.value for one in bins],
        error_y={
            "type": "data",
            "array": [one.frequency.high - one.frequency.value for one in bins],
            "arrayminus": [one.frequency.value - one.frequency.low for one in bins],
            "thickness": 1.5,
        },
        customdata=[one.count for one in bins],
        mode="lines+markers",
        line={"color": chart_style.series(0).colour},
        showlegend=False,
        hovertemplate="%{x:.2f} → %{y:.2f} (%{customdata})<extra></extra>",
    )
    return _titled(figure, t("Probability"), t("Frequency"))


def net_benefit(curves: Curves, at: At) -> go.Figure:
    """Net benefit over the threshold, with calling nobody and everybody beside it."""
    figure = go.Figure()
    curve, counts = curves.net_benefit, at.confusion
    if curve is not None:
        banded(figure, 0, t("Model"), x=curve.x, value=curve.value, low=curve.low, high=curve.high)
        ill = counts.true_positive + counts.false_negative
        share = ill / max(1, ill + counts.false_positive + counts.true_negative)
        everybody = [share - (1 - share) * x / (1 - x) for x in curve.x]
        figure.add_scatter(x=curve.x, y=everybody, name=t("Everybody"), mode="lines",
                           line={"dash": "dot", "color": LINE})  # fmt: skip
        figure.update_yaxes(range=[min(-0.05, -0.1 * share), max(0.05, share * 1.15)])
    figure.add_hline(y=0, line={"width": 1, "color": LINE})
    figure.add_vline(x=counts.threshold, line={"width": 1.5, "dash": "dash", "color": LINE})
    return _titled(figure, t("Threshold"), t("Net benefit"))


def confusion(at: At) -> go.Figure:
    """The four counts, as the threshold makes them."""
    counts = at.confusion
    cells = [[counts.true_negative, counts.false_positive], [counts.false_negative, counts.true_positive]]
    rows = [max(1, sum(row)) for row in cells]
    shares = [[cell / rows[i] for cell in row] for i, row in enumerate(cells)]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=[t("called absent"), t("called present")], y=[t("Absent"), t("Present")], zmin=0, zmax=1,
            text=[[f"{cell}<br>{share:.0%}" for cell, share in zip(*both, strict=True)]
                  for both in zip(cells, shares, strict=True)],
            texttemplate="%{text}", textfont={"size": 16, **({"color": "#FFFFFF"} if theme.dark() else {})},
            showscale=False, hoverinfo="skip", xgap=3, ygap=3,
            colorscale=[[0, "rgba(127,127,127,0.10)"], [1, FULL]],
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(side="top")
    return _titled(figure, "", "", height=190)


def froc(points: FrocPoints) -> go.Figure:
    """Share of drawn boxes found over false boxes an image."""
    figure = go.Figure()
    values = points.sensitivity
    _estimates(figure, 0, "FROC", points.false_per_image, values)
    figure.update_xaxes(type="log", tickvals=list(points.false_per_image))
    figure.update_yaxes(range=[0, 1.02])
    return _titled(figure, t("False boxes an image"), t("Share of boxes found"))


def bland_altman(areas: Areas) -> go.Figure:
    """Difference over mean of found and drawn areas, with bias and limits of agreement."""
    pairs = list(zip(areas.found, areas.drawn, strict=True))
    figure = go.Figure(
        go.Scatter(
            x=[(found + drawn) / 2 for found, drawn in pairs], y=[found - drawn for found, drawn in pairs],
            mode="markers", marker={"size": 6, "opacity": 0.6, "color": chart_style.series(0).colour},
            text=[plain(name) for name in areas.names], showlegend=False,
            hovertemplate="%{text}<br>%{x:.2f} %, %{y:+.2f} %<extra></extra>",
        )
    )  # fmt: skip
    one = areas.agreement
    for level, dash in ((one.bias.value, "solid"), (one.lower, "dash"), (one.upper, "dash")):
        figure.add_hline(y=level, line={"dash": dash, "width": 1.5, "color": LINE}, annotation_text=signed(level, 2))
    return _titled(figure, t("Mean of both, % of the picture"), t("Found less drawn, %"), height=340)


def two(titles: tuple[str, str], pair: Pair) -> go.Figure:
    """Two ROC curves."""
    figure = _unit(go.Figure())
    _chance(figure)
    for number, (name, curve) in enumerate(zip(titles, pair.curves, strict=True)):
        banded(figure, number, name, x=curve.x, value=curve.value, low=curve.low, high=curve.high)
    figure = _titled(figure, t("1 − specificity"), t("Sensitivity"), height=380)
    figure.update_layout(showlegend=True)
    return figure


def shift(
    strengths: Sequence[float], models: Mapping[str, Sequence[Estimate]], unit: str, *, span: tuple[float, float]
) -> go.Figure:
    """A figure over the strength of a shift, for one model or two; steps are evenly apart.

    Args:
        span: Lowest and highest value of the axis, the same for all shifts, so that they can be compared.
    """
    figure = go.Figure()
    places = list(range(len(strengths)))
    for number, (name, values) in enumerate(models.items()):
        _estimates(figure, number, name, places, values)
    figure.update_xaxes(tickvals=places, ticktext=[f"{s:g}" for s in strengths])
    figure.update_yaxes(range=span)
    figure = _titled(figure, unit, "", height=230)
    figure.update_layout(showlegend=len(models) > 1, margin={"t": 28 if len(models) > 1 else 10})
    return figure


def banded(
    figure: go.Figure,
    number: int,
    name: str,
    *,
    x: Sequence[float],
    value: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
) -> None:
    """A line with its 95 % band, in the n-th look."""
    look = chart_style.series(number)
    figure.add_scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(low)], fill="toself", mode="none", hoverinfo="skip",
        fillcolor=_faded(look.colour), showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=list(x), y=list(value), name=name, mode="lines+markers" if len(x) < 20 else "lines",
        line={"color": look.colour, "dash": ("solid", "dash", "dot")[number % 3]}, marker={"symbol": look.symbol},
        hovertemplate="%{x:.3g}: %{y:.3f}<extra>" + name + "</extra>",
    )  # fmt: skip


def _estimates(figure: go.Figure, number: int, name: str, x: Sequence[float], values: Sequence[Estimate]) -> None:
    low, high = [v.low for v in values], [v.high for v in values]
    banded(figure, number, name, x=x, value=[v.value for v in values], low=low, high=high)


def _faded(colour: str) -> str:
    red, green, blue = (int(colour.lstrip("#")[i : i + 2], 16) for i in (0, 2, 4))
    return f"rgba({red}, {green}, {blue}, 0.18)"


def _chance(figure: go.Figure) -> None:
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", hoverinfo="skip", showlegend=False,
                       line={"dash": "dot", "width": 1.5, "color": LINE})  # fmt: skip


def _point(figure: go.Figure, x: float, y: float) -> None:
    colour = (theme.colours() or ["", "#C77F00"])[1]
    figure.add_scatter(x=[x], y=[y], mode="markers", marker={"size": 13, "color": colour, "line": {"width": 2}},
                       showlegend=False, hovertemplate="%{x:.3f}, %{y:.3f}<extra></extra>")  # fmt: skip


def _unit(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(range=[0, 1.02])
    figure.update_yaxes(range=[0, 1.02])
    return figure


def _titled(figure: go.Figure, across: str, up: str, *, height: int = HEIGHT) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 10, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "bgcolor": "rgba(0,0,0,0)"},
        colorway=theme.colours(),
        dragmode=False,
        showlegend=sum(trace.name is not None and trace.showlegend is not False for trace in figure.data) > 1,
    )
    figure.update_xaxes(title=across, fixedrange=True, automargin=True, zeroline=False)
    figure.update_yaxes(title=up, fixedrange=True, automargin=True, zeroline=False)
    return figure

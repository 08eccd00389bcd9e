"""Charts of a response: the sum with its thresholds, each lesion over time, each lesion's change, the chances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from medcore.records import Response, Timepoint
from medcore.workbench.assess import Certainty
from pages.ui import theme
from pages.ui.words import t

HEIGHT = 330
LINE = "#8a97a3"
BAND = "rgba(128, 150, 170, 0.25)"  # reads on light and on dark


def sums(response: Response, labels: Sequence[str], sure: Certainty | None) -> go.Figure:
    """The sum at each visit with its 95 % interval, baseline, nadir and where other categories begin."""
    values = [row.sum for row in response.timepoints]
    figure = go.Figure()
    if sure is not None:
        low = [chance.sum_low for chance in sure.chances]
        high = [chance.sum_high for chance in sure.chances]
        figure.add_scatter(x=labels, y=high, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
        figure.add_scatter(
            x=labels,
            y=low,
            mode="lines",
            line={"width": 0},
            fill="tonexty",
            fillcolor=BAND,
            name=t("95 % interval"),
            hoverinfo="skip",
        )
    said = ["", *(row.overall for row in response.timepoints[1:])]
    figure.add_scatter(
        x=labels, y=values, mode="lines+markers+text", name=t("Sum"), text=said,
        textposition="top center", line={"width": 3}, marker={"size": 10},
        hovertemplate="%{x}: %{y:.1f} " + response.unit + "<extra></extra>",
    )  # fmt: skip
    last = response.timepoints[-1]
    marks: dict[float, str] = {}
    for value, name in ((last.baseline, t("Baseline")), (last.nadir, t("Nadir"))):
        if value is not None:
            marks[value] = f"{marks[value]} = {name}" if value in marks else name
    for value, name in marks.items():
        if value:
            figure.add_hline(
                y=value,
                line={"dash": "dot", "width": 1, "color": LINE},
                annotation_text=name,
                annotation_position="top",
            )
    for threshold in last.thresholds:
        figure.add_hline(
            y=threshold.at,
            line={"dash": "dash", "width": 1.5, "color": LINE},
            annotation_text=t("{category} from {value}", category=threshold.category, value=f"{threshold.at:.1f}"),
            annotation_position="bottom left",
        )
    top = max([value for value in values if value is not None] + [one.at for one in last.thresholds], default=1.0)
    figure.update_yaxes(range=[0, top * 1.25])
    return dressed(figure, t("Sum") + f" ({response.unit})")


def spider(history: Sequence[Timepoint], labels: Sequence[str], size: str, title: str) -> go.Figure:
    """Change of each lesion against its first size, in percent."""
    figure = go.Figure()
    for lesion, changes in _changes(history, size).items():
        figure.add_scatter(
            x=labels, y=changes, mode="lines+markers", name=lesion, connectgaps=False,
            hovertemplate="%{x}: %{y:+.0f} %<extra>" + lesion + "</extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"width": 1})
    return dressed(figure, t("Change of {size}, %", size=title))


def waterfall(history: Sequence[Timepoint], size: str, title: str) -> go.Figure:
    """Change of each lesion at its last visit, the largest growth first."""
    last = {
        lesion: next((one for one in reversed(changes) if one is not None), None)
        for lesion, changes in _changes(history, size).items()
    }
    ordered = sorted(((name, one) for name, one in last.items() if one is not None), key=lambda pair: -pair[1])
    figure = go.Figure(
        go.Bar(
            x=[name for name, _ in ordered],
            y=[one for _, one in ordered],
            hovertemplate="%{x}: %{y:+.0f} %<extra></extra>",
        )
    )
    return dressed(figure, t("Change of {size}, %", size=title))


def chances(sure: Certainty, labels: Sequence[str]) -> go.Figure:
    """The chance of each category at each visit."""
    figure = go.Figure()
    categories = list(dict.fromkeys(name for one in sure.chances for name in one.chances))
    for category in categories:
        shares = [100 * one.chances.get(category, 0.0) for one in sure.chances]
        figure.add_bar(x=labels, y=shares, name=category, hovertemplate="%{x}: %{y:.0f} %<extra>" + category)
    figure.update_layout(barmode="stack")
    figure.update_yaxes(range=[0, 100])
    return dressed(figure, t("Chance, %"))


def dressed(figure: go.Figure, title: str) -> go.Figure:
    """A chart over the visits, in the template."""
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 24, "b": 0},
        legend={"orientation": "h", "y": -0.15, "x": 0},
        colorway=theme.colours(),
        dragmode=False,
    )
    figure.update_xaxes(type="category", fixedrange=True)
    figure.update_yaxes(title=title, fixedrange=True)
    return figure


def _changes(history: Sequence[Timepoint], size: str) -> Mapping[str, list[float | None]]:
    """Lesion to its change at each visit against its first size; gone is -100 %."""
    lesions = dict.fromkeys(one.id for visit in history for one in visit.lesions)
    found: dict[str, list[float | None]] = {}
    for lesion in lesions:
        sizes: list[float | None] = []
        for visit in history:
            one = next((one for one in visit.lesions if one.id == lesion), None)
            value = getattr(one, "short_axis_mm" if one.node and size == "longest_mm" else size) if one else None
            sizes.append(0.0 if one is not None and one.status.value == "absent" else value)
        first = next((one for one in sizes if one), None)
        if first:
            found[lesion] = [None if one is None else 100 * (one / first - 1) for one in sizes]
    return found

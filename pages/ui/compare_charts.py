"""Charts of a response: the sum with its thresholds, each lesion over time, its growth, the chances of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from math import log2, log10

import plotly.graph_objects as go

from medcore.records import LesionReading, LesionRole, LesionStatus, Response, Timepoint
from medcore.workbench.assess import Certainty
from medcore.workbench.growth import GrowthCurve, growth_curves
from pages.ui import chart_style, theme
from pages.ui.words import signed, t, three_digits

HEIGHT = 330
LINE = "#8a97a3"
BAND = "rgba(128, 150, 170, 0.25)"  # reads on light and on dark
DASHES = {LesionRole.TARGET: "solid", LesionRole.NONTARGET: "dot", LesionRole.NEW: "dash"}
DOUBLINGS = (400, 600)  # days: below the first suspicious, above the second likely benign (BTS 2015)
FEW_OCTAVES = 8  # a line of the grid for each doubling up to here
MOST_LEGEND = 14  # lesions; more of them are named by the pointer only


def sums(response: Response, labels: Sequence[str], sure: Certainty | None) -> go.Figure:
    """The sum at each visit with its 95 % interval, baseline, nadir and where other categories begin."""
    values = [row.sum for row in response.timepoints]
    places = _places([row.acquired_on for row in response.timepoints], labels)
    figure = go.Figure()
    if sure is not None:
        _interval(figure, places, sure)
    said = ["", *(row.overall for row in response.timepoints[1:])]
    looks, accent = [chart_style.category(one) for one in said], chart_style.series(0).colour
    figure.add_scatter(
        x=places, y=values, mode="lines+markers+text", name=t("Sum"), text=said,
        textposition="top center", line={"width": 3, "color": accent}, customdata=labels,
        marker={"size": 12, "color": [accent, *(one.colour for one in looks[1:])],
                "symbol": ["circle", *(one.symbol for one in looks[1:])]},
        hovertemplate="%{customdata}: %{y:.1f} " + response.unit + "<extra></extra>",
    )  # fmt: skip
    last = response.timepoints[-1]
    _levels(figure, ((last.baseline, t("Baseline")), (last.nadir, t("Nadir"))))
    highest = max((one.at for one in last.thresholds), default=0.0)
    for threshold in last.thresholds:
        figure.add_hline(
            y=threshold.at,
            line={"dash": "dash", "width": 1.5, "color": LINE},
            annotation_text=t("{category} from {value}", category=threshold.category, value=f"{threshold.at:.1f}"),
            annotation_position="top left" if threshold.at == highest else "bottom left",  # names apart from lines
        )
    top = max([value for value in values if value is not None] + [one.at for one in last.thresholds], default=1.0)
    figure.update_yaxes(range=[0, top * 1.25])
    return over_time(figure, t("Sum") + f" ({response.unit})", places, labels)


def spider(history: Sequence[Timepoint], labels: Sequence[str], size: str, title: str) -> go.Figure:
    """Change of each lesion against its first size, in percent; targets with a whole line, the others with a broken."""
    figure, places = go.Figure(), _places([visit.acquired_on for visit in history], labels)
    found, roles = changes(history, size), _roles(history)
    for number, (lesion, steps) in enumerate(found.items()):
        look = chart_style.series(number)
        figure.add_scatter(
            x=places, y=steps, mode="lines+markers", name=lesion, connectgaps=False, customdata=labels,
            line={"color": look.colour, "dash": DASHES[roles[lesion]]},
            marker={"symbol": look.symbol, "size": 9, "color": look.colour},
            hovertemplate="%{customdata}: %{y:+.0f} %<extra>" + lesion + "</extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"width": 1, "color": LINE})
    figure.update_layout(showlegend=len(found) <= MOST_LEGEND)
    return over_time(figure, t("Change of {size}, %", size=title), places, labels)


def waterfall(history: Sequence[Timepoint], size: str, title: str) -> go.Figure:
    """Change of each lesion at its last visit, the largest growth first; lesions that are no targets are hatched."""
    roles = _roles(history)
    last = {
        lesion: next((one for one in reversed(steps[1:]) if one is not None), None)
        for lesion, steps in changes(history, size).items()
    }
    ordered = sorted(((name, one) for name, one in last.items() if one is not None), key=lambda pair: -pair[1])
    figure = go.Figure(
        go.Bar(
            x=[name for name, _ in ordered],
            y=[one for _, one in ordered],
            text=[signed(one) for _, one in ordered],
            textposition="outside" if len(ordered) <= 2 * MOST_LEGEND else "none",
            cliponaxis=False,
            marker={
                "pattern": chart_style.hatched(["" if roles[name] is LesionRole.TARGET else "/" for name, _ in ordered])
            },
            hovertemplate="%{x}: %{y:+.0f} %<extra></extra>",
        )
    )
    figure.add_hline(y=0, line={"width": 1, "color": LINE})
    figure.update_xaxes(type="category")
    return dressed(figure, t("Change of {size}, %", size=title))


def doubling(history: Sequence[Timepoint]) -> go.Figure | None:
    """Volume of each lesion over the days on a scale where steady doubling is a straight line; None without dates."""
    curves = growth_curves(history)
    if not curves:
        return None
    figure = go.Figure()
    for number, one in enumerate(curves):
        _curve(figure, number, one)
    longest = max(day for one in curves for day in one.days if day is not None)
    first = max(next(size for size in one.volumes_mm3 if size) for one in curves)
    for days in DOUBLINGS:
        figure.add_scatter(
            x=[0, longest], y=[first, first * 2 ** (longest / days)], mode="lines",
            line={"dash": "dot", "width": 1.5, "color": LINE}, hoverinfo="skip",
            name=t("doubling in {days} days", days=days),
        )  # fmt: skip
    few = _octaves(curves) < FEW_OCTAVES
    figure.update_yaxes(type="log", dtick=log10(2) if few else None, tickformat=".4~g")
    figure.update_xaxes(title=t("Days from the first study"))
    return dressed(figure, t("Volume, mm³ (doubled from line to line)") if few else t("Volume, mm³"))


def chances(sure: Certainty, labels: Sequence[str]) -> go.Figure:
    """The chance of each category at each visit."""
    figure = go.Figure()
    categories = list(dict.fromkeys(name for one in sure.chances for name in one.chances))
    for category in categories:
        shares = [100 * one.chances.get(category, 0.0) for one in sure.chances]
        look = chart_style.category(category)
        figure.add_bar(
            x=labels, y=shares, name=category, hovertemplate="%{x}: %{y:.0f} %<extra>" + category + "</extra>",
            marker=look.bar,
            text=[f"{category} {share:.0f} %" if share >= 8 else "" for share in shares], insidetextanchor="middle",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_yaxes(range=[0, 100])
    figure.update_xaxes(type="category")
    return dressed(figure, t("Chance, %"))


def course(values: Sequence[float | None], days: Sequence[date | None], labels: Sequence[str], title: str) -> go.Figure:
    """One measure of the whole image at each visit, from zero."""
    figure, places, look = go.Figure(), _places(days, labels), chart_style.series(0)
    figure.add_scatter(
        x=places, y=list(values), mode="lines+markers+text", customdata=labels, connectgaps=False, cliponaxis=False,
        text=["" if value is None else three_digits(value) for value in values], textposition="top center",
        line={"width": 3, "color": look.colour}, marker={"size": 10, "color": look.colour},
        hovertemplate="%{customdata}: %{y:.4~g}<extra></extra>",
    )  # fmt: skip
    top = max((value for value in values if value is not None), default=0.0)
    figure.update_yaxes(range=[0, 1.25 * top or 1.0])
    figure.update_layout(showlegend=False)
    return over_time(figure, title, places, labels)


def over_time(figure: go.Figure, title: str, places: Sequence[str], labels: Sequence[str]) -> go.Figure:
    """A chart over the visits: true to time where all have a date, else one step a visit."""
    if places is labels:
        figure.update_xaxes(type="category")
    else:
        shown = labels if len(labels) <= 6 else [one.split(" ")[0] for one in labels]
        figure.update_xaxes(type="date", tickmode="array", tickvals=list(places), ticktext=list(shown))
    return dressed(figure, title)


def dressed(figure: go.Figure, title: str) -> go.Figure:
    """A chart in the template."""
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 24, "b": 0},
        legend={"orientation": "h", "y": -0.15, "x": 0},
        colorway=theme.colours(),
        dragmode=False,
    )
    figure.update_xaxes(fixedrange=True, automargin=True)
    figure.update_yaxes(title=title, fixedrange=True)
    return figure


def changes(history: Sequence[Timepoint], size: str) -> Mapping[str, list[float | None]]:
    """Lesion to its change at each visit against its first size; gone is -100 %."""
    lesions = dict.fromkeys(one.id for visit in history for one in visit.lesions)
    found: dict[str, list[float | None]] = {}
    for lesion in lesions:
        readings = [next((one for one in visit.lesions if one.id == lesion), None) for visit in history]
        sizes = [_size(one, size) for one in readings]
        first = next((one for one in sizes if one), None)
        if first:
            found[lesion] = [None if one is None else 100 * (one / first - 1) for one in sizes]
    return found


def _size(one: LesionReading | None, size: str) -> float | None:
    if one is None or one.status is LesionStatus.ABSENT:
        return None if one is None else 0.0
    return one.volume_ml if size == "volume_ml" else one.short_axis_mm if one.node else one.longest_mm


def _roles(history: Sequence[Timepoint]) -> Mapping[str, LesionRole]:
    return {one.id: one.role for visit in history for one in visit.lesions}


def _places(days: Sequence[date | None], labels: Sequence[str]) -> Sequence[str]:
    """Where the visits stand on the axis: their days where all have one and they rise, else their labels."""
    known = [day for day in days if day is not None]
    rising = len(known) == len(days) and all(one < other for one, other in pairwise(known))
    return [day.isoformat() for day in known] if rising and len(known) > 1 else labels


def _interval(figure: go.Figure, places: Sequence[str], sure: Certainty) -> None:
    low = [chance.sum_low for chance in sure.chances]
    high = [chance.sum_high for chance in sure.chances]
    quiet = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=places, y=high, showlegend=False, **quiet)
    figure.add_scatter(x=places, y=low, fill="tonexty", fillcolor=BAND, name=t("95 % interval"), **quiet)


def _levels(figure: go.Figure, levels: Sequence[tuple[float | None, str]]) -> None:
    """Lines with names; two at one height share a line."""
    marks: dict[float, str] = {}
    for value, name in levels:
        if value is not None:
            marks[value] = f"{marks[value]} = {name}" if value in marks else name
    for value, name in marks.items():
        if value:
            figure.add_hline(
                y=value,
                line={"dash": "dot", "width": 1, "color": LINE},
                annotation_text=name,
                annotation_position="top right",
            )


def _curve(figure: go.Figure, number: int, one: GrowthCurve) -> None:
    look = chart_style.series(number)
    said = ["" if days is None else t("doubles in {days} days", days=f"{days:.0f}") for days in one.doubling_days]
    figure.add_scatter(
        x=list(one.days), y=list(one.volumes_mm3), mode="lines+markers", name=one.lesion, customdata=said,
        line={"color": look.colour}, marker={"symbol": look.symbol, "size": 9, "color": look.colour},
        hovertemplate="%{y:.3~s} mm³ %{customdata}<extra>" + one.lesion + "</extra>",
    )  # fmt: skip


def _octaves(curves: Sequence[GrowthCurve]) -> float:
    """How often the smallest volume would have to double to be the largest, roughly."""
    sizes = [size for one in curves for size in one.volumes_mm3 if size]
    return log2(max(sizes) / min(sizes))

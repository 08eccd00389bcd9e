"""Measurements on their way to the browser and back: plain numbers, checked when they return."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from medcore.volume import Triple
from pages.ui.viewer.panes import Measurement, Pick

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
KINDS: Final = ("length", "bidirectional", "angle", "ellipse", "rectangle", "freehand", "point", "arrow")
PICKS: Final = ("box", "label", "mark")
UNITS: Final = ("mm", "mm detector", "px")
MOST_MARKS: Final = 500
MOST_POINTS: Final = 2000
MOST_TEXT: Final = 200


def outgoing(mark: Measurement) -> dict[str, Json]:
    """A saved mark as the browser draws it."""
    return {
        "id": mark.id,
        "kind": mark.kind,
        "pane": mark.pane,
        "points": [list(point) for point in mark.points_lps_mm],
        "values": dict(mark.values),
        "unit": mark.unit,
        "text": mark.text,
    }


def base(saved: Sequence[Measurement]) -> str:
    """Which marks the browser starts from: it names them in its answer."""
    text = json.dumps([outgoing(mark) for mark in saved], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def returned(state: object, saved: Sequence[Measurement], *, panes: int) -> tuple[Measurement, ...]:
    """The marks on the screen: `saved`, or what became of them since.

    What the browser made of other marks (it has not seen these yet, or sends again what an ended session showed)
    says nothing about these: an empty list would delete them.
    """
    if not isinstance(state, Mapping) or state.get("base") != base(saved) or not isinstance(state.get("list"), list):
        return tuple(saved)
    shown = incoming(state["list"], panes=panes)
    named = {str(entry.get("id")) for entry in state["list"] if isinstance(entry, Mapping)}
    garbled = named - {mark.id for mark in shown}  # there, but not fit to be taken over: no reason to delete it
    return (*shown, *(mark for mark in saved if mark.id in garbled))


def picked(state: object, *, panes: int) -> Pick | None:
    """What the browser says was clicked; None for nothing, or nothing that could be."""
    if not isinstance(state, Mapping):
        return None
    kind, pane, found, value = (state.get(name) for name in ("kind", "pane", "id", "value"))
    if kind not in PICKS or not isinstance(pane, int) or not 0 <= pane < panes or not isinstance(found, str):
        return None
    (at,) = _points([state.get("at")]) or (None,)
    return Pick(str(kind), pane, found[:MOST_TEXT], at, value if isinstance(value, int) else 0)


def incoming(state: object, *, panes: int) -> tuple[Measurement, ...]:
    """The marks in what the browser sent; whatever is not a mark of one of the panes is left out."""
    if not isinstance(state, Sequence) or isinstance(state, str):
        return ()
    marks = (_mark(entry, panes) for entry in state[:MOST_MARKS])
    return tuple(mark for mark in marks if mark is not None)


def _mark(entry: object, panes: int) -> Measurement | None:
    if not isinstance(entry, Mapping):
        return None
    kind, pane, unit = entry.get("kind"), entry.get("pane"), entry.get("unit")
    points, values = _points(entry.get("points")), entry.get("values")
    if kind not in KINDS or unit not in UNITS or not isinstance(pane, int) or not 0 <= pane < panes:
        return None
    if not points or not isinstance(values, Mapping):
        return None
    numbers = {str(name): float(value) for name, value in values.items() if _is_number(value)}
    text = str(entry.get("text") or "")[:MOST_TEXT]
    return Measurement(str(entry.get("id"))[:64], str(kind), pane, points, numbers, str(unit), text)


def _points(entry: object) -> tuple[Triple, ...]:
    if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) > MOST_POINTS:
        return ()
    points = []
    for point in entry:
        if not isinstance(point, Sequence) or len(point) != 3 or not all(_is_number(number) for number in point):
            return ()
        points.append((float(point[0]), float(point[1]), float(point[2])))
    return tuple(points)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

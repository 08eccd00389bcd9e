"""Landmarks of a comparison: pairs of a reader's point marks, or a table of places in both scans."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import cast

from medcore.errors import N_, HistoryError
from medcore.imaging.registration.landmarks import Landmark
from medcore.volume import Triple
from medcore.workbench.marks import Mark

POINT = "point"
PLACES = ("fixed_x", "fixed_y", "fixed_z", "moving_x", "moving_y", "moving_z")


def paired(baseline: Sequence[Mark], later: Sequence[Mark]) -> tuple[Landmark, ...]:
    """Point marks of two scans as landmarks: those of the same text, then those without one in the order they were set.

    A point without its like in the other scan is no landmark.
    """
    first, second = ([one for one in marks if one.kind == POINT] for marks in (baseline, later))
    named = {one.text.strip().casefold(): one for one in second if one.text.strip()}
    pairs = [(one.text.strip(), one, named.get(one.text.strip().casefold())) for one in first if one.text.strip()]
    bare = zip(*([one for one in marks if not one.text.strip()] for marks in (first, second)), strict=False)
    pairs += [(str(number), one, other) for number, (one, other) in enumerate(bare, start=1)]
    return tuple(
        Landmark(name, one.points_lps_mm[0], other.points_lps_mm[0]) for name, one, other in pairs if other is not None
    )


def read_landmarks(data: bytes, later: int) -> Mapping[int, tuple[Landmark, ...]]:
    """Landmarks of each later study from a table, LPS mm (pixels of a picture without a scale).

    Args:
        data: CSV with the columns of `PLACES`, and if wished `name` and `study` (1 or T1 for the first later study).
        later: How many later studies there are.

    Raises:
        HistoryError: A column or a number is missing, or there is no such study.
    """
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig", errors="replace"))))
    missing = [name for name in PLACES if not rows or name not in rows[0]]
    if missing:
        raise HistoryError(
            N_("The table of landmarks lacks the column {column}."),
            hint=N_("It needs fixed_x, fixed_y, fixed_z (baseline), moving_x, moving_y, moving_z (later) in LPS mm."),
            column=missing[0],
        )
    found: dict[int, list[Landmark]] = {}
    for line, row in enumerate(rows, start=2):
        study = (row.get("study") or "1").strip().upper().removeprefix("T")
        number = int(study) if study.isdigit() else 0
        if not 1 <= number <= later:
            raise HistoryError(
                N_("Line {line} of the landmarks names study {study}, and there is no such later study."),
                hint=N_("Count the later studies from 1."),
                line=line,
                study=study,
            )
        places = [_number(row[name], line) for name in PLACES]
        fixed, moving = cast(Triple, tuple(places[:3])), cast(Triple, tuple(places[3:]))
        found.setdefault(number, []).append(Landmark((row.get("name") or str(line - 1)).strip(), fixed, moving))
    return {number: tuple(ones) for number, ones in found.items()}


def _number(text: str | None, line: int) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HistoryError(
            N_("Line {line} of the landmarks has “{text}” where a number should be."),
            hint=N_("Give places in LPS mm."),
            line=line,
            text=text or "",
        )
    return value

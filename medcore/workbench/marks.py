"""Marks on scans: kept with the study and changed one by one, so that two readers never undo each other's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from medcore.errors import StoreError
from medcore.store.json_values import Json, as_list, as_number, as_table, as_text, from_number
from medcore.store.store import Store
from medcore.volume import Triple

MARKS = "marks"  # name in the annotations of a study
ATTEMPTS = 5

Marks: TypeAlias = "tuple[Mark, ...]"


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark that a reader drew on a scan.

    Args:
        id: Stable; an edited mark keeps it.
        kind: length, bidirectional, angle, ellipse, rectangle, freehand, point or arrow.
        points_lps_mm: Corner points in the scan's own LPS mm; in pixels where `unit` is "px".
        values: By name: longest, shortest, angle_deg, area, mean, sd, min, max, count, value. Lengths in `unit`.
        unit: mm, "mm detector" for a projection (magnified against the patient), or px for a picture.
        text: What the reader wrote beside it.
    """

    id: str
    kind: str
    points_lps_mm: tuple[Triple, ...]
    values: Mapping[str, float] = field(default_factory=dict)
    unit: str = "mm"
    text: str = ""


@dataclass(frozen=True, slots=True)
class ScanMarks:
    """The marks of stored scans."""

    store: Store

    def of_scan(self, study: str, scan: str) -> Marks:
        """Marks of one scan in the order they were drawn."""
        return _of_scan(self.store.annotations(study).content, scan)

    def change(self, study: str, scan: str, *, before: Sequence[Mark], after: Sequence[Mark]) -> Marks:
        """Do to the stored marks what a reader did to `before`; marks that others drew meanwhile stay.

        Only a mark of `before` that `after` lacks is deleted, so an empty `after` deletes what the reader saw and
        nothing else. Nothing is written where nothing changes.

        Returns:
            The marks of the scan as they are now.

        Raises:
            NotFoundError: There is no such study.
            StoreError: They could not be saved.
        """
        for attempt in range(1, ATTEMPTS + 1):
            stored = self.store.annotations(study)
            now = _of_scan(stored.content, scan)
            changed = merged(now, before=before, after=after)
            if changed == now:
                return now
            try:
                self.store.save_annotations(study, _with_scan(stored.content, scan, changed), version=stored.version)
            except StoreError:
                if attempt == ATTEMPTS or self.store.annotations(study).version == stored.version:
                    raise
            else:
                return changed
        raise AssertionError("the last attempt returns or raises")


def merged(now: Sequence[Mark], *, before: Sequence[Mark], after: Sequence[Mark]) -> Marks:
    """The marks `now` with the changes that turned `before` into `after`; the later change of a mark wins."""
    old, new = ({mark.id: mark for mark in marks} for marks in (before, after))
    changed = {key: mark for key, mark in new.items() if old.get(key) != mark}
    kept = [changed.pop(mark.id, mark) for mark in now if mark.id in new or mark.id not in old]
    return (*kept, *changed.values())


def _of_scan(content: Json, scan: str) -> Marks:
    kept = content.get(MARKS) if isinstance(content, dict) else None
    return tuple(_mark(entry) for entry in as_list(as_table(kept).get(scan, []))) if kept else ()


def _with_scan(content: Json, scan: str, marks: Sequence[Mark]) -> Json:
    others = dict(content) if isinstance(content, dict) else {}
    scans = dict(as_table(others.get(MARKS) or {}))
    scans[scan] = [_json(mark) for mark in marks]
    return {**others, MARKS: scans}


def _mark(entry: Json) -> Mark:
    table = as_table(entry)
    points = tuple(tuple(map(as_number, as_list(point))) for point in as_list(table["points"]))
    return Mark(
        id=as_text(table["id"]),
        kind=as_text(table["kind"]),
        points_lps_mm=cast(tuple[Triple, ...], points),
        values={name: as_number(value) for name, value in as_table(table["values"]).items()},
        unit=as_text(table["unit"]),
        text=as_text(table["text"]),
    )


def _json(mark: Mark) -> Json:
    points: list[Json] = [list(point) for point in mark.points_lps_mm]
    values: dict[str, Json] = {name: from_number(value) for name, value in mark.values.items()}
    return {
        "id": mark.id,
        "kind": mark.kind,
        "points": points,
        "values": values,
        "unit": mark.unit,
        "text": mark.text,
    }

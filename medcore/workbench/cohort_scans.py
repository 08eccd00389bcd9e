"""A cohort: a table of patients and their studies, each compared with the patient's first, and the rows found."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from medcore.comparison.compare import Compared
from medcore.criteria import load_criterion
from medcore.errors import N_, HistoryError
from medcore.records import Timepoint
from medcore.workbench.comparison_models import RadiographSeries

SCAN, MASK = ("scan", "file"), ("mask",)
COLUMNS = (
    "patient", "visit", "day", "date", "trusted", "similarity", "lesions", "voxels", "volume_ml",
    "volume_change_percent", "category", "relative_category", "probability", "opacity_score", "heat_more", "heat_less",
    "problem",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CohortStudy:
    """One study of the table. `order` is its day or date, for sorting."""

    scan: Path
    mask: Path | None
    day: float | None
    acquired_on: date | None

    @property
    def order(self) -> float:
        """Days since the first day of the calendar, or the day that the table counts."""
        return self.day if self.day is not None else float(self.acquired_on.toordinal() if self.acquired_on else 0)


@dataclass(frozen=True, slots=True)
class CohortPatient:
    """A patient with their studies, the earliest first; of equal days in the order of the table."""

    name: str
    studies: tuple[CohortStudy, ...]


def read_cohort(data: bytes, folder: Path) -> tuple[CohortPatient, ...]:
    """The patients of a table.

    Args:
        data: CSV with `patient`, `scan` (or `file`) and, if wished, `mask` and `day` (a number) or `date` (ISO).
            Without a day or date the order of the rows counts.
        folder: What relative paths start from.

    Raises:
        HistoryError: A column, a patient or a date cannot be used; the message names the line.
    """
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig", errors="replace"))))
    scan = next((name for name in SCAN if rows and name in rows[0]), "")
    if not rows or not scan or "patient" not in rows[0]:
        raise HistoryError(
            N_("The table of the cohort needs the columns patient and scan."),
            hint=N_("One row a study; mask, day and date may be added."),
        )
    patients: dict[str, list[CohortStudy]] = {}
    for line, row in enumerate(rows, start=2):
        name = (row.get("patient") or "").strip()
        if not name or not (row.get(scan) or "").strip():
            raise HistoryError(N_("Line {line} of the cohort names no patient or no scan."), line=line)
        mask = (row.get("mask") or "").strip()
        patients.setdefault(name, []).append(
            CohortStudy(folder / row[scan].strip(), folder / mask if mask else None, _day(row, line), _date(row, line))
        )
    return tuple(
        CohortPatient(name, tuple(sorted(studies, key=lambda one: one.order))) for name, studies in patients.items()
    )


def cohort_rows(patient: CohortPatient, found: Compared, series: RadiographSeries | None) -> list[dict[str, str]]:
    """The rows of one patient's comparison, one a study, by the names of `COLUMNS`."""
    relative = _relative_categories(found)
    rows = []
    for number, study in enumerate(patient.studies):
        row = _start(patient, number, study)
        if number:
            trust = found.alignments[number - 1].trust
            row |= {"trusted": "1" if trust.trusted else "0", "similarity": f"{trust.similarity:.3f}"}
        if found.visits:
            row |= _burden(found, number)
            row["relative_category"] = relative[number] if relative else ""
        if found.response is not None:
            row["category"] = found.response.timepoints[number].overall
        if series is not None:
            row |= _look(series, number)
        rows.append(row)
    return rows


def lone_rows(patient: CohortPatient, series: RadiographSeries | None) -> list[dict[str, str]]:
    """The row of a patient with one study: what a model said of it, and that no change can be told."""
    row = _start(patient, 0, patient.studies[0])
    return [{**row, **(_look(series, 0) if series else {}), "problem": "one study"}]


def failed_rows(patient: CohortPatient, problem: str) -> list[dict[str, str]]:
    """The rows of a patient who could not be compared: none is left out in silence."""
    return [{**_start(patient, number, one), "problem": problem} for number, one in enumerate(patient.studies)]


def cohort_csv(rows: Sequence[dict[str, str]]) -> bytes:
    """The rows as CSV, with the mark that spreadsheets look for."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def _start(patient: CohortPatient, number: int, study: CohortStudy) -> dict[str, str]:
    return {
        **dict.fromkeys(COLUMNS, ""),
        "patient": patient.name,
        "visit": f"T{number}",
        "day": "" if study.day is None else f"{study.day:g}",
        "date": study.acquired_on.isoformat() if study.acquired_on else "",
    }


def _look(series: RadiographSeries, number: int) -> dict[str, str]:
    figure = series.figures[number]
    change = series.changes[number - 1] if number else None
    heat = {"heat_more": f"{change.more:.3f}", "heat_less": f"{change.less:.3f}"} if change else {}
    return {"probability": f"{figure.probability:.3f}", "opacity_score": f"{figure.score:.1f}", **heat}


def _burden(found: Compared, number: int) -> dict[str, str]:
    ml, change = found.burden_ml[number], found.volume_change_percent[number]
    return {
        "lesions": str(len(found.visits[number].pieces)),
        "voxels": str(found.burden_voxels[number]),
        "volume_ml": "" if ml is None or found.relative else f"{ml:.3f}",
        "volume_change_percent": "" if change is None else f"{change:.1f}",
    }


def _relative_categories(found: Compared) -> tuple[str, ...]:
    """What the volumetric criterion says of voxel counts, where millilitres are untrue: it asks for percentages."""
    if not found.relative or not found.visits or found.response is None:
        return ()
    counted = []
    for number, visit in enumerate(found.timepoints):
        pieces = {track.id: track.sightings[number].piece for track in found.tracks}
        sizes = {
            name: found.visits[number].pieces[piece].extent.voxels
            for name, piece in pieces.items()
            if piece is not None
        }
        lesions = tuple(
            replace(one, volume_ml=sizes[one.id] / 1000) if one.id in sizes else one for one in visit.lesions
        )
        counted.append(replace(visit, lesions=lesions))
    history: list[Timepoint] = counted
    return tuple(row.overall for row in load_criterion("volumetric").assess(history).timepoints)


def _day(row: dict[str, str], line: int) -> float | None:
    text = (row.get("day") or "").strip()
    try:
        return float(text) if text else None
    except ValueError as error:
        raise HistoryError(
            N_("Line {line} of the cohort has the day “{text}”, which is no number."), line=line, text=text
        ) from error


def _date(row: dict[str, str], line: int) -> date | None:
    text = (row.get("date") or "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise HistoryError(
            N_("Line {line} of the cohort has the date “{text}”; write it as 2026-01-31."), line=line, text=text
        ) from error

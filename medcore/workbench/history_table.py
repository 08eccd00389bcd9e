"""Lesions over time as a table: CSV to time points and back, every bad row named by its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

from medcore.errors import N_, HistoryError, Message
from medcore.records import Issue, LesionReading, LesionRole, LesionStatus, PatientState, Severity, Timepoint
from medcore.workbench.history_cells import (
    COLUMNS,
    SIZE_COLUMNS,
    STATE_COLUMNS,
    CellError,
    as_date,
    as_flag,
    as_text,
    cell_value,
    check_columns,
    written,
)

MOST_BYTES = 20_000_000
REQUIRED = ("timepoint", "lesion", "role")
ENCODINGS = ("utf-8-sig", "gb18030")  # what spreadsheets write; UTF-16 is told by its mark
BASELINE_WORDS = ("baseline", "bl", "基线")
SMALL_SIZE_MM = 3.0  # baseline targets that are all smaller look like centimetres

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HistoryTable:
    """A table as read, with what is doubtful about it."""

    timepoints: tuple[Timepoint, ...]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of the table."""

    number: int
    timepoint: str
    cells: Row
    lesion: LesionReading | None


def patients(data: bytes) -> tuple[str, ...]:
    """The patients of a table, each once, as they stand in it; none where it has no column `patient`.

    Raises:
        HistoryError: The table cannot be read.
    """
    return tuple(dict.fromkeys(cells["patient"] for _, cells in _rows(data)[0] if cells.get("patient")))


def read_history(data: bytes, *, patient: str = "") -> HistoryTable:
    """Time points from a CSV file, in their order.

    Args:
        data: The file: comma, semicolon or tab between the columns; UTF-8, UTF-16 or GB18030.
        patient: Of a table that holds several, whose rows are read.

    Raises:
        HistoryError: A column, row or date cannot be used; the message names the line and the hint how to mend it.
    """
    rows, columns = _rows(data)
    if patient:
        rows = [(number, cells) for number, cells in rows if cells.get("patient") == patient]
    issues = [_issue("unused_column", N_("Column “{column}” is not used."), column=c) for c in check_columns(columns)]
    lines = _lines(rows)
    _one_patient(lines)
    for visit in _visits(lines).values():
        _same(visit, "date")
    lines = _unique(lines, issues)
    timepoints = _ordered(lines, issues)
    issues.extend(_odd_sizes(lines, timepoints))
    return HistoryTable(timepoints, tuple(issues))


def write_history(timepoints: Iterable[Timepoint]) -> str:
    """The table of a history, which read_history reads back."""
    timepoints = tuple(timepoints)
    rows = [_cells_of(visit, lesion) for visit in timepoints for lesion in visit.lesions or (None,)]
    used = [column for column in COLUMNS if column in REQUIRED or any(row.get(column) for row in rows)]
    out = io.StringIO()
    writer = csv.DictWriter(out, used, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def table_rows(data: bytes, required: Sequence[str]) -> list[tuple[int, Row]]:
    """The rows of any CSV table with these columns, each with its line.

    Raises:
        HistoryError: It cannot be read, or lacks a column.
    """
    return _rows(data, required, required)[0]


def _rows(
    data: bytes, required: Sequence[str] = REQUIRED, known: Sequence[str] = COLUMNS
) -> tuple[list[tuple[int, Row]], list[str]]:
    if len(data) > MOST_BYTES:
        raise HistoryError(
            N_("The table has {size} MB; {limit} MB are the limit."),
            size=len(data) // 1_000_000,
            limit=MOST_BYTES // 1_000_000,
        )
    text = _text(data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        found = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise HistoryError(N_("The table cannot be read: {reason}"), reason=str(error)) from error
    if len(found) < 2:
        raise HistoryError(N_("The table has no rows."), hint=N_("One row a lesion and time point, below a header."))
    columns = [cell.strip().casefold() for cell in found[0][1]]
    absent = [column for column in required if column not in columns]
    if absent:
        raise HistoryError(
            N_("The table lacks the column {columns}."),
            hint=N_("Its columns: {known}."),
            columns=", ".join(absent),
            known=", ".join(known),
        )
    twice = [column for column in columns if column and columns.count(column) > 1]
    if twice:
        raise HistoryError(N_("The table has two columns “{column}”."), column=twice[0])
    wide = [number for number, row in found[1:] if any(cell.strip() for cell in row[len(columns) :])]
    if wide:
        raise HistoryError(
            N_("Line {line} has more cells than the header."),
            hint=N_("Put a text that holds the separator into quotes."),
            line=wide[0],
        )
    return [(number, dict(zip(columns, map(str.strip, row), strict=False))) for number, row in found[1:]], columns


def _text(data: bytes) -> str:
    encodings = ("utf-16",) if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else ENCODINGS
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise HistoryError(N_("The table is not a text file."), hint=N_("Save it as CSV (UTF-8)."))


def _lines(rows: Sequence[tuple[int, Row]]) -> list[_Line]:
    """Every row as a reading; all bad lines are found before the first is told."""
    lines, bad = [], []
    for number, cells in rows:
        try:
            lines.append(_line(number, cells))
        except CellError as error:
            bad.append((number, error))
    if bad:
        number, first = bad[0]
        others = ", ".join(str(other) for other, _ in bad[1:11])
        raise HistoryError(
            N_("Line {line}: {problem!t} More bad lines: {others}.") if others else N_("Line {line}: {problem!t}"),
            hint=first.hint.template,
            line=number,
            problem=first.problem,
            others=others,
            **first.hint.values,
        )
    return lines


def _line(number: int, cells: Row) -> _Line:
    timepoint, name = cells["timepoint"], cells["lesion"]
    if not timepoint:
        raise CellError(N_("the time point is missing."), N_("Give every row the label of its visit."))
    values = {column: cell_value(column, cells.get(column, "")) for column in COLUMNS if column in cells}
    if not name:
        if any(values.get(column) is not None for column in STATE_COLUMNS):
            return _Line(number, timepoint, cells, None)  # a visit without lesions, such as one with a score only
        raise CellError(N_("the lesion is missing."), N_("Give every lesion a name that stays the same over time."))
    if values.get("role") is None:
        raise CellError(N_("the role is missing."), N_("It is target, nontarget or new."))
    status = values.pop("status", None) or _implied(values)
    sized = any(values.get(column) is not None for column in SIZE_COLUMNS)
    if status is LesionStatus.MEASURED and values["role"] is LesionRole.TARGET and not sized:
        raise CellError(
            N_("the lesion is “measured” but has no measurement."),
            N_("Fill in a size, or say absent, too_small or not_assessed."),
        )
    if status is LesionStatus.MERGED and not values.get("merged_into"):
        raise CellError(N_("the lesion is “merged” into none."), N_("Name the lesion it joined in merged_into."))
    known = {field.name for field in fields(LesionReading)} - {"id", "status"}
    given = {column: value for column, value in values.items() if column in known and value is not None}
    return _Line(number, timepoint, cells, LesionReading(id=name, status=status, **given))  # type: ignore[arg-type]


def _implied(values: Mapping[str, object]) -> LesionStatus:
    """Without a status a lesion with a size was measured; one without was not assessed, never “stable”."""
    sized = any(values.get(column) is not None for column in SIZE_COLUMNS)
    return LesionStatus.MEASURED if sized else LesionStatus.NOT_ASSESSED


def _unique(lines: Sequence[_Line], issues: list[Issue]) -> list[_Line]:
    seen: dict[tuple[str, str], _Line] = {}
    kept = []
    for line in lines:
        if line.lesion is not None:
            key = (line.timepoint, line.lesion.id)
            first = seen.setdefault(key, line)
            if first is not line:
                if first.lesion != line.lesion:
                    raise HistoryError(
                        N_("Lines {first} and {second} both measure {lesion} at {timepoint}, differently."),
                        hint=N_("Keep the row that is right."),
                        first=first.number,
                        second=line.number,
                        lesion=line.lesion.id,
                        timepoint=line.timepoint,
                    )
                text = N_("Line {second} repeats line {first} and is left out.")
                issues.append(_issue("repeated_row", text, first=first.number, second=line.number))
                continue
            if line.lesion.status is LesionStatus.NOT_ASSESSED and not line.cells.get("status"):
                text = N_("Line {line}: {lesion} has neither a size nor a status and counts as not assessed.")
                issues.append(_issue("no_size", text, line=line.number, lesion=line.lesion.id))
        kept.append(line)
    return kept


def _one_patient(lines: Sequence[_Line]) -> None:
    patients = list(dict.fromkeys(line.cells["patient"] for line in lines if line.cells.get("patient")))
    if len(patients) > 1:
        raise HistoryError(
            N_("The table holds {count} patients."),
            hint=N_("Assess one patient at a time: the response is that of one history."),
            count=len(patients),
        )


def _ordered(lines: Sequence[_Line], issues: list[Issue]) -> tuple[Timepoint, ...]:
    """The visits in time: by number where labels are numbers, by date where all have one, else as they stand."""
    groups = _visits(lines)
    visits = [_visit(label, group) for label, group in groups.items()]
    if len(visits) > 1 and all(_number(visit.label) is not None for visit in visits):
        visits.sort(key=lambda visit: _number(visit.label) or 0.0)
    elif all(visit.acquired_on is not None for visit in visits):
        by_date = sorted(visits, key=lambda visit: str(visit.acquired_on))
        if by_date != visits:
            issues.append(_issue("sorted_by_date", N_("The visits do not stand in the order of their dates; sorted.")))
        visits = by_date
    _dates_rise(visits, groups)
    named = [visit for visit in visits if visit.label.strip().casefold().startswith(BASELINE_WORDS)]
    if len(named) > 1:
        raise HistoryError(
            N_("There are two baselines: {first} and {second}."),
            hint=N_("Mark one; every change is counted from it."),
            first=named[0].label,
            second=named[1].label,
        )
    if named and not any(visit.baseline for visit in visits):
        visits = [_marked(visit) if visit is named[0] else visit for visit in visits]
    return tuple(visits)


def _visits(lines: Sequence[_Line]) -> dict[str, list[_Line]]:
    groups: dict[str, list[_Line]] = {}
    for line in lines:
        groups.setdefault(line.timepoint, []).append(line)
    return groups


def _visit(label: str, lines: Sequence[_Line]) -> Timepoint:
    date = _same(lines, "date")
    state = {column: _same(lines, column) for column in STATE_COLUMNS}
    given = {column: cell_value(column, text) for column, text in state.items() if text}
    return Timepoint(
        label=label,
        acquired_on=as_date(date) if date else None,
        lesions=tuple(line.lesion for line in lines if line.lesion is not None),
        state=PatientState(**given),  # type: ignore[arg-type]
        baseline=as_flag(_same(lines, "baseline")),
    )


def _same(lines: Sequence[_Line], column: str) -> str:
    """What the rows of a visit agree on; the first that is filled in."""
    filled = [line for line in lines if line.cells.get(column)]
    for line in filled[1:]:
        if line.cells[column] != filled[0].cells[column]:
            raise HistoryError(
                N_("Line {second}: the {column} of {timepoint} is {other}, but line {first} has {one}."),
                hint=N_("One visit has one; give a second visit a label of its own."),
                first=filled[0].number,
                second=line.number,
                column=column,
                timepoint=line.timepoint,
                one=filled[0].cells[column],
                other=line.cells[column],
            )
    return filled[0].cells[column] if filled else ""


def _dates_rise(visits: Sequence[Timepoint], groups: Mapping[str, Sequence[_Line]]) -> None:
    dated = [visit for visit in visits if visit.acquired_on is not None]
    for earlier, later in pairwise(dated):
        if str(later.acquired_on) < str(earlier.acquired_on):
            raise HistoryError(
                N_("Line {line}: the dates are out of order: {later} is of {second}, before {earlier} of {first}."),
                hint=N_("Correct the dates or the order; the nadir depends on it."),
                line=groups[later.label][0].number,
                earlier=earlier.label,
                first=str(earlier.acquired_on),
                later=later.label,
                second=str(later.acquired_on),
            )


def _odd_sizes(lines: Sequence[_Line], timepoints: Sequence[Timepoint]) -> list[Issue]:
    issues = []
    for line in lines:
        lesion = line.lesion
        across = max(lesion.perpendicular_mm or 0.0, lesion.short_axis_mm or 0.0) if lesion else 0.0
        if lesion and lesion.longest_mm is not None and across > lesion.longest_mm:
            text = N_(
                "Line {line}: the diameter across, {across:.4g} mm, is larger than the longest, {longest:.4g} mm."
            )
            issues.append(_issue("across_longer", text, line=line.number, across=across, longest=lesion.longest_mm))
    sizes = [x.longest_mm for x in timepoints[0].lesions if x.role is LesionRole.TARGET and x.longest_mm]
    if sizes and max(sizes) < SMALL_SIZE_MM:
        text = N_("All targets of the baseline measure less than {least:.4g} mm. Are these centimetres?")
        issues.append(_issue("maybe_centimetres", text, least=SMALL_SIZE_MM))
    return issues


def _cells_of(visit: Timepoint, lesion: LesionReading | None) -> dict[str, str]:
    cells = {"timepoint": visit.label, "date": written(visit.acquired_on), "baseline": "1" if visit.baseline else ""}
    cells |= {column: written(getattr(visit.state, column)) for column in STATE_COLUMNS}
    if lesion is not None:
        own = {field.name: getattr(lesion, field.name) for field in fields(lesion)}
        own["lesion"] = own.pop("id")
        own["enhancing"] = "" if lesion.enhancing else "0"
        cells |= {column: as_text(value) for column, value in own.items()}
    return cells


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None


def _marked(visit: Timepoint) -> Timepoint:
    return Timepoint(visit.label, visit.acquired_on, visit.lesions, visit.state, baseline=True)


def _issue(code: str, text: str, **values: str | int | float) -> Issue:
    return Issue(code, Severity.WARN, Message(text, values))

"""Dates and times of a DICOM dataset moved together, so that a date and its time of day stay one moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from medcore.deidentify.keyed import moved, moved_day

# What PS3.15 lets a research object keep under the "longitudinal temporal information" options, in our reading: when
# the image was made and what happened to the patient for it. Every other date follows the profile's table.
_LONGITUDINAL_TEXT = """
StudyDate StudyTime SeriesDate SeriesTime AcquisitionDate AcquisitionTime ContentDate ContentTime
InstanceCreationDate InstanceCreationTime AcquisitionDateTime FrameAcquisitionDateTime FrameReferenceDateTime
StartAcquisitionDateTime EndAcquisitionDateTime DecayCorrectionDateTime
RadiopharmaceuticalStartTime RadiopharmaceuticalStopTime RadiopharmaceuticalStartDateTime
RadiopharmaceuticalStopDateTime ContrastBolusStartTime ContrastBolusStopTime
InterventionDrugStartTime InterventionDrugStopTime
PerformedProcedureStepStartDate PerformedProcedureStepStartTime PerformedProcedureStepStartDateTime
PerformedProcedureStepEndDate PerformedProcedureStepEndTime PerformedProcedureStepEndDateTime
DateOfSecondaryCapture TimeOfSecondaryCapture PresentationCreationDate PresentationCreationTime
StructureSetDate StructureSetTime RTPlanDate RTPlanTime TreatmentDate TreatmentTime
"""
LONGITUDINAL = frozenset(_LONGITUDINAL_TEXT.split())
DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")  # with dots: ACR-NEMA
TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(\.\d{1,6})?")
MOMENT = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\.\d{1,6})?([+-]\d{4})?")


def move_times(item: Any, shift: timedelta) -> int:
    """Move the longitudinal dates and times of one pydicom dataset in place; returns how many elements moved.

    A value that is no date is blanked. Sequences are left to the caller.
    """
    count = 0
    done: set[str] = set()
    for element in [element for element in item if element.keyword in LONGITUDINAL]:
        keyword = element.keyword
        if keyword in done or element.is_empty:
            continue
        partner = _partner(keyword)
        if element.VR == "DA" and item.get(partner):
            _move_pair(item, keyword, partner, shift)
            done.add(partner)
            count += 2
            continue
        if element.VR == "TM" and item.get(partner):
            continue  # its date comes, and takes it along
        move = {"DA": moved_date, "TM": moved_time, "DT": moved_moment}.get(element.VR)
        if move is not None:
            element.value = _each(element.value, partial(move, shift=shift))
            count += 1
    return count


def moved_date(text: str, shift: timedelta) -> str:
    """A DA value moved by whole days; "" if it is no date.

    >>> moved_date("20240131", timedelta(days=-31, seconds=-90))
    '20231231'
    """
    day = _date(text)
    with suppress(OverflowError):
        return moved_day(day, shift).strftime("%Y%m%d").zfill(8) if day else ""
    return ""


def moved_time(text: str, shift: timedelta) -> str:
    """A TM value moved around the clock, in its own precision; "" if it is no time.

    >>> moved_time("1005", timedelta(days=-31, minutes=-6))
    '0959'
    """
    match = TIME.fullmatch(text.strip())
    clock = _clock(match)
    if match is None or clock is None:
        return ""
    return _time_text(datetime(2000, 1, 2) + clock + shift, match)


def moved_moment(text: str, shift: timedelta) -> str:
    """A DT value moved, in its own precision and time zone; "" if it is none.

    >>> moved_moment("20240131100500.5+0100", timedelta(days=-31, minutes=-6))
    '20231231095900.5+0100'
    """
    match = MOMENT.fullmatch(text.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups()[:6])
    with suppress(ValueError, OverflowError):
        start = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, min(second or 0, 59))
        start = moved(start, shift) if hour is not None else datetime.combine(moved_day(start, shift), start.time())
        digits = sum(len(part) for part in match.groups()[:6] if part)
        return (
            start.strftime("%Y").zfill(4)[:4]
            + start.strftime("%m%d%H%M%S")[: digits - 4]
            + "".join(match.groups("")[6:])
        )
    return ""


def _move_pair(item: Any, date_keyword: str, time_keyword: str, shift: timedelta) -> None:
    """A date and its time of day as the one moment that they are."""
    day, match = _date(str(item[date_keyword].value)), TIME.fullmatch(str(item[time_keyword].value).strip())
    clock = _clock(match)
    if day is None or match is None or clock is None:
        item[date_keyword].value = _each(item[date_keyword].value, partial(moved_date, shift=shift))
        item[time_keyword].value = _each(item[time_keyword].value, partial(moved_time, shift=shift))
        return
    try:
        moment = moved(datetime.combine(day, datetime.min.time()) + clock, shift)
    except OverflowError:
        item[date_keyword].value = item[time_keyword].value = ""
        return
    item[date_keyword].value = moment.strftime("%Y%m%d").zfill(8)
    item[time_keyword].value = _time_text(moment, match)


def _time_text(moment: datetime, match: re.Match[str]) -> str:
    """The time of day in the precision of the original, its fraction of a second untouched."""
    parts = [moment.strftime(code) for code, group in zip(("%H", "%M", "%S"), match.groups()[:3], strict=True) if group]
    return "".join(parts) + (match.group(4) or "")


def _date(text: str) -> date | None:
    match = DATE.fullmatch(text.strip())
    with suppress(ValueError):
        return date(*map(int, match.groups())) if match else None
    return None


def _clock(match: re.Match[str] | None) -> timedelta | None:
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    if hour > 23 or minute > 59 or second > 60:
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _partner(keyword: str) -> str:
    for ending, other in (("DateTime", ""), ("Date", "Time"), ("Time", "Date")):
        if keyword.endswith(ending):
            return keyword.removesuffix(ending) + other if other else ""
    return {"DateOfSecondaryCapture": "TimeOfSecondaryCapture"}.get(keyword, "")


def _each(value: Any, move: Callable[[str], str]) -> Any:
    """All values of an element that may have several."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return move(str(value))
    return [move(str(part)) for part in value]

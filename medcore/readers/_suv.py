"""Standardised uptake value of PET: one factor per image, only where the header proves every assumption."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from medcore.errors import N_, Message
from medcore.readers._dicom_header import numbers, text, values
from medcore.records import Issue, Severity

LONGEST_DELAY = timedelta(hours=24)  # from injection to scan; longer means a wrong date


@dataclass(frozen=True, slots=True)
class Uptake:
    """SUV = value × `factor`; 0 where it cannot be known, and why."""

    factor: float
    issue: Issue


def uptake(dataset: Any) -> Uptake:
    """The body-weight SUV factor of one PET image (QIBA's vendor-neutral rules)."""
    units = text(dataset, "Units").upper()
    if units == "GML":
        return _known(1.0, "GML", 0.0)
    corrected = {str(word).upper() for word in values(dataset, "CorrectedImage")}
    if not ({"ATTN"} <= corrected and corrected & {"DECY", "DECAY"}):
        return _unknown(N_("the image is not corrected for attenuation and decay"))
    scale = 1.0
    if units == "CNTS":
        ready, scale_found = _private(dataset, 0x7053, 0x1000), _private(dataset, 0x7053, 0x1009)
        if ready:
            return _known(ready, "CNTS", 0.0)
        if not scale_found:
            return _unknown(N_("its counts cannot be turned into activity"))
        scale = scale_found
    elif units != "BQML":
        return _unknown(N_("its unit is not activity per volume"))
    return _from_dose(dataset, scale, units)


def _from_dose(dataset: Any, scale: float, units: str) -> Uptake:
    tracer = (values(dataset, "RadiopharmaceuticalInformationSequence") or [None])[0]
    weight = numbers(dataset, "PatientWeight", 1)
    if tracer is None or not weight or not 1 < weight[0] < 500:
        return _unknown(N_("the injected dose or the body weight is missing"))
    dose, half_life = numbers(tracer, "RadionuclideTotalDose", 1), numbers(tracer, "RadionuclideHalfLife", 1)
    if not dose or not half_life or dose[0] <= 1e3 or half_life[0] <= 0:
        return _unknown(N_("the injected dose or the half-life is missing"))
    mode = text(dataset, "DecayCorrection").upper()
    if mode == "ADMIN":
        delay = 0.0
    elif mode == "START":
        injected, scanned = _injection(dataset, tracer), _scan_start(dataset)
        if injected is None or scanned is None or not timedelta(0) <= scanned - injected <= LONGEST_DELAY:
            return _unknown(N_("the times of injection and scan are missing or contradict each other"))
        delay = (scanned - injected).total_seconds()
    else:
        return _unknown(N_("it does not say to which time its decay was corrected"))
    left = dose[0] * math.pow(2.0, -delay / half_life[0])
    return _known(scale * weight[0] * 1000.0 / left, units, delay)


def _scan_start(dataset: Any) -> datetime | None:
    """The time that decay was corrected to: that of the series, unless it was made after the acquisition."""
    series = _moment(text(dataset, "SeriesDate"), text(dataset, "SeriesTime"))
    acquired = _moment(text(dataset, "AcquisitionDate"), text(dataset, "AcquisitionTime"))
    if series is not None and acquired is not None and series <= acquired:
        return series
    stated = _private_text(dataset, 0x0009, 0x100D)  # GE's own scan start
    return _moment(stated[:8], stated[8:]) if stated else None


def _injection(dataset: Any, tracer: Any) -> datetime | None:
    stated = text(tracer, "RadiopharmaceuticalStartDateTime")
    if stated:
        return _moment(stated[:8], stated[8:])
    moment = _moment(text(dataset, "SeriesDate"), text(tracer, "RadiopharmaceuticalStartTime"))
    scanned = _scan_start(dataset)
    if moment is not None and scanned is not None and moment > scanned:
        return moment - timedelta(days=1)  # injected before midnight
    return moment


def _moment(day: str, time: str) -> datetime | None:
    time = re.split("[+-]", time, maxsplit=1)[0].replace(":", "")
    try:
        whole, _, fraction = time.partition(".")
        base = datetime.strptime(day.strip() + whole.strip().ljust(6, "0")[:6], "%Y%m%d%H%M%S")
        return base + timedelta(seconds=float(f"0.{fraction.strip() or 0}"))
    except ValueError:
        return None


def _private(dataset: Any, group: int, element: int) -> float:
    try:
        value = float(_private_text(dataset, group, element) or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0


def _private_text(dataset: Any, group: int, element: int) -> str:
    if (group, element) not in dataset:
        return ""
    value = dataset[group, element].value
    return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else str(value).strip()


def _known(factor: float, units: str, delay: float) -> Uptake:
    message = Message(
        N_("Values are SUV by body weight (from {units}, {minutes} min after injection, factor {factor})."),
        {"units": units, "minutes": round(delay / 60, 1), "factor": float(f"{factor:.4g}")},
    )
    return Uptake(factor, Issue("suv", Severity.INFO, message))


def _unknown(reason: str) -> Uptake:
    message = Message(N_("No SUV: {reason!t}. Values are as the scanner stored them."), {"reason": reason})
    return Uptake(0.0, Issue("no_suv", Severity.WARN, message, Message(N_("Do not compare uptake with other scans."))))

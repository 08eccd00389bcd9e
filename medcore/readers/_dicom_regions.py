"""Regions drawn on a scan: DICOM SEG (binary, fractional, label map) and RTSTRUCT, as they lie in the patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from medcore.errors import N_, CorruptFileError, MedcoreError, Message, NoPixelsError, TooLargeError
from medcore.readers import Identity, Limits, Markup, Outlined, Painted
from medcore.readers._dicom_frames import Frames
from medcore.readers._dicom_header import Header, numbers, spacing, text, values
from medcore.readers._words import names_of_people, safe_label
from medcore.records import Issue, Severity
from medcore.volume import Array

MAX_REGIONS = 4095
MAX_OUTLINES = 200_000
MAX_POINTS = 20_000_000
MAX_MM = 1e5  # no point of a patient lies farther from the origin
MAX_FROM_PLANE_MM = 0.01


def read_segmentation(dataset: Any, header: Header, stored: Array, name: str) -> Markup:
    """A DICOM SEG, its frames already decoded to (F, R, C).

    Raises:
        CorruptFileError: Its frames do not say which region they show or where they lie.
    """
    kind = text(dataset, "SegmentationType").upper()
    frames = Frames(dataset)
    shown = [0 if kind == "LABELMAP" else _segment(frames, index) for index in range(header.frames)]
    regions = np.array(shown, np.uint16)
    planes = np.array([_plane(frames, header, index, name) for index in range(header.frames)], np.float64)
    pixels = np.ascontiguousarray(stored).astype(np.uint16 if stored.dtype.itemsize > 1 else np.uint8, copy=False)
    used = set(np.unique(pixels).tolist()) - {0} if kind == "LABELMAP" else set(regions.tolist())
    if not kind or 0 in used or len(used) > MAX_REGIONS:
        raise _unclear(name)
    measures = frames.item(0, "PixelMeasuresSequence")
    steps = [numbers(measures, keyword, 1) for keyword in ("SpacingBetweenSlices", "SliceThickness")]
    full = max(int((numbers(dataset, "MaximumFractionalValue", 1) or (255.0,))[0]), 1) if kind == "FRACTIONAL" else 1
    return Markup(
        kind="SEG",
        names=_names(dataset, used, "SegmentSequence", "SegmentNumber", "SegmentLabel"),
        series=_referenced(dataset),
        frame_of_reference=header.frame_of_reference,
        drawn=Painted(pixels, regions, planes, full, tuple(abs(step[0]) for step in steps if step and step[0])),
        identity=header.identity,
        issues=(_halved(),) if kind == "FRACTIONAL" else (),
        transfer_syntax=header.transfer_syntax,
    )


def read_structures(dataset: Any, name: str, limits: Limits) -> Markup:
    """An RTSTRUCT: the closed plane contours of its structures.

    Raises:
        NoPixelsError: It holds no closed contour.
        CorruptFileError: A contour is no plane polygon of finite points.
        TooLargeError: More contours or points than a structure set has.
    """
    points, starts, regions = [], [0], []
    for region, contour in _contours(dataset):
        corners = _corners(contour, name)
        points.append(corners)
        starts.append(starts[-1] + len(corners))
        regions.append(region)
        if len(regions) > MAX_OUTLINES or starts[-1] > min(MAX_POINTS, limits.max_pixels):
            raise TooLargeError(
                N_("“{name}” holds more contours than a structure set has."),
                hint=N_("The file may be built to harm. Export the structures again, fewer at a time."),
                name=name,
            )
    if not points:
        raise NoPixelsError(
            N_("“{name}” is an RTSTRUCT without a closed contour, so it marks no region."),
            hint=N_("Export the structure set again from its source."),
            name=name,
        )
    named = _names(dataset, set(regions), "StructureSetROISequence", "ROINumber", "ROIName")
    label = {number: index for index, number in enumerate(named, start=1)}  # a structure may have the number 0
    shown = [label[number] for number in regions]
    return Markup(
        kind="RTSTRUCT",
        names={label[number]: name for number, name in named.items()},
        series=_planned_on(dataset),
        frame_of_reference=_frame_of_structures(dataset),
        drawn=Outlined(np.concatenate(points), np.array(starts, np.int64), np.array(shown, np.uint16)),
        identity=Identity(*(text(dataset, key) for key in ("StudyInstanceUID", "PatientID", "SeriesInstanceUID"))),
    )


def _segment(frames: Frames, index: int) -> int:
    found = numbers(frames.item(index, "SegmentIdentificationSequence"), "ReferencedSegmentNumber", 1)
    return int(found[0]) if found and 0 < found[0] <= 65535 else 0


def _plane(frames: Frames, header: Header, index: int, name: str) -> tuple[float, ...]:
    """Position, directions and spacing of one frame, as `Painted.planes` holds them."""
    position = numbers(frames.item(index, "PlanePositionSequence"), "ImagePositionPatient", 3) or header.position_mm
    turned = numbers(frames.item(index, "PlaneOrientationSequence"), "ImageOrientationPatient", 6) or header.orientation
    apart = spacing(frames.item(index, "PixelMeasuresSequence"), "PixelSpacing") or header.spacing_mm
    if position is None or turned is None or apart is None:
        raise _unclear(name)
    row, column = np.array(turned[:3]), np.array(turned[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(length - 1) for length in lengths) > 0.01 or abs(float(row @ column)) > 0.01:
        raise _unclear(name)
    if max(abs(value) for value in position) > MAX_MM:
        raise _unclear(name)
    return (*position, *(row / lengths[0]), *(column / lengths[1]), *apart)


def _contours(dataset: Any) -> Iterator[tuple[int, Any]]:
    for structure in values(dataset, "ROIContourSequence"):
        number = numbers(structure, "ReferencedROINumber", 1)
        if not number or not 0 <= number[0] < 65535:
            continue
        for contour in values(structure, "ContourSequence"):
            if text(contour, "ContourGeometricType").upper() in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
                yield int(number[0]), contour


def _corners(contour: Any, name: str) -> Array:
    """(P, 3) LPS mm of one polygon."""
    try:
        corners = np.array([float(value) for value in values(contour, "ContourData")], np.float64)
    except (TypeError, ValueError, OverflowError):
        raise _no_polygon(name) from None
    if len(corners) < 9 or len(corners) % 3 or not np.isfinite(corners).all() or np.abs(corners).max() > MAX_MM:
        raise _no_polygon(name)
    return corners.reshape(-1, 3)


def _names(dataset: Any, used: set[int], sequence: str, number: str, label: str) -> Mapping[int, str]:
    """The names of the regions that are used; a name that may be a person's gives way to its coded meaning."""
    people = names_of_people(dataset)
    found: dict[int, str] = {}
    for item in values(dataset, sequence):
        which = numbers(item, number, 1)
        coded = values(item, "SegmentedPropertyTypeCodeSequence")
        meant = safe_label(text(coded[0], "CodeMeaning"), people) if coded else ""
        if which:
            found[int(which[0])] = safe_label(text(item, label), people) or meant
    return {region: found.get(region) or f"region {region}" for region in sorted(used)}


def _referenced(dataset: Any) -> tuple[str, ...]:
    return tuple(
        filter(None, (text(item, "SeriesInstanceUID") for item in values(dataset, "ReferencedSeriesSequence")))
    )


def _planned_on(dataset: Any) -> tuple[str, ...]:
    """The series that the contours were drawn on."""
    frames = values(dataset, "ReferencedFrameOfReferenceSequence")
    studies = [study for frame in frames for study in values(frame, "RTReferencedStudySequence")]
    series = [item for study in studies for item in values(study, "RTReferencedSeriesSequence")]
    return tuple(filter(None, (text(item, "SeriesInstanceUID") for item in series)))


def _frame_of_structures(dataset: Any) -> str:
    """The frame of reference that most structures name."""
    items = values(dataset, "StructureSetROISequence")
    named = Counter(filter(None, (text(item, "ReferencedFrameOfReferenceUID") for item in items)))
    frames = values(dataset, "ReferencedFrameOfReferenceSequence")
    return named.most_common(1)[0][0] if named else text(frames[0], "FrameOfReferenceUID") if frames else ""


def _halved() -> Issue:
    return Issue(
        "fractional_regions",
        Severity.INFO,
        Message(N_("The regions have soft edges; a voxel that belongs to one by half or more was taken as inside.")),
    )


def _unclear(name: str) -> MedcoreError:
    return CorruptFileError(
        N_("The segmentation “{name}” does not say where in the patient its frames lie or which region each shows."),
        hint=N_("Export it again from its source as a DICOM segmentation with plane positions."),
        name=name,
    )


def _no_polygon(name: str) -> MedcoreError:
    return CorruptFileError(
        N_("A contour of “{name}” is no polygon of points in the patient."),
        hint=N_("Export the structure set again from its source."),
        name=name,
    )

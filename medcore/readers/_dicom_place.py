"""Where a DICOM image lies: a slice in the patient, a radiograph on its detector, an ultrasound frame in cm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medcore.errors import N_
from medcore.readers import Place
from medcore.readers._dicom_fast import FastDataset
from medcore.readers._dicom_header import Header, numbers, text, values
from medcore.volume import Affine, Geometry, Scale, Unit

# Codes of an ultrasound region (PS3.3, C.8.5.5): 2-D image; tissue, colour flow; centimetres.
TWO_DIMENSIONAL, TISSUE, CENTIMETRES = "1", ("1", "2"), "3"


def read_place(dataset: Any, header: Header, unit: Unit) -> Place | None:
    """Where a single slice lies; None if the header does not say so completely."""
    if header.orientation is None or header.position_mm is None or header.spacing_mm is None:
        return None
    row, column = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        return None
    o, p = header.orientation, header.position_mm
    return Place(
        series=(
            header.identity.study,
            header.identity.series,
            header.frame_of_reference,
            unit.value,
            *header.image_type[:4],
        ),
        orientation=(o[0], o[1], o[2], o[3], o[4], o[5]),
        position_mm=(p[0], p[1], p[2]),
        spacing_mm=header.spacing_mm,
        step=header.steps,
        number=header.number,
        thickness_mm=(numbers(dataset, "SliceThickness", 1) or (0.0,))[0],
    )


def plane_geometry(header: Header, dataset: Any) -> Geometry:
    """The geometry of an image that stands alone: a radiograph, a frame of a cine, a slice without neighbours."""
    spacing, scale = _plane_spacing(header, region_scale(dataset).spacing_mm if header.modality == "US" else None)
    if header.orientation is not None and header.position_mm is not None and spacing and not header.projection:
        return Geometry(
            slice_affine(header.orientation, header.position_mm, spacing, 1.0),
            frame_of_reference=header.frame_of_reference,
        )
    if spacing is None:
        return Geometry.pixels()
    if not header.projection:
        return Geometry.from_spacing((1.0, *spacing), scale=scale)
    return Geometry(_projection_affine(spacing, dataset), scale=scale)


def slice_affine(
    orientation: tuple[float, ...], position_mm: tuple[float, ...], spacing_mm: tuple[float, float], step_mm: float
) -> Affine:
    """The affine of slices stacked along the normal of their plane (PS3.3, C.7.6.2.1.1)."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    affine = np.eye(4)
    affine[:3, 0] = np.cross(row, column) * step_mm
    affine[:3, 1] = column * spacing_mm[0]
    affine[:3, 2] = row * spacing_mm[1]
    affine[:3, 3] = position_mm
    return affine


def _plane_spacing(header: Header, region: tuple[float, float] | None) -> tuple[tuple[float, float] | None, Scale]:
    """Spacing and what its millimetres mean: only a spacing calibrated apart from the detector's is the patient's."""
    if not header.projection:
        return header.spacing_mm or region, Scale.PATIENT
    calibrated = header.spacing_mm and header.detector_spacing_mm and header.spacing_mm != header.detector_spacing_mm
    if calibrated:
        return header.spacing_mm, Scale.PATIENT
    return header.detector_spacing_mm or header.spacing_mm, Scale.DETECTOR


@dataclass(frozen=True, slots=True)
class RegionScale:
    """The scale of an ultrasound image: (between rows, between columns) in mm, or why there is none."""

    spacing_mm: tuple[float, float] | None
    reason: str = ""


def region_scale(dataset: Any) -> RegionScale:
    """The scale of an ultrasound image, whose regions of two-dimensional tissue must agree on one in centimetres."""
    regions = values(dataset, "SequenceOfUltrasoundRegions") if not isinstance(dataset, FastDataset) else []
    if not regions:
        return RegionScale(None, N_("its header names no scale"))
    tissue = [
        region
        for region in regions
        if text(region, "RegionDataType") in TISSUE and text(region, "RegionSpatialFormat") == TWO_DIMENSIONAL
    ]
    if not tissue:
        return RegionScale(None, N_("it shows a curve over time, not tissue"))
    found = {_centimetres(region) for region in tissue}
    if None in found:
        return RegionScale(None, N_("the scale of its tissue is not in centimetres"))
    if len(found) > 1:
        return RegionScale(None, N_("its parts have different scales"))
    return RegionScale(found.pop())


def _centimetres(region: Any) -> tuple[float, float] | None:
    """The scale of one region in mm, if it is stated in centimetres."""
    steps = numbers(region, "PhysicalDeltaY", 1), numbers(region, "PhysicalDeltaX", 1)
    units = text(region, "PhysicalUnitsXDirection"), text(region, "PhysicalUnitsYDirection")
    if units != (CENTIMETRES, CENTIMETRES) or not steps[0] or not steps[1] or not steps[0][0] or not steps[1][0]:
        return None
    return round(abs(steps[0][0]) * 10, 6), round(abs(steps[1][0]) * 10, 6)


AXES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}


def _projection_affine(spacing: tuple[float, float], dataset: Any) -> Affine:
    """Axes of a radiograph from Patient Orientation; a frontal view with the patient facing us where it is absent."""
    words = [str(word).upper()[:1] for word in dataset.get("PatientOrientation") or ()]
    lateral = text(dataset, "ViewPosition").upper() in ("LL", "RL", "LAT", "LATERAL")
    row, column = words if len(words) == 2 and all(w in AXES for w in words) else ("P" if lateral else "L", "F")
    if abs(np.dot(AXES[row], AXES[column])):
        row, column = "L", "F"
    return slice_affine((*AXES[row], *AXES[column]), (0.0, 0.0, 0.0), spacing, 1.0)

"""Where a DICOM image lies: a slice in the patient, a radiograph on its detector, an ultrasound frame in cm."""

from __future__ import annotations

from typing import Any

import numpy as np

from medcore.readers import Place
from medcore.readers._dicom_fast import FastDataset
from medcore.readers._dicom_header import Header, numbers, text
from medcore.volume import Affine, Geometry, Scale, Unit


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
    spacing, scale = _plane_spacing(header, _region_spacing(dataset) if header.modality == "US" else None)
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


def _region_spacing(dataset: Any) -> tuple[float, float] | None:
    """Spacing of an ultrasound image whose regions of tissue all have the same scale in centimetres."""
    found = set()
    regions = dataset.get("SequenceOfUltrasoundRegions") if isinstance(dataset, FastDataset) is False else None
    for region in regions or ():
        steps = numbers(region, "PhysicalDeltaY", 1), numbers(region, "PhysicalDeltaX", 1)
        tissue = text(region, "RegionDataType") == "1" and text(region, "RegionSpatialFormat") == "1"
        units = text(region, "PhysicalUnitsXDirection"), text(region, "PhysicalUnitsYDirection")
        if tissue and units == ("3", "3") and steps[0] and steps[1]:
            found.add((round(abs(steps[0][0]) * 10, 6), round(abs(steps[1][0]) * 10, 6)))
    return found.pop() if len(found) == 1 and min(min(pair) for pair in found) > 0 else None


AXES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}


def _projection_affine(spacing: tuple[float, float], dataset: Any) -> Affine:
    """Axes of a radiograph from Patient Orientation; a frontal view with the patient facing us where it is absent."""
    words = [str(word).upper()[:1] for word in dataset.get("PatientOrientation") or ()]
    lateral = text(dataset, "ViewPosition").upper() in ("LL", "RL", "LAT", "LATERAL")
    row, column = words if len(words) == 2 and all(w in AXES for w in words) else ("P" if lateral else "L", "F")
    if abs(np.dot(AXES[row], AXES[column])):
        row, column = "L", "F"
    return slice_affine((*AXES[row], *AXES[column]), (0.0, 0.0, 0.0), spacing, 1.0)

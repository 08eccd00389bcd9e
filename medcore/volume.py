"""Geometry, Volume and Mask: pixels and where they lie in the patient.

Written once, for everybody: **an array index is (slice, row, column); the world is DICOM LPS in mm;
colour is channels last.** Readers convert; nobody else may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medcore.errors import N_, GeometryError, InvalidVolumeError, NoScaleError

Array: TypeAlias = NDArray[Any]
Affine: TypeAlias = NDArray[np.float64]
Triple: TypeAlias = tuple[float, float, float]

SAME_STEP_MM = 1e-6
FLAT_BOX = 4.0  # a box of that ratio of sides with voxels of exactly 1 mm holds no body part


class Scale(StrEnum):
    """What a millimetre of this image means."""

    PATIENT = "PATIENT"  # positions and distances inside the patient
    DETECTOR = "DETECTOR"  # distances on the detector plane of a projection, magnified against the patient
    NONE = "NONE"  # a picture: pixels only


class Unit(StrEnum):
    """What a voxel value means."""

    HU = "HU"
    SUV = "SUV"
    GREY = "GREY"
    RGB = "RGB"


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Where each voxel lies.

    Args:
        affine: 4×4, maps the homogeneous index (slice, row, column, 1) of a voxel centre to LPS mm.
            For `Scale.NONE` the unit is the pixel.
        scale: Whether millimetres mean anything, and where.
        frame_of_reference: DICOM Frame of Reference UID or a stand-in; two volumes share positions only
            if it is equal and not empty.

    Raises:
        GeometryError: The affine is not 4×4, not finite, or singular.
    """

    affine: Affine
    scale: Scale = Scale.PATIENT
    frame_of_reference: str = ""

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError(N_("The image's position matrix is not a finite 4×4 matrix."))
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise GeometryError(
                N_("The image's position matrix is singular: two of its axes point the same way or a spacing is zero."),
                hint=N_("Export the series again from its source; spacing and orientation are damaged in this copy."),
            )
        affine.flags.writeable = False
        object.__setattr__(self, "affine", affine)

    @classmethod
    def from_spacing(
        cls, spacing_mm: Triple, *, origin_mm: Triple = (0.0, 0.0, 0.0), scale: Scale = Scale.PATIENT
    ) -> Geometry:
        """An axis-aligned axial geometry: slices go up (superior), rows to posterior, columns to left."""
        affine = np.eye(4)
        affine[:3, :3] = [[0, 0, spacing_mm[2]], [0, spacing_mm[1], 0], [spacing_mm[0], 0, 0]]
        affine[:3, 3] = origin_mm
        return cls(affine=affine, scale=scale)

    @classmethod
    def pixels(cls) -> Geometry:
        """The geometry of a picture: no millimetres."""
        return cls.from_spacing((1.0, 1.0, 1.0), scale=Scale.NONE)

    @property
    def steps(self) -> Triple:
        """Length of one index step along (slice, row, column): mm, or pixels for `Scale.NONE`."""
        s, r, c = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(s), float(r), float(c)

    @property
    def spacing_mm(self) -> Triple:
        """Distance between voxel centres along (slice, row, column) in mm.

        Raises:
            NoScaleError: The image is a picture without a scale.
        """
        if self.scale is Scale.NONE:
            raise NoScaleError(
                N_("This image carries no physical scale, so it cannot be measured in millimetres."),
                hint=N_("Use the original DICOM file, or measure in pixels."),
            )
        return self.steps

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres.

        Raises:
            NoScaleError: Distances are not patient distances.
        """
        if self.scale is not Scale.PATIENT:
            raise NoScaleError(N_("A volume in millilitres needs a scan with patient coordinates."))
        return abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @property
    def orientation(self) -> str:
        """Three letters: where slice, row and column indices grow to, of L/R, P/A, S/I (axial: "SPL")."""
        letters = []
        for axis in range(3):
            direction = self.affine[:3, axis]
            world = int(np.argmax(np.abs(direction)))
            letters.append(("LR", "PA", "SI")[world][0 if direction[world] > 0 else 1])
        return "".join(letters)

    def to_lps(self, index: Array) -> Array:
        """Indices (..., 3) as (slice, row, column) to LPS mm (..., 3)."""
        return np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, lps_mm: Array) -> Array:
        """LPS mm (..., 3) to fractional indices (..., 3) as (slice, row, column)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return (np.asarray(lps_mm, dtype=np.float64) - self.affine[:3, 3]) @ inverse.T

    def close_to(self, other: Geometry, *, tolerance_mm: float = 1e-3) -> bool:
        """Whether both lay their voxels at the same places."""
        return self.scale is other.scale and bool(np.allclose(self.affine, other.affine, atol=tolerance_mm))

    def is_placeholder(self, shape: tuple[int, ...]) -> bool:
        """Whether 1 × 1 × 1 mm only says that nobody wrote the true spacing: so flat a box holds no body part.

        Args:
            shape: (S, R, C) of the grid.
        """
        if self.scale is not Scale.PATIENT or shape[0] < 2:
            return False
        return all(abs(step - 1) < SAME_STEP_MM for step in self.steps) and max(shape) >= FLAT_BOX * min(shape)


@dataclass(frozen=True, slots=True)
class Window:
    """The grey range shown: values from `centre - width/2` to `centre + width/2`, in the volume's unit."""

    centre: float
    width: float

    @property
    def low(self) -> float:
        return self.centre - self.width / 2

    @property
    def high(self) -> float:
        return self.centre + self.width / 2


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One scan: voxels, their meaning and their place.

    Args:
        voxels: (S, R, C) numbers, or (S, R, C, 3) uint8 for RGB. Larger is brighter: readers have applied
            rescale and the photometric interpretation. Made read-only.
        unit: What a value means.
        modality: DICOM modality ("DX", "CT", ...), or "" for a picture that does not say.
        geometry: Where the voxels lie.
        name: What to call it: series description or file name, never a patient name.
        acquired_on: Date of the acquisition if known.
        sha256: Of the source bytes; of a series, of the sorted fingerprints of its files (length, checksum, header).
        body_part: DICOM Body Part Examined in capitals, or "".
        view: DICOM View Position ("PA", "AP", "LL" ...), or "".
        transfer_syntax: DICOM Transfer Syntax UID of the source, or "".
        window: The grey range the source asks to be shown with, if any.
        synthetic: Made by a phantom, not from a person.
        facts: Further facts of the acquisition worth showing ("manufacturer", "kvp"), never identity.

    Raises:
        InvalidVolumeError: Empty, wrong number of axes, or not finite.
    """

    voxels: Array
    unit: Unit
    modality: str
    geometry: Geometry
    name: str = ""
    acquired_on: date | None = None
    sha256: str = ""
    body_part: str = ""
    view: str = ""
    transfer_syntax: str = ""
    window: Window | None = None
    synthetic: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        voxels = np.asarray(self.voxels)
        colour = self.unit is Unit.RGB
        if voxels.ndim != (4 if colour else 3) or 0 in voxels.shape or (colour and voxels.shape[3] != 3):
            raise InvalidVolumeError(
                N_("An image of shape {shape} is not a scan."), shape=" × ".join(map(str, voxels.shape))
            )
        if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
            raise InvalidVolumeError(
                N_("The image contains values that are not numbers (NaN or infinite)."),
                hint=N_("Export it again from its source; the rescale values or pixels are damaged."),
            )
        if voxels.flags.writeable:
            voxels = voxels.view()
            voxels.flags.writeable = False
        object.__setattr__(self, "voxels", voxels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns), without the colour axis."""
        s, r, c = self.voxels.shape[:3]
        return int(s), int(r), int(c)

    @property
    def spacing_mm(self) -> Triple | None:
        """(slice, row, column) spacing in mm, or None for an image without a scale."""
        return None if self.geometry.scale is Scale.NONE else self.geometry.spacing_mm

    @property
    def placeholder_spacing(self) -> bool:
        """Whether the header's 1 × 1 × 1 mm is not to be believed (`Geometry.is_placeholder`)."""
        return self.geometry.is_placeholder(self.shape)

    @property
    def value_range(self) -> tuple[float, float]:
        """Smallest and largest voxel value."""
        ends = [(plane.min(), plane.max()) for plane in self.voxels]  # plane by plane: its second pass finds it cached
        return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Labels on a scan's own grid.

    Args:
        labels: (S, R, C) unsigned integers; 0 is background. Made read-only.
        names: Label value to name.
        geometry: That of the scan.

    Raises:
        InvalidVolumeError: Not a 3-D integer array, or a value without a name.
    """

    labels: Array
    names: Mapping[int, str]
    geometry: Geometry

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.ndim != 3 or labels.dtype.kind not in "ub" or labels.size == 0:
            raise InvalidVolumeError(
                N_("A mask must be a three-dimensional array of labels, not {shape} of {kind}."),
                shape=" × ".join(map(str, labels.shape)),
                kind=str(labels.dtype),
            )
        labels = labels.view(np.uint8) if labels.dtype.kind == "b" else labels.view()
        unnamed = _unnamed(labels, self.names)
        if unnamed:
            raise InvalidVolumeError(N_("The mask uses label {label}, which has no name."), label=int(unnamed[0]))
        labels.flags.writeable = False
        object.__setattr__(self, "labels", labels)

    def volume_ml(self, label: int) -> float:
        """Volume of one label in ml: its voxel count times the voxel volume."""
        return int(np.count_nonzero(self.labels == label)) * self.geometry.voxel_ml


def _unnamed(labels: Array, names: Mapping[int, str]) -> list[int]:
    """Values in use that have no name; where all up to the largest have one, nothing need be sorted."""
    if all(value in names for value in range(1, int(labels.max()) + 1)):
        return []
    return sorted(set(np.unique(labels).tolist()) - {0} - set(names))


class MaskOrigin(StrEnum):
    """Where a mask comes from."""

    DRAWN = "drawn"
    CORRECTED = "corrected"  # with the brush, from an earlier mask or a model's
    SEG = "seg"
    RTSTRUCT = "rtstruct"
    FILE = "file"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """What the store knows of one mask without opening its labels.

    Args:
        scan: Id of the scan on whose grid it lies.
        name: What to call it; never a patient's name.
        labels: Label value to name, without the background.
        replaces: Id of the mask of which this one is a newer version, or "".
    """

    id: str
    scan: str
    name: str
    origin: MaskOrigin
    labels: Mapping[int, str]
    made_at: datetime
    replaces: str = ""

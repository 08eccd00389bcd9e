"""The answer of a registration: where a place of one scan lies in the other, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray

from medcore.errors import Message
from medcore.imaging.itk import to_image, to_voxels
from medcore.volume import Affine, Array, Geometry, Mask, Volume

Floats = NDArray[np.float64]


class Motion(StrEnum):
    """What a registration may do to a scan."""

    RIGID = "rigid"  # turn and shift: the same head or bone
    SIMILARITY = "similarity"  # and one scale for all directions: two radiographs
    AFFINE = "affine"  # and scale and shear: another scanner, another breath
    DEFORMABLE = "deformable"  # and bend: soft tissue


class Method(StrEnum):
    """How it was found."""

    GIVEN = "given"  # both scans say that they share one frame of reference
    SAME_CONTRAST = "same_contrast"  # least squares of grey values
    MUTUAL_INFORMATION = "mutual_information"  # for scans of different contrast


@dataclass(frozen=True, slots=True, eq=False)
class Bending:
    """What bends on top of an affine alignment.

    Args:
        shift_mm: (S, R, C, 3) float32: LPS mm to add to a place of the fixed scan before the affine map.
        geometry: Of its grid.
    """

    shift_mm: NDArray[np.float32]
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class Trust:
    """How far an alignment can be believed.

    Args:
        similarity: Correlation of grey values in the overlap, 0..1; for different contrast, normalised mutual
            information minus 1.
        overlap: Share of the fixed scan's foreground that lies in the moving scan.
        inverse_mm: Mean distance from a place to itself, there by this alignment and back by one found the other way.
        sharpness: How much of the similarity is lost, on average, by moving 5 mm or 5 degrees away: 0..1.
        doubts: Why not to believe it; empty when it can be trusted.
        landmarks: How far pairs of places that a reader set are apart after the alignment, mm (pixels of a picture).
    """

    similarity: float
    overlap: float
    inverse_mm: float
    sharpness: float
    doubts: tuple[Message, ...] = ()
    landmarks: tuple[float, ...] = ()

    @property
    def landmark_mm(self) -> float | None:
        """Mean distance of the landmarks; None without any."""
        return float(np.mean(self.landmarks)) if self.landmarks else None

    @property
    def trusted(self) -> bool:
        """Whether change may be claimed on the ground of this alignment."""
        return not self.doubts


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where the places of a fixed scan lie in a moving one.

    Args:
        to_moving: 4×4, LPS mm of the fixed scan to LPS mm of the moving scan.
        motion: What was allowed.
        method: How it was found.
        trust: How sure it is.
        bending: For deformable ones.
    """

    to_moving: Affine
    motion: Motion
    method: Method
    trust: Trust
    bending: Bending | None = None

    @property
    def to_fixed(self) -> Affine:
        """4×4, LPS mm of the moving scan to LPS mm of the fixed one, without the bending."""
        return np.asarray(np.linalg.inv(self.to_moving))

    def places_in_moving(self, lps_mm: Array) -> Floats:
        """Places (..., 3) of the fixed scan in the moving one, LPS mm."""
        places = np.asarray(lps_mm, dtype=np.float64)
        if self.bending is not None:
            places = places + _sampled(self.bending, places)
        return np.asarray(places @ self.to_moving[:3, :3].T + self.to_moving[:3, 3])

    def places_in_fixed(self, lps_mm: Array) -> Floats:
        """Places (..., 3) of the moving scan in the fixed one, LPS mm; the bending is undone by fixed-point steps."""
        inverse = self.to_fixed
        straight = np.asarray(lps_mm, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
        places = straight
        for _ in range(8 if self.bending is not None else 0):
            assert self.bending is not None
            places = straight - _sampled(self.bending, places)
        return np.asarray(places)

    def carried(self, moving: Volume, onto: Geometry, shape: tuple[int, int, int]) -> Array:
        """(S, R, C): grey values of the moving scan on a grid of the fixed one; outside it the smallest value."""
        outside = float(moving.voxels.min())
        return self._resampled(to_image(moving.voxels, moving.geometry), onto, shape, sitk.sitkLinear, outside)

    def carried_mask(self, moving: Mask, onto: Geometry, shape: tuple[int, int, int]) -> Mask:
        """Labels of the moving scan on a grid of the fixed one, by their nearest voxel."""
        image = to_image(moving.labels, moving.geometry)
        return Mask(self._resampled(image, onto, shape, sitk.sitkNearestNeighbor, 0.0), moving.names, onto)

    def _resampled(
        self, image: sitk.Image, onto: Geometry, shape: tuple[int, int, int], how: int, outside: float
    ) -> Array:
        grid = to_image(np.empty((1, 1, 1), dtype=np.uint8), onto)
        return to_voxels(
            sitk.Resample(
                image, shape[::-1], self._transform(), how,
                grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection(), outside, image.GetPixelID(),
            )
        )  # fmt: skip

    def _transform(self) -> sitk.Transform:
        affine = sitk.AffineTransform(3)
        affine.SetMatrix(self.to_moving[:3, :3].ravel().tolist())
        affine.SetTranslation(self.to_moving[:3, 3].tolist())
        if self.bending is None:
            return affine
        field = to_image(self.bending.shift_mm.astype(np.float64), self.bending.geometry)
        return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(field)])


def _sampled(bending: Bending, places: Floats) -> Floats:
    """The shift at places (..., 3), linear between grid points, zero outside."""
    from scipy import ndimage

    index = bending.geometry.to_index(places).reshape(-1, 3).T
    parts = [ndimage.map_coordinates(bending.shift_mm[..., axis], index, order=1, cval=0.0) for axis in range(3)]
    return np.stack(parts, axis=-1).astype(np.float64).reshape(places.shape)

"""Lesions of a mask: each connected piece with its volume, longest and perpendicular diameter, on its own grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)
from numpy.typing import NDArray
from scipy import ndimage

from medcore.errors import N_, NoScaleError
from medcore.volume import Geometry, Mask, Scale, Triple

Floats = NDArray[np.float64]
DIRECTIONS = np.array([(math.cos(turn), math.sin(turn)) for turn in np.arange(8) * math.pi / 8])


@dataclass(frozen=True, slots=True)
class Diameters:
    """Longest diameter of a lesion in one slice and the longest one at a right angle to it.

    Args:
        slice_index: The slice they were measured in.
        longest: Length in the grid's unit: mm, or pixels for an image without a scale.
        perpendicular: As `longest`.
        longest_ends: Its two ends in LPS mm (pixels for an image without a scale).
        perpendicular_ends: As `longest_ends`.
    """

    slice_index: int
    longest: float
    perpendicular: float
    longest_ends: tuple[Triple, Triple]
    perpendicular_ends: tuple[Triple, Triple]

    @property
    def product(self) -> float:
        """The bidirectional product of RANO and WHO, in the square of the unit."""
        return self.longest * self.perpendicular


@dataclass(frozen=True, slots=True)
class Extent:
    """Size and place of one lesion.

    Args:
        label: Its value in the mask.
        corner: First voxel of its box, (slice, row, column).
        size: Of the box, in voxels.
        voxels: How many belong to it.
        centre: Its centre of mass in LPS mm (pixels for an image without a scale).
        diameters: In the slice where it is longest.
        scale: Whether its lengths are millimetres.
        voxel_ml: Volume of one voxel; None where there is none.
    """

    label: int
    corner: tuple[int, int, int]
    size: tuple[int, int, int]
    voxels: int
    centre: Triple
    diameters: Diameters
    scale: Scale
    voxel_ml: float | None

    @property
    def volume_ml(self) -> float | None:
        """Volume, or None on a radiograph or a picture."""
        return None if self.voxel_ml is None else self.voxels * self.voxel_ml

    @property
    def longest_mm(self) -> float:
        """Longest in-plane diameter.

        Raises:
            NoScaleError: The image is a picture without a scale.
        """
        return self._mm(self.diameters.longest)

    @property
    def short_axis_mm(self) -> float:
        """Longest in-plane diameter at a right angle to the longest one.

        Raises:
            NoScaleError: The image is a picture without a scale.
        """
        return self._mm(self.diameters.perpendicular)

    def _mm(self, length: float) -> float:
        if self.scale is Scale.NONE:
            raise NoScaleError(
                N_("This image carries no physical scale, so a lesion in it has no size in millimetres."),
                hint=N_("Compare sizes in pixels, or use the original DICOM or NIfTI file."),
            )
        return length


def lesions(mask: Mask, *, at_least_voxels: int = 1) -> tuple[Extent, ...]:
    """Every connected piece of every label, the largest first.

    Args:
        mask: Labels on a scan's grid; pieces of one label that touch, also at a corner, are one lesion.
        at_least_voxels: Smaller pieces are left out.
    """
    return tuple(extent for extent, _ in lesion_voxels(mask, at_least_voxels=at_least_voxels))


def lesion_voxels(mask: Mask, *, at_least_voxels: int = 1) -> tuple[tuple[Extent, NDArray[np.bool_]], ...]:
    """As `lesions`, each with its voxels: true inside it, in its box."""
    found = [
        (measure(inside, mask.geometry, corner=corner, label=label), inside)
        for label in mask.names
        for corner, inside in pieces(mask.labels == label)
        if np.count_nonzero(inside) >= at_least_voxels
    ]
    return tuple(sorted(found, key=lambda one: -one[0].voxels))


def pieces(inside: NDArray[np.bool_]) -> Iterator[tuple[tuple[int, int, int], NDArray[np.bool_]]]:
    """Connected pieces of a (S, R, C) region: the corner of each one's box, and the piece in it."""
    used = np.flatnonzero(inside.any(axis=(1, 2)))
    if not len(used):
        return
    first = int(used[0])
    image = _numbered(inside[first : int(used[-1]) + 1])
    numbered = sitk.GetArrayViewFromImage(image).view(np.int32)  # valid while the image is
    for number, box in enumerate(ndimage.find_objects(numbered), start=1):
        yield (box[0].start + first, box[1].start, box[2].start), numbered[box] == number


def _numbered(inside: NDArray[np.bool_]) -> sitk.Image:
    """Connected pieces, each with its number from 1; voxels that touch at a corner belong together."""
    label = sitk.ConnectedComponentImageFilter()
    label.SetNumberOfThreads(1)  # more of them cost more than they save
    label.FullyConnectedOn()
    return label.Execute(sitk.GetImageFromArray(inside.view(np.uint8)))


def measure(
    inside: NDArray[np.bool_], geometry: Geometry, *, corner: tuple[int, int, int] = (0, 0, 0), label: int = 1
) -> Extent:
    """Size and place of one region.

    Args:
        inside: (S, R, C), true in the region; at least one voxel is.
        geometry: Of the whole scan.
        corner: Where `inside` begins in the scan.
    """
    indices = np.argwhere(inside)
    x, y, z = geometry.to_lps(indices.mean(axis=0) + corner).tolist()
    size = (int(inside.shape[0]), int(inside.shape[1]), int(inside.shape[2]))
    ml = geometry.voxel_ml if geometry.scale is Scale.PATIENT else None
    return Extent(
        label, corner, size, len(indices), (x, y, z), _diameters(inside, geometry, corner), geometry.scale, ml
    )


def _diameters(inside: NDArray[np.bool_], geometry: Geometry, corner: tuple[int, int, int]) -> Diameters:
    """Of the slice where the longest diameter is longest; the more extended slices are looked at first."""
    plane = _in_plane(geometry)
    outlines, begins = _outlines(inside)
    counts = np.count_nonzero(inside, axis=(1, 2))
    gaps = [border_gap(max(int(count), 1)) for count in counts]  # a slice between two parts may hold nothing
    reach = _reach(outlines, begins, plane) + 2 * np.array(gaps) * float(np.hypot(*plane.T).max())
    best: tuple[int, float, Floats] | None = None
    for s in np.argsort(-reach, kind="stable").tolist():
        if best is not None and reach[s] <= best[1]:
            break
        line = _longest(_hull(outlines[begins[s] : begins[s + 1]]), plane, gaps[s])
        length = _length(line, plane)
        if best is None or length > best[1]:
            best = s, length, line
    assert best is not None, "a lesion has at least one voxel"
    s, length, line = best
    across = _perpendicular(_hull(outlines[begins[s] : begins[s + 1]]), line, plane, gaps[s])
    here = (corner[0] + s, corner[1], corner[2])
    return Diameters(
        here[0], length, _length(across, plane), _ends(line, geometry, here), _ends(across, geometry, here)
    )


def _outlines(inside: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.intp]]:
    """(N, 2) as (row, column): first and last voxel of each row, slice by slice; and (S + 1,) where each slice begins.

    All corners of a slice's convex hull are among them.
    """
    used = inside.any(axis=2)
    slices, rows = np.nonzero(used)
    points = np.empty((len(rows), 2, 2))
    points[:, :, 0] = rows[:, None]
    points[:, 0, 1] = inside.argmax(axis=2)[used]
    points[:, 1, 1] = inside.shape[2] - 1 - inside[:, :, ::-1].argmax(axis=2)[used]
    return points.reshape(-1, 2), 2 * np.searchsorted(slices, np.arange(len(inside) + 1))


def _reach(outlines: Floats, begins: NDArray[np.intp], plane: Floats) -> Floats:
    """(S,): what no line between voxel centres of a slice exceeds: its widest extent of eight directions, and 2 %."""
    along = outlines @ (plane @ DIRECTIONS.T)
    used = begins[:-1] < begins[1:]
    extent = np.maximum.reduceat(along, begins[:-1][used]) - np.minimum.reduceat(along, begins[:-1][used])
    reach = np.full(len(used), -np.inf)
    reach[used] = extent.max(axis=1) / math.cos(math.pi / 2 / len(DIRECTIONS))
    return reach


def border_gap(voxels: int) -> float:
    """How far, in voxels, the border of a lesion lies outside the outermost voxel centre in a direction, on average.

    A round region of radius R holds no voxel centre in a cap of depth d with probability exp(-(4/3) sqrt(2 R) d^1.5),
    since its area is (4/3) d sqrt(2 R d). The mean depth is Gamma(5/3) (0.75 / sqrt(2 R))^(2/3): 0.44 voxels for a
    radius of 3, 0.27 for one of 10. Taking centres alone measures too short, taking outer borders (0.5) too long.
    """
    radius = math.sqrt(voxels / math.pi)
    return float(min(0.5, math.gamma(5 / 3) * (0.75 / math.sqrt(2 * radius)) ** (2 / 3)))


def _in_plane(geometry: Geometry) -> Floats:
    """2×2: (row, column) steps to orthonormal coordinates in the plane of a slice, in the grid's unit."""
    row, column = geometry.affine[:3, 1], geometry.affine[:3, 2]
    height, width = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    along = float(row @ column) / height
    return np.array([[height, 0.0], [along, math.sqrt(max(width**2 - along**2, 0.0))]])


def _hull(points: Floats) -> Floats:
    """(N, 2): the convex hull, in order around it."""
    return np.asarray(points[cv2.convexHull(points.astype(np.float32), returnPoints=False)[:, 0]])


def _length(line: Floats, plane: Floats) -> float:
    return float(np.hypot(*((line[1] - line[0]) @ plane)))


def _longest(hull: Floats, plane: Floats, gap: float) -> Floats:
    """(2, 2) as (row, column): ends of the longest diameter, beyond the outermost voxel centres by the border's gap."""
    places = hull @ plane
    apart = places[:, None] - places[None]
    distance = np.hypot(apart[..., 0], apart[..., 1])
    first, second = np.unravel_index(int(distance.argmax()), distance.shape)
    along = hull[second] - hull[first]
    if not along.any():  # a single voxel: along its longer side
        along = np.eye(2)[int(np.hypot(*plane[1]) > np.hypot(*plane[0]))]
    return _beyond(hull[[first, second]], along, gap)


def _perpendicular(hull: Floats, line: Floats, plane: Floats, gap: float) -> Floats:
    """(2, 2) as (row, column): ends of the longest chord at a right angle to a diameter.

    The length of such a chord, as it moves along the diameter, is concave and bends only at corners of the hull.
    """
    start, end = line @ plane
    along = (end - start) / np.hypot(*(end - start))
    across = np.array([-along[1], along[0]])
    u, v = ((hull @ plane - start) @ np.array([along, across]).T).T
    high, low = np.interp(u, *_chain(u, v, upper=True)), np.interp(u, *_chain(u, v, upper=False))
    at = int((high - low).argmax())
    back = np.linalg.inv(plane)
    chord = (start + u[at] * along + np.array([[low[at]], [high[at]]]) * across) @ back
    return _beyond(chord, across @ back, gap)


def _beyond(line: Floats, direction: Floats, gap: float) -> Floats:
    """A line made longer by `gap` voxels at both ends."""
    step = gap * direction / np.hypot(*direction)
    return np.asarray(line + np.array([-step, step]))


def _chain(u: Floats, v: Floats, *, upper: bool) -> tuple[Floats, Floats]:
    """The corners of a convex outline on one side of the line from its first to its last corner along u."""
    sign = 1.0 if upper else -1.0
    side = v * sign >= np.interp(u, [u.min(), u.max()], [v[u.argmin()], v[u.argmax()]]) * sign - 1e-9
    order = np.argsort(u[side], kind="stable")
    return u[side][order], v[side][order]


def _ends(line: Floats, geometry: Geometry, corner: tuple[int, int, int]) -> tuple[Triple, Triple]:
    """In-plane places to places in the patient."""
    (a, b, c), (d, e, f) = geometry.to_lps(np.insert(line, 0, 0.0, axis=1) + corner).tolist()
    return (a, b, c), (d, e, f)

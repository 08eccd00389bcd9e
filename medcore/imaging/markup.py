"""Regions from a DICOM SEG or RTSTRUCT laid onto the grid of the scan that they were drawn on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from medcore.errors import N_, GeometryError, Message
from medcore.readers import Markup, Outlined, Painted
from medcore.readers._answer import pack_issue, unpack_issue, unpack_markup
from medcore.records import Issue, Severity
from medcore.volume import Array, Geometry, Mask, Scale

SAME_PLANE_MM = 0.05  # contours of one plane, and planes of one distance
FLAT_MM = 0.1  # how far the points of a contour may lie from a plane
MAX_GAP_STEPS = 4  # regular planes farther apart than so many slices are not taken to stand for what lies between
WHOLE_STEPS = 0.05  # of a step: how near plane distances must be to whole multiples of it
HALF = 1e-4  # of a voxel: a tie at half way falls to the same side everywhere
ALIGNED = 0.02  # of a pixel: planes nearer than this to the scan's own grid are copied, not resampled
FINER = 2  # polygons across the scan's slices are rasterised this much finer than its voxels

Box: TypeAlias = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Layer:
    """Regions that do not overlap, as one mask.

    Args:
        mask: On the scan's grid.
        name: What to call it.
        issues: What is doubtful about it.
    """

    mask: Mask
    name: str
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """Pixels of one region in one plane: affine maps (row, column) to LPS mm."""

    pixels: Array  # (R, C) bool
    origin: Array
    row: Array  # mm of one step along the rows index
    column: Array

    @property
    def normal(self) -> Array:
        across = np.cross(self.column, self.row)
        result: Array = across / np.linalg.norm(across)
        return result


@dataclass(slots=True)
class _Canvas:
    """Masks under construction: a region goes into the first that it does not overlap."""

    shape: tuple[int, int, int]
    layers: list[Array] = field(default_factory=list)
    used: list[list[int]] = field(default_factory=list)

    def add(self, region: int, box: Box, inside: Array) -> None:
        """Put one region, `inside` within `box` of the grid, into a layer."""
        for layer, regions in zip(self.layers, self.used, strict=True):
            if not layer[box][inside].any():
                layer[box][inside] = region
                regions.append(region)
                return
        fresh = np.zeros(self.shape, np.uint16)
        fresh[box][inside] = region
        self.layers.append(fresh)
        self.used.append([region])


def place(markup: Markup, geometry: Geometry, shape: tuple[int, int, int]) -> tuple[Layer, ...]:
    """The regions as masks on a scan's grid; overlapping regions go into further masks.

    A voxel belongs to a region when its centre does. Planes on the scan's own grid are copied voxel by voxel; other
    planes fill the slab of half their distance to either side, nearest pixel. Polygons are even-odd, so that holes,
    drawn as inner polygons or through a key-hole, stay open.

    Args:
        markup: The regions, in patient coordinates.
        geometry: The scan's.
        shape: (slices, rows, columns) of the scan.

    Raises:
        GeometryError: The scan has no patient coordinates, or no region touches it.
    """
    if geometry.scale is not Scale.PATIENT:
        raise GeometryError(
            N_("Regions drawn in the patient cannot be laid onto an image without patient coordinates."),
            hint=N_("Upload them with the scan they were drawn on."),
        )
    canvas, resampled, lost = _Canvas(shape), False, []
    for region in markup.names:
        planes, step = _planes(markup.drawn, region, geometry, shape)
        filled = _fill(planes, step, geometry, shape)
        if filled is None:
            lost.append(region)
            continue
        box, inside, exact = filled
        canvas.add(region, box, inside)
        resampled |= not exact
    if not canvas.layers:
        raise GeometryError(
            N_("None of the regions lies inside the scan."),
            hint=N_("Check that both are of the same patient and visit."),
        )
    notes = (*markup.issues, *([_resampled()] if resampled else []), *([_outside(len(lost))] if lost else []))
    return tuple(_layer(markup, canvas, number, geometry, notes) for number in range(len(canvas.layers)))


def place_facts(
    facts: Mapping[str, Any], affine: Sequence[float], frame: str, shape: Sequence[int]
) -> list[dict[str, object]]:
    """`place` for a child process: plain facts in, plain facts out (see `layer_of`)."""
    geometry = Geometry(np.array(affine, np.float64).reshape(4, 4), frame_of_reference=frame)
    layers = place(unpack_markup(facts), geometry, (int(shape[0]), int(shape[1]), int(shape[2])))
    return [
        {
            "labels": layer.mask.labels,
            "names": [[region, label] for region, label in layer.mask.names.items()],
            "name": layer.name,
            "issues": [pack_issue(issue) for issue in layer.issues],
        }
        for layer in layers
    ]


def layer_of(facts: Mapping[str, Any], geometry: Geometry) -> Layer:
    """One layer that `place_facts` made."""
    mask = Mask(facts["labels"], {int(region): str(label) for region, label in facts["names"]}, geometry)
    return Layer(mask, str(facts["name"]), tuple(map(unpack_issue, facts["issues"])))


def _layer(markup: Markup, canvas: _Canvas, number: int, geometry: Geometry, notes: tuple[Issue, ...]) -> Layer:
    labels, regions = canvas.layers[number], canvas.used[number]
    names = {region: markup.names[region] for region in regions}
    if max(regions) < 256:
        labels = labels.astype(np.uint8)
    count = len(canvas.layers)
    name = replace(markup, names=names).title + (f" ({number + 1}/{count})" if count > 1 else "")
    return Layer(Mask(labels, names, geometry), name, notes)


def _planes(
    drawn: Painted | Outlined, region: int, geometry: Geometry, shape: tuple[int, int, int]
) -> tuple[list[_Plane], float]:
    """One region as pixels in planes, and the distance from plane to plane."""
    if isinstance(drawn, Painted):
        planes = list(_painted(drawn, region))
        return planes, _step(planes, drawn.step_mm, geometry)
    polygons = [
        drawn.points_mm[start:end]
        for start, end, number in zip(drawn.starts[:-1], drawn.starts[1:], drawn.regions, strict=True)
        if number == region
    ]
    normal = _common_normal(polygons, geometry)
    planes = [_rasterised(group, normal, geometry, shape) for group in _coplanar(polygons, normal)]
    return planes, _step(planes, (), geometry)


def _painted(drawn: Painted, region: int) -> Iterator[_Plane]:
    for frame, number in enumerate(drawn.regions):
        if number not in (0, region):
            continue
        pixels = drawn.pixels[frame] == region if number == 0 else drawn.pixels[frame] * 2.0 >= drawn.full
        if pixels.any():
            plane = drawn.planes[frame]
            yield _Plane(pixels, plane[:3], plane[6:9] * plane[9], plane[3:6] * plane[10])


def _common_normal(polygons: Sequence[Array], geometry: Geometry) -> Array:
    """The normal of all polygons: that of the scan's slices if they lie flat in them, else of the largest polygon."""
    matrix = geometry.affine[:3, :3]
    across: Array = np.cross(matrix[:, 1], matrix[:, 2])
    across /= np.linalg.norm(across)
    if all(float(np.ptp(polygon @ across)) <= FLAT_MM for polygon in polygons):
        return across
    largest = max(polygons, key=lambda polygon: float(np.linalg.norm(np.ptp(polygon, axis=0))))
    normal: Array = np.linalg.svd(largest - largest.mean(axis=0), full_matrices=False)[2][2]
    return normal


def _coplanar(polygons: Sequence[Array], normal: Array) -> list[list[Array]]:
    """Polygons grouped by the plane they lie in."""
    level = [float(np.median(polygon @ normal)) for polygon in polygons]
    order = sorted(range(len(polygons)), key=level.__getitem__)
    groups: list[list[Array]] = []
    for last, index in zip([None, *order], order, strict=False):
        if last is None or level[index] - level[last] > SAME_PLANE_MM:
            groups.append([])
        groups[-1].append(polygons[index])
    return groups


def _rasterised(polygons: Sequence[Array], normal: Array, geometry: Geometry, shape: tuple[int, int, int]) -> _Plane:
    """Polygons of one plane as pixels: the scan's own where they lie in a slice, else those of a finer grid."""
    matrix, corner = geometry.affine[:3, :3], geometry.affine[:3, 3]
    origin = normal * float(np.median(polygons[0] @ normal))
    if abs(float(normal @ matrix[:, 1])) + abs(float(normal @ matrix[:, 2])) < 1e-6 * min(geometry.steps):
        row, column = matrix[:, 1], matrix[:, 2]
        origin = corner + normal * float((origin - corner) @ normal)
    else:
        step = min(geometry.steps) / FINER
        column = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
        column = column / np.linalg.norm(column) * step
        row = np.cross(normal, column)
    basis = np.linalg.pinv(np.stack([row, column], axis=1)).T
    loops = [(polygon - origin) @ basis for polygon in polygons]
    scan = (geometry.to_lps(np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1.0)) - origin) @ basis
    low = np.maximum(np.min([loop.min(axis=0) for loop in loops], axis=0), scan.min(axis=0) - 1)
    high = np.minimum(np.max([loop.max(axis=0) for loop in loops], axis=0), scan.max(axis=0) + 1)
    first, size = np.floor(low).astype(int), np.maximum(np.ceil(high - np.floor(low)), 0).astype(int) + 1
    pixels = even_odd([loop - first for loop in loops], (int(size[0]), int(size[1])))
    return _Plane(pixels, origin + first[0] * row + first[1] * column, row, column)


def even_odd(polygons: Sequence[Array], shape: tuple[int, int]) -> Array:
    """Which pixel centres lie inside an odd number of polygon loops.

    Args:
        polygons: (P, 2) corners each, as (row, column) with pixel centres at whole numbers.
        shape: Rows and columns.

    Returns:
        (R, C) bool. scikit-image counts a centre on an edge to both sides; here each crossing of a row is sorted, so
        that the seam of a key-hole contour leaves no line.
    """
    inside = np.zeros(shape, bool)
    starts = np.concatenate(polygons)
    ends = np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons])
    low, high = np.minimum(starts[:, 0], ends[:, 0]), np.maximum(starts[:, 0], ends[:, 0])
    for row in range(shape[0]):
        cut = (low <= row) & (row < high)
        if not cut.any():
            continue
        a, b = starts[cut], ends[cut]
        at = np.sort(a[:, 1] + (row - a[:, 0]) / (b[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1]))
        first = np.clip(np.ceil(at).astype(int), 0, shape[1])
        for left, right in zip(first[0::2], first[1::2], strict=False):
            inside[row, left:right] = True
    return inside


def _step(planes: Sequence[_Plane], stated: Sequence[float], geometry: Geometry) -> float:
    """The distance between planes: as stated, else their own regular distance, else that of the scan's slices."""
    if not planes:
        return 0.0
    normal = planes[0].normal
    apart = np.diff(np.sort([float(plane.origin @ normal) for plane in planes]))
    apart = apart[apart > SAME_PLANE_MM]
    own = abs(float(geometry.affine[:3, 0] @ normal))
    parallel = own > 0.99 * float(np.linalg.norm(geometry.affine[:3, 0]))
    usual = float(np.median(apart)) if len(apart) >= 3 else 0.0
    regular = usual and (np.abs(apart - usual) <= WHOLE_STEPS * usual).all() and usual <= MAX_GAP_STEPS * own
    candidates = [*stated[:1], *([usual] if regular else []), *([own] if parallel else []), *stated[1:]]
    for step in candidates:
        whole = np.rint(apart / step)
        if (whole >= 1).all() and (np.abs(apart - whole * step) <= WHOLE_STEPS * step * whole).all():
            return float(step)
    return float(apart.min()) if len(apart) else (candidates[0] if candidates else min(geometry.steps))


def _fill(
    planes: Sequence[_Plane], step: float, geometry: Geometry, shape: tuple[int, int, int]
) -> tuple[Box, Array, bool] | None:
    """The voxels whose centres lie in the planes' slabs: a box, which of it, and whether all are exact copies."""
    box = _box(planes, step, geometry, shape)
    if box is None:
        return None
    normal = planes[0].normal
    levels = np.array([float(plane.origin @ normal) for plane in planes])
    inside = np.zeros(tuple(part.stop - part.start for part in box), bool)
    rows, columns = np.arange(box[1].start, box[1].stop), np.arange(box[2].start, box[2].stop)
    exact = True
    for index in range(box[0].start, box[0].stop):
        lattice = _Lattice(geometry, index, rows, columns)
        height = lattice.along(normal, np.zeros(3))
        best = np.full(height.shape, np.inf)
        near = np.flatnonzero((levels >= height.min() - step) & (levels <= height.max() + step)).tolist()
        for number in near:
            distance = np.abs(height - levels[number] + HALF * step)
            exact &= _copy(planes[number], distance / step, best, lattice, inside[index - box[0].start])
    return (box, inside, exact) if inside.any() else None


@dataclass(frozen=True, slots=True, eq=False)
class _Lattice:
    """The voxel centres of a part of one slice."""

    geometry: Geometry
    index: int
    rows: Array
    columns: Array

    def along(self, axis: Array, origin: Array) -> Array:
        """(R, C) coordinate of every voxel along a direction, from an origin."""
        matrix = self.geometry.affine[:3, :3]
        start = self.geometry.affine[:3, 3] + matrix[:, 0] * self.index - origin
        down = float(start @ axis) + self.rows * float(matrix[:, 1] @ axis)
        result: Array = down[:, None] + (self.columns * float(matrix[:, 2] @ axis))[None, :]
        return result


def _copy(plane: _Plane, distance: Array, best: Array, lattice: _Lattice, inside: Array) -> bool:
    """Take a plane's pixels where no other plane is nearer; whether each came from a pixel at its very place.

    Args:
        plane: The pixels.
        distance: (R, C) from each voxel to the plane, in steps.
        best: (R, C) the smallest distance so far; brought up to date.
        lattice: The voxels.
        inside: (R, C) the result; brought up to date.
    """
    close = (distance <= 0.5) & (distance <= best + HALF)
    if not close.any():
        return True
    inside[close & (distance < best - HALF)] = False
    best[close] = distance[close]
    r = lattice.along(plane.row / float(plane.row @ plane.row), plane.origin)
    c = lattice.along(plane.column / float(plane.column @ plane.column), plane.origin)
    i, j = np.floor(r + 0.5 + HALF).astype(np.int64), np.floor(c + 0.5 + HALF).astype(np.int64)
    within = close & (i >= 0) & (i < plane.pixels.shape[0]) & (j >= 0) & (j < plane.pixels.shape[1])
    inside[within] |= plane.pixels[i[within], j[within]]
    off = max(float(np.abs(r - i).max()), float(np.abs(c - j).max()), float(distance[close].max()))
    return off < ALIGNED


def _box(planes: Sequence[_Plane], step: float, geometry: Geometry, shape: tuple[int, int, int]) -> Box | None:
    """The part of the scan's grid that the planes can reach."""
    corners = []
    for plane in planes:
        rows, columns = np.flatnonzero(plane.pixels.any(axis=1)), np.flatnonzero(plane.pixels.any(axis=0))
        for r in (rows[0] - 0.5, rows[-1] + 0.5) if len(rows) else ():
            for c in (columns[0] - 0.5, columns[-1] + 0.5):
                point = plane.origin + r * plane.row + c * plane.column
                corners += [point - plane.normal * step / 2, point + plane.normal * step / 2]
    if not corners:
        return None
    reach = geometry.to_index(np.array(corners))
    low = np.maximum(np.floor(reach.min(axis=0) - HALF).astype(int), 0)
    high = np.minimum(np.ceil(reach.max(axis=0) + HALF).astype(int) + 1, shape)
    if (low >= high).any():
        return None
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))


def _resampled() -> Issue:
    return Issue(
        "regions_resampled",
        Severity.INFO,
        Message(N_("The regions were drawn on another grid; each voxel of the scan took the nearest value.")),
    )


def _outside(count: int) -> Issue:
    return Issue(
        "regions_outside",
        Severity.WARN,
        Message(N_("{count} regions lie outside the scan and were left out."), {"count": count}),
        measured=float(count),
    )

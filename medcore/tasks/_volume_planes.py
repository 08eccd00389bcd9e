"""The planes in which a volume can be looked at slice by slice, each slice upright as a reader would hang it."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.volume import Array, Geometry

COARSEST_RATIO = 2.5  # of the two steps in a plane: beyond it a slice is a stack of stripes
COARSEST_MM = 3.0  # of a step in a plane that was not acquired as such
LEAST_SLICES = 8  # across, for a plane that was not acquired as such
AXIAL, CORONAL, SAGITTAL = "axial", "coronal", "sagittal"
HUNG = {AXIAL: ("P", "L"), CORONAL: ("I", "L"), SAGITTAL: ("I", "P")}  # where rows and columns grow to
ACROSS = {"S": AXIAL, "I": AXIAL, "P": CORONAL, "A": CORONAL, "L": SAGITTAL, "R": SAGITTAL}
OPPOSITE = dict(zip("LRPASI", "RLAPIS", strict=True))


@dataclass(frozen=True, slots=True)
class Plane:
    """One way to look at a volume.

    Args:
        name: "axial", "coronal" or "sagittal", or "" where the file does not say how the patient lies.
        axes: The volume's axes that become slice, row, column.
        flips: Which of the three run the other way.
        steps: Length of a row step and of a column step: mm, or pixels without a scale.
    """

    name: str
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    steps: tuple[float, float]

    def view(self, voxels: Array) -> Array:
        """The array (S, R, C) as slices of this plane, upright; what is written into it is written into the volume."""
        turned = voxels.transpose(self.axes)
        return turned[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)]


def planes(geometry: Geometry, shape: tuple[int, int, int], *, known: bool = True) -> tuple[Plane, ...]:
    """The planes that are sharp enough, the acquired one first.

    Args:
        known: False where spacing or orientation are not to be believed: then only the slices as they are stored.
    """
    if not known:
        return (Plane("", (0, 1, 2), (False, False, False), (1.0, 1.0)),)
    return tuple(plane for axis in range(3) if (plane := _across(axis, geometry, shape)) is not None)


def _across(axis: int, geometry: Geometry, shape: tuple[int, int, int]) -> Plane | None:
    letters, steps = geometry.orientation, geometry.steps
    if len({_line(letter) for letter in letters}) < 3:  # so oblique that two axes are nearest to one direction
        return Plane("", (0, 1, 2), (False, False, False), (steps[1], steps[2])) if axis == 0 else None
    name = ACROSS[letters[axis]]
    row, column = (_axis(letters, wanted) for wanted in HUNG[name])
    in_plane = steps[row], steps[column]
    if axis != 0:
        coarse = max(in_plane) > COARSEST_RATIO * min(in_plane) or max(in_plane) > COARSEST_MM
        if coarse or min(shape) < LEAST_SLICES:
            return None
    flips = (False, letters[row] != HUNG[name][0], letters[column] != HUNG[name][1])
    return Plane(name, (axis, row, column), flips, in_plane)


def _axis(letters: str, wanted: str) -> int:
    return next(i for i, letter in enumerate(letters) if _line(letter) == _line(wanted))


def _line(letter: str) -> str:
    return min(letter, OPPOSITE[letter])

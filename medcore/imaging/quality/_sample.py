"""The slices that the quality checks look at, so that a large volume costs no more than a small one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy import bool_, float32
from numpy.typing import NDArray

from medcore.imaging.quality import Sample
from medcore.volume import Array, Scale, Unit, Volume

MAX_SLICES = 9
MAX_SIDE = 512  # a fault that is not seen at this size harms neither a reader's overview nor a network
OUTER_SHARE = 0.1  # of a stack at each end: table, air, wrap-around
RADIOGRAPHS = frozenset({"CR", "DX", "DR", "RG"})
SHUTTER_SHARE, SHUTTER_FILLED = 0.3, 0.9  # of the grey range; of a row or column
BACKGROUND_SHARE = 0.05  # of the grey range: what is darker is air


def sample(volume: Volume) -> Sample:
    """Slices spread over the middle four fifths of a scan, grey, at most 512 pixels wide and high."""
    chosen = volume.voxels[slice_numbers(volume.shape[0])]
    raw = grey(chosen) if volume.unit is Unit.RGB else chosen
    planes = np.stack([shrunk(plane, MAX_SIDE) for plane in raw])
    step, row, column = volume.geometry.steps
    factor = raw.shape[1] / planes.shape[1], raw.shape[2] / planes.shape[2]
    return Sample(volume, planes, raw, (step, row * factor[0], column * factor[1]))


def slice_numbers(count: int) -> list[int]:
    """Which slices of `count` are looked at.

    >>> slice_numbers(1), slice_numbers(10), slice_numbers(21)
    ([0], [1, 2, 3, 4, 5, 6, 7, 8], [2, 4, 6, 8, 10, 12, 14, 16, 18])
    """
    outer = int(count * OUTER_SHARE)
    inner = count - 2 * outer
    return sorted({outer + round(place) for place in np.linspace(0, inner - 1, min(inner, MAX_SLICES))})


def grey(colour: Array) -> Array:
    """(..., 3) colours as grey (ITU-R BT.601), uint8."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(np.rint(colour.astype(np.float32) @ weights), dtype=np.uint8)


def shrunk(plane: Array, side: int) -> NDArray[float32]:
    """(R, C) as float32, averaged down so that no side is longer than `side`; never enlarged."""
    values = np.ascontiguousarray(plane)
    if values.dtype not in (np.uint8, np.uint16, np.int16, np.float32):
        values = values.astype(np.float32)
    factor = side / max(values.shape)
    if factor < 1:
        size = max(1, round(values.shape[1] * factor)), max(1, round(values.shape[0] * factor))
        values = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA))
    return np.asarray(values, dtype=np.float32)


def is_radiograph(volume: Volume) -> bool:
    """Whether the header says that this is a plain radiograph."""
    return volume.modality in RADIOGRAPHS and volume.shape[0] == 1


def is_picture(volume: Volume) -> bool:
    """Whether this is a grey picture that does not say what it shows."""
    return volume.modality == "" and volume.geometry.scale is Scale.NONE and volume.unit is Unit.GREY


def is_mr(volume: Volume) -> bool:
    """Whether this is MR: the header says so, or a volume file without a modality holds grey values from 0 up."""
    nameless = volume.modality == "" and volume.geometry.scale is Scale.PATIENT and volume.unit is Unit.GREY
    return volume.modality == "MR" or (nameless and volume.shape[0] > 1)


def is_ct(volume: Volume) -> bool:
    """Whether the values are Hounsfield units of CT slices."""
    return volume.modality == "CT" and volume.unit is Unit.HU


def is_axial(volume: Volume) -> bool:
    """Whether the slices are stacked from feet to head."""
    return volume.geometry.scale is Scale.PATIENT and volume.geometry.orientation[0] in "SI"


def grey_range(plane: Array) -> float:
    """Difference between the 99th and the 1st percentile."""
    low, high = np.percentile(plane, (1, 99))
    return float(high - low)


def foreground(plane: NDArray[float32]) -> NDArray[bool_]:
    """What is neither air nor at the upper end of the grey range, where noise is cut off."""
    low, high = np.percentile(plane, (0.5, 99.5))
    return np.asarray((plane > low + BACKGROUND_SHARE * (high - low)) & (plane < high))


def scaled(plane: Array) -> NDArray[np.uint8]:
    """(R, C) as uint8, the smallest value 0 and the 99.95th percentile 255."""
    values = plane.astype(np.float32)
    low, high = float(values.min()), float(np.percentile(values, 99.95))
    return np.asarray(np.clip((values - low) * (255 / max(high - low, 1e-6)), 0, 255), dtype=np.uint8)


def exposed(plane: Array) -> tuple[slice, slice]:
    """Rows and columns between white shutters: edges of the image almost wholly in the top third of its grey range.

    A radiograph whose air is white has such edges too, but not a dark field inside them.
    """
    low, high = np.percentile(plane, (1, 99))
    white = plane > high - SHUTTER_SHARE * (high - low)
    return _between(white.mean(axis=1) > SHUTTER_FILLED), _between(white.mean(axis=0) > SHUTTER_FILLED)


def _between(closed: NDArray[bool_]) -> slice:
    open_ = np.flatnonzero(~closed)
    if not len(open_):
        return slice(None)
    first, last = int(open_[0]), int(open_[-1])
    soft = (last - first) // 20  # the penumbra of a shutter
    return slice(first + soft * (first > 0), last + 1 - soft * (last < len(closed) - 1))


def bright(plane: Array, *, share: float = 1.0) -> NDArray[bool_]:
    """The brighter of two classes (Otsu 1979), or what is above a share of the threshold between them."""
    low, high = np.percentile(plane, (1, 99))
    values = np.clip((plane.astype(np.float32) - low) * (255 / max(float(high - low), 1e-6)), 0, 255)
    steps = values.astype(np.uint8)
    threshold, _ = cv2.threshold(steps, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(steps > share * threshold, dtype=bool)

"""Arrays in the exact form the browser's textures take, each with a hash of its content."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medcore.volume import Array, Mask, Unit, Volume

SAMPLE_VOXELS: Final = 200_000
AUTO_PERCENTILES: Final = (0.5, 99.5)
KEPT: Final = 64
KINDS: Final = ("uint8", "int16", "uint16", "float32")  # WebGL 2 array textures the viewer has shaders for


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """One array for the browser.

    Args:
        array: C-contiguous, little-endian, one of `KINDS`; (S, R, C) or (S, R, C, 3).
        content: Hash of everything in it; equal content is fetched and kept once.
        low, high: Smallest and largest value.
        auto_low, auto_high: The grey range that shows most of it (`AUTO_PERCENTILES`, background left out).
    """

    array: Array
    content: str
    low: float
    high: float
    auto_low: float
    auto_high: float

    @property
    def kind(self) -> str:
        """Name of the number type, one of `KINDS`."""
        return str(self.array.dtype.name)

    @property
    def channels(self) -> int:
        """1, or 3 for colour."""
        return 3 if self.array.ndim == 4 else 1


class _Memory:
    """The last packed arrays by the identity of their source, which is held so that the identity stays its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[Array, Packed]] = OrderedDict()

    def get(self, source: Array, make: Callable[[], Packed]) -> Packed:
        with self._lock:
            kept = self._kept.get(id(source))
            if kept is not None:
                self._kept.move_to_end(id(source))
                return kept[1]
        packed = make()
        with self._lock:
            self._kept[id(source)] = (source, packed)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return packed


_volumes, _heats, _masks = _Memory(), _Memory(), _Memory()


def pack_volume(volume: Volume) -> Packed:
    """The volume's exact voxels; only values that no texture holds (64-bit) are narrowed to float32."""
    return _volumes.get(volume.voxels, lambda: _pack(exact(volume.voxels), volume))


def pack_heat(heat: NDArray[np.float32] | NDArray[np.float16]) -> Packed:
    """A heat map (S, R, C) or (R, C) of 0..1 in 256 steps; what is not a number counts as cold."""

    def make() -> Packed:
        stacked = heat if heat.ndim == 3 else heat[np.newaxis]
        steps = np.rint(np.clip(np.nan_to_num(stacked, nan=0.0, posinf=1.0), 0.0, 1.0) * 255.0).astype(np.uint8)
        return Packed(np.ascontiguousarray(steps), _digest(steps), 0.0, 255.0, 0.0, 255.0)

    return _heats.get(heat, make)


def pack_mask(mask: Mask) -> Packed:
    """The mask's labels as 8 or 16 bits."""

    def make() -> Packed:
        labels = exact(
            mask.labels.astype(np.uint8) if mask.labels.max() <= 255 else mask.labels
        )  # a brush takes 8 bits
        return Packed(labels, _digest(labels), 0.0, float(labels.max()), 0.0, 255.0)

    return _masks.get(mask.labels, make)


def exact(values: Array) -> Array:
    """The same values as the smallest of `KINDS` that holds them all."""
    if values.dtype.name in KINDS:
        return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    if values.dtype.kind in "iub":
        low, high = int(values.min()), int(values.max())
        for kind in ("uint8", "int16", "uint16"):
            limits = np.iinfo(kind)
            if limits.min <= low and high <= limits.max:
                return np.ascontiguousarray(values, dtype=kind)
    return np.ascontiguousarray(values, dtype="<f4")


def _pack(array: Array, volume: Volume) -> Packed:
    sample = array.reshape(-1)[:: max(1, array.size // SAMPLE_VOXELS)]
    low, high = float(array.min()), float(array.max())
    if volume.unit is Unit.RGB:
        return Packed(array, _digest(array), low, high, 0.0, 255.0)
    inside = sample[sample > low] if np.count_nonzero(sample > low) > 16 else sample
    auto_low, auto_high = (float(value) for value in np.percentile(inside, AUTO_PERCENTILES))
    if auto_high <= auto_low:
        auto_low, auto_high = low, max(high, low + 1.0)
    return Packed(array, _digest(array), low, high, auto_low, auto_high)


def _digest(array: Array) -> str:
    digest = hashlib.blake2b(f"{array.shape}{array.dtype.str}".encode(), digest_size=12)
    digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()

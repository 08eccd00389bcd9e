"""The X-ray room: a beam, its scatter, a detector that counts, and the development for the reading screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medcore.imaging.phantoms.clouds import Cloud, deposit
from medcore.imaging.phantoms.shapes import Floats
from medcore.volume import Affine


@dataclass(frozen=True)
class Detector:
    """A flat detector behind a body whose middle (y = 0) is `object_mm` away from it.

    Args:
        rows: Pixels downwards.
        columns: Pixels to the patient's left.
        pixel_mm: Pixel size on the detector.
        centre_z_mm: Height of the middle row.
        source_mm: From the focus to the detector.
        object_mm: From the middle of the body to the detector.
        shift_mm: How far the patient stands from the middle of the field, LPS x and z.
    """

    rows: int
    columns: int
    pixel_mm: float
    centre_z_mm: float = 0.0
    source_mm: float = 1800.0
    object_mm: float = 150.0
    shift_mm: tuple[float, float] = (0.0, 0.0)

    @overload
    def magnification(self, y: float) -> float: ...
    @overload
    def magnification(self, y: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def magnification(self, y: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
        """How much larger something at depth y appears; the beam enters from behind (PA), the detector is in front."""
        return self.source_mm / (self.source_mm - self.object_mm - y)

    def coarser(self, factor: int) -> Detector:
        """The same field with pixels `factor` times as large, at least covering it."""
        rows, columns = -(-self.rows // factor), -(-self.columns // factor)
        return replace(self, rows=rows, columns=columns, pixel_mm=self.pixel_mm * factor)

    def plane(self) -> tuple[Floats, Floats]:
        """x (1, columns) and z (rows, 1) in LPS mm seen by each pixel at the middle of the body."""
        step = self.pixel_mm / self.magnification(0.0)
        x = (np.arange(self.columns) - (self.columns - 1) / 2) * step - self.shift_mm[0]
        z = ((self.rows - 1) / 2 - np.arange(self.rows)) * step + self.centre_z_mm - self.shift_mm[1]
        return x[None, :].astype(np.float32), z[:, None].astype(np.float32)

    def index(self, points: NDArray[np.float64] | Floats) -> NDArray[np.float64]:
        """(N, 3) LPS mm to fractional (row, column)."""
        points = np.asarray(points, dtype=np.float64)
        scale = self.magnification(points[:, 1]) / self.pixel_mm
        row = (self.rows - 1) / 2 - (points[:, 2] + self.shift_mm[1] - self.centre_z_mm) * scale
        column = (self.columns - 1) / 2 + (points[:, 0] + self.shift_mm[0]) * scale
        return np.stack([row, column], axis=1)

    def shadow(self, cloud: Cloud) -> Floats:
        """Path length in mm through a cloud at each pixel."""
        scale = self.magnification(cloud.points[:, 1].astype(np.float64)) / self.pixel_mm
        shadow = deposit(self.index(cloud.points), (cloud.mm3 * scale**2).astype(np.float32), (self.rows, self.columns))
        return np.asarray(ndimage.gaussian_filter(shadow, 0.6), dtype=np.float32)


def expose(path: Floats, *, pixel_mm: float, photons: float, seed: int, scatter: float = 0.35) -> Floats:
    """What the detector measures, as the logarithm of attenuation: primary and scattered photons, counted.

    Args:
        path: Line integral of attenuation.
        photons: Photons that an open pixel counts.
        scatter: Scattered over primary photons after the grid, where the body is thick.
    """
    rng = np.random.default_rng(seed)
    primary = np.exp(-path)
    primary = ndimage.gaussian_filter(primary, 0.12 / pixel_mm)  # focus and scintillator
    haze = _wide_blur(np.where(path > 0.3, primary, 0), 22.0 / pixel_mm) * scatter + 0.004
    counts = (primary + haze) * photons
    noise = ndimage.gaussian_filter(rng.standard_normal(path.shape, dtype=np.float32), 0.5) * 1.8
    counts = np.maximum(counts + np.sqrt(counts) * noise, 1.0)
    return np.asarray(-np.log(counts / photons), dtype=np.float32)


def develop(
    image: Floats, *, pixel_mm: float, low: float, high: float, even: float = 0.45, crisp: float = 0.9
) -> Floats:
    """Make a measured image ready to read, 0..1, bone white.

    Args:
        low: Attenuation that becomes black.
        high: Attenuation that becomes white.
        even: How much of the large-scale contrast is taken out so that lung and mediastinum are seen at once.
        crisp: How much detail of a few mm is added.
    """
    held = np.clip(image, low - 0.2, high + 0.2)
    base = _wide_blur(held, 14.0 / pixel_mm)
    fine = held - ndimage.gaussian_filter(held, max(1.6 / pixel_mm, 0.6))
    middle = (low + high) / 2
    shown = held - even * (base - middle) + crisp * fine
    span = (high - low) * (1 - 0.55 * even)
    t = (shown - middle) / span
    return np.asarray(1 / (1 + np.exp(-4.4 * t)), dtype=np.float32)


def projection_affine(pixel_mm: float) -> Affine:
    """Axes of a frontal radiograph: columns to the patient's left, rows to the feet."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0.0, 0.0, pixel_mm], [1.0, 0.0, 0.0], [0.0, -pixel_mm, 0.0]])
    return affine


def enlarge(image: Floats, shape: tuple[int, int], factor: int) -> Floats:
    """Linear enlargement by a whole factor, cut to `shape`; pixel centres stay where they were."""
    out = image
    for axis in (0, 1):
        at = np.clip((np.arange(shape[axis]) + 0.5) / factor - 0.5, 0, image.shape[axis] - 1)
        low = np.minimum(at.astype(int), image.shape[axis] - 2)
        part = (at - low).astype(np.float32)
        part = part[:, None] if axis == 0 else part[None, :]
        out = np.take(out, low, axis) * (1 - part) + np.take(out, low + 1, axis) * part
    return out


def stamp_r(film: Floats, *, at: tuple[int, int], height: int, value: float) -> None:
    """Lay a lead letter R on a film, its top left corner at `at` (row, column), in pixels."""
    y = (np.arange(height)[:, None] + 0.5) / height
    x = (np.arange(round(height * 0.66))[None, :] + 0.5) / height
    half = 0.075

    def stroke(ax: float, ay: float, bx: float, by: float) -> NDArray[np.float64]:
        t = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
        return np.asarray(np.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)))

    bowl = np.where(x > 0.34, np.abs(np.hypot(x - 0.34, y - 0.285) - 0.2), 9.0)
    parts = [stroke(0.09, 0.085, 0.09, 0.915), stroke(0.09, 0.085, 0.34, 0.085), stroke(0.09, 0.485, 0.34, 0.485), bowl,
             stroke(0.32, 0.485, 0.56, 0.915)]  # fmt: skip
    lead = value * np.clip((half - np.minimum.reduce(np.broadcast_arrays(*parts))) * height + 0.5, 0, 1)
    block = film[at[0] : at[0] + height, at[1] : at[1] + lead.shape[1]]
    np.maximum(block, lead[: block.shape[0], : block.shape[1]], out=block)


def shutter(rows: int, columns: int, *, edge: float) -> Floats:
    """1 inside the collimated field, 0 outside, with a narrow penumbra; `edge` in pixels."""
    y, x = np.arange(rows), np.arange(columns)
    upright = np.clip(np.minimum(y - edge * 1.2, rows - edge - y) / 3 + 0.5, 0, 1)
    across = np.clip(np.minimum(x - edge * 0.8, columns - edge * 0.9 - x) / 3 + 0.5, 0, 1)
    return np.asarray(upright[:, None].astype(np.float32) * across[None, :].astype(np.float32))


def _wide_blur(image: Floats, sigma: float) -> Floats:
    """A Gaussian blur of many pixels, computed on a reduced image."""
    factor = max(int(sigma / 4), 1)
    if factor == 1:
        return np.asarray(ndimage.gaussian_filter(image, sigma), dtype=np.float32)
    rows, columns = -(-image.shape[0] // factor), -(-image.shape[1] // factor)
    padded = np.pad(image, ((0, rows * factor - image.shape[0]), (0, columns * factor - image.shape[1])), mode="edge")
    small = padded.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    return enlarge(ndimage.gaussian_filter(small, sigma / factor), (image.shape[0], image.shape[1]), factor)

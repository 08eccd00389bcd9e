"""What a nodule looks like, in numbers that do not hang on the slice thickness: size, shape, density and texture."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

PIXEL_MM = 0.7  # of the slices that are looked at
LOW_HU, HIGH_HU = -1400.0, 200.0  # the lung window; what is brighter is as bright as calcium
CALCIUM_HU, FAINT_HU = 170.0, -650.0


def looks(slices: NDArray[float32], inside: NDArray[np.bool_]) -> Mapping[str, float]:
    """Features of one nodule by name.

    Args:
        slices: (S, H, W) HU of axial slices with PIXEL_MM a pixel; only what is inside counts.
        inside: (S, H, W), true in the nodule; at least one pixel is.
    """
    areas = np.count_nonzero(inside, axis=(1, 2))
    widest = int(areas.argmax())
    mask = np.pad(inside[widest], 2).astype(np.uint8)
    shades = np.where(inside, np.clip(slices, LOW_HU, HIGH_HU), LOW_HU)
    plane = np.pad(shades[widest], 2, constant_values=LOW_HU).astype(float32)
    values, everything = plane[mask > 0], shades[inside]
    core = cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0
    rim = (mask > 0) & ~core
    middle = float(plane[core].mean()) if core.any() else float(values.max())
    slope = np.hypot(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1))
    curve = cv2.Laplacian(plane, cv2.CV_32F)
    low, high = (float(np.percentile(values, q)) for q in (10, 90))
    return {
        "log_area": float(np.log(areas[widest] * PIXEL_MM**2)),
        **_shape(mask),
        "mean_hu": float(values.mean()),
        "spread_hu": float(values.std()),
        "low_hu": low,
        "high_hu": high,
        "mean_hu_all": float(everything.mean()),
        "spread_hu_all": float(everything.std()),
        "calcium_share": float((values > CALCIUM_HU).mean()),
        "faint_share": float((values < FAINT_HU).mean()),
        "rim_hu": float(plane[rim].mean()),
        "core_minus_rim_hu": middle - float(plane[rim].mean()),
        "log_slope_inside": float(np.log(slope[core].mean() + 10.0)) if core.any() else 0.0,
        "log_texture": float(np.log(curve[core].std() + 10.0)) if core.sum() > 3 else 0.0,
    }


def _shape(mask: NDArray[np.uint8]) -> Mapping[str, float]:
    """Longest extent, how drawn out, how round and how lobed the outline is."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    _, sides, _ = cv2.minAreaRect(outline)
    short, long = sorted(side + 1.0 for side in sides)
    area = cv2.contourArea(outline) + 1.0
    around = cv2.arcLength(outline, True) + 1.0
    return {
        "log_longest": float(np.log(long * PIXEL_MM)),
        "aspect": short / long,
        "roundness": float(4 * np.pi * area / around**2),
        "convexity": area / (cv2.contourArea(cv2.convexHull(outline)) + 1.0),
    }

"""A place of a scan as a small picture for a report: the outline of a lesion drawn on it, and a bar of 10 mm."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from medcore.exports.report_document import Picture, Text

JPEG_QUALITY = 88
LONGEST_SIDE = 420  # pixels
OUTLINE, BAR = (255, 176, 32), (255, 255, 255)
BAR_MM = 10.0
HALF = 128


def key_picture(
    grey: NDArray[np.float32],
    inside: NDArray[np.bool_] | NDArray[np.float32],
    caption: Text,
    *,
    pixel: tuple[float, float],
    true_scale: bool,
) -> Picture:
    """One slice with its lesion outlined.

    Args:
        grey: (R, C) 0..1.
        inside: (R, C), true in the lesion; or 0..1, of which the outline lies at a half.
        pixel: Height and width of a pixel, in mm or in any one unit.
        true_scale: Whether that unit is the millimetre, so that a bar can be drawn.
    """
    height, width = grey.shape[0] * pixel[0], grey.shape[1] * pixel[1]
    scale = LONGEST_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    values = Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8))
    picture = values.resize(size, Image.Resampling.BICUBIC).convert("RGB")
    picture.paste(OUTLINE, mask=_outline(inside, size))
    if true_scale and BAR_MM * scale < size[0] / 2:
        right, low = size[0] - 8, size[1] - 10
        ImageDraw.Draw(picture).rectangle((right - BAR_MM * scale, low, right, low + 3), fill=BAR)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=JPEG_QUALITY)
    return Picture(file.getvalue(), *size, caption)


def _outline(inside: NDArray[np.bool_] | NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """A line of two pixels just within the border of a region, at the size of the picture."""
    filled = np.asarray(np.clip(inside, 0, 1) * 255, dtype=np.uint8)
    large = Image.fromarray(filled).resize(size, Image.Resampling.BICUBIC)
    region = large.point(lambda value: 255 if value >= HALF else 0)
    framed = Image.new("L", (size[0] + 4, size[1] + 4))
    framed.paste(region, (2, 2))
    core = framed.filter(ImageFilter.MinFilter(5)).crop((2, 2, size[0] + 2, size[1] + 2))
    return Image.fromarray(np.asarray(region) & ~np.asarray(core))

"""A heat map over its image as one picture, for the command line, reports and thumbnails."""

from __future__ import annotations

import cv2
import numpy as np
from numpy import float32, uint8
from numpy.typing import NDArray

from medcore.errors import N_, InvalidVolumeError
from medcore.imaging.fitting import shrink_to
from medcore.imaging.intensity import grey_plane
from medcore.volume import Volume

# Perceptually uniform and safe for colour-blind eyes (matplotlib's maps, as OpenCV carries them).
COLOUR_MAPS = {"inferno": cv2.COLORMAP_INFERNO, "viridis": cv2.COLORMAP_VIRIDIS, "cividis": cv2.COLORMAP_CIVIDIS}
JPEG_QUALITY = 90
SAMPLE = 4  # every fourth row and column is enough for a percentile


def shown_grey(scan: Volume, *, side: int, index: int | None = None) -> NDArray[uint8]:
    """One slice as it is shown: windowed to 0..255, longer side at most `side`.

    The window is the scan's own, or the range between its 0.5th and 99.5th percentile.
    """
    plane = grey_plane(scan, index)
    small = shrink_to(plane, side) if max(plane.shape) > side else plane.astype(float32)
    if scan.window is not None:
        low, high = scan.window.low, scan.window.high
    else:
        low, high = (float(v) for v in np.percentile(small[::SAMPLE, ::SAMPLE], (0.5, 99.5)))
    gain = 255.0 / max(high - low, 1e-6)
    return np.asarray(cv2.convertScaleAbs(np.maximum(small, low), alpha=gain, beta=-low * gain), dtype=uint8)


def blend_heat(
    grey: NDArray[uint8],
    heat: NDArray[float32],
    *,
    opacity: float = 0.5,
    threshold: float = 0.15,
    colours: str = "inferno",
) -> NDArray[uint8]:
    """Colour a heat map (h, w) in 0..1 over a grey picture (R, C); gives RGB (R, C, 3).

    Opacity grows with the heat, so that the image stays readable where there is none.
    """
    sized = cv2.resize(heat, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)  # heat is smooth
    colour = cv2.applyColorMap(cv2.convertScaleAbs(sized, alpha=255.0), COLOUR_MAPS[colours])
    _, weight = cv2.threshold(sized * opacity, threshold * opacity, 0, cv2.THRESH_TOZERO)
    mixed = cv2.blendLinear(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), colour, 1 - weight, weight)
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_BGR2RGB), dtype=uint8)


def encode_jpeg(picture: NDArray[uint8]) -> bytes:
    """A grey (R, C) or RGB (R, C, 3) picture as JPEG bytes."""
    ordered = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    done, data = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise InvalidVolumeError(N_("The picture could not be encoded."))
    return bytes(data)

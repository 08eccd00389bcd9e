"""How another device, dose or export would change a picture, in steps: for finding out where a model breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

from medcore.errors import N_, UnknownNameError
from medcore.volume import Array, Volume

Picture = NDArray[float32]  # (R, C) in 0..1


@dataclass(frozen=True, slots=True)
class Shift:
    """One way in which pictures differ.

    Args:
        title, unit: For the catalogues.
        none: The strength that changes nothing.
        strengths: Growing steps, `none` first.
        change: Picture, strength, dice to the changed picture; values beyond 0..1 are cut off.
    """

    title: str
    unit: str
    none: float
    strengths: tuple[float, ...]
    change: Callable[[Picture, float, np.random.Generator], Array]


def shifted(scan: Volume, shift: str, strength: float, *, seed: int = 0) -> Volume:
    """A picture as another device might have made it, in the numbers of its own file.

    Args:
        shift: One of SHIFTS.
        seed: Of noise and shading.

    Raises:
        UnknownNameError: There is no such shift.
    """
    if shift not in SHIFTS:
        raise UnknownNameError(N_("There is no “{name}” among: {known}."), name=shift, known=", ".join(SHIFTS))
    plane = scan.voxels[0]
    low, high = float(plane.min()), float(plane.max())
    if strength == SHIFTS[shift].none or high <= low:
        return scan
    grey = ((plane.astype(float32) - low) / (high - low)).astype(float32)
    changed = np.clip(SHIFTS[shift].change(grey, strength, np.random.default_rng(seed)), 0, 1) * (high - low) + low
    whole = np.issubdtype(plane.dtype, np.integer)
    return replace(scan, voxels=(np.rint(changed) if whole else changed).astype(plane.dtype)[None])


def _noise(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    return picture + strength / 100 * random.standard_normal(picture.shape, dtype=float32)


def _blur(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    del random
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), strength / 100 * max(picture.shape)))


def _contrast(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    """Less of it by a factor, in the same 256 steps of grey: what is lost does not come back."""
    del random
    return np.asarray(np.rint((0.5 + (picture - 0.5) * strength) * 255) / 255)


def _gamma(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    del random
    return np.asarray(picture**strength)


def _resolution(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    del random
    rows, columns = picture.shape
    size = max(4, round(columns / strength)), max(4, round(rows / strength))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR))


def _bias_field(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    """A slow shading, from one side darker by the strength to the other brighter by it."""
    rows, columns = picture.shape
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None]
    return np.asarray(picture * np.exp(strength / 100 * (np.cos(angle) * x + np.sin(angle) * y)))


def _jpeg(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    del random
    grey = np.rint(picture * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(strength)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=float32) / 255


def _rotation(picture: Picture, strength: float, random: np.random.Generator) -> Array:
    rows, columns = picture.shape
    angle = strength if random.random() < 0.5 else -strength
    turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), angle, 1.0)
    return np.asarray(cv2.warpAffine(picture, turn, (columns, rows)))


SHIFTS: Mapping[str, Shift] = MappingProxyType(
    {
        "noise": Shift(N_("Noise"), N_("standard deviation, % of the range"), 0, (0, 2, 5, 10, 20, 35), _noise),
        "blur": Shift(N_("Blur"), N_("sigma, % of the longer side"), 0, (0, 0.25, 0.5, 1, 2, 4), _blur),
        "contrast": Shift(N_("Contrast"), N_("factor, in 256 greys"), 1, (1, 0.7, 0.4, 0.2, 0.1, 0.04), _contrast),
        "gamma_bright": Shift(N_("Gamma, brighter"), N_("exponent"), 1, (1, 0.8, 0.6, 0.45, 0.3, 0.2), _gamma),
        "gamma_dark": Shift(N_("Gamma, darker"), N_("exponent"), 1, (1, 1.25, 1.6, 2.2, 3.2, 5), _gamma),
        "resolution": Shift(N_("Resolution"), N_("times coarser"), 1, (1, 2, 4, 6, 10, 16), _resolution),
        "bias_field": Shift(
            N_("Bias field"), N_("shading to either side, %"), 0, (0, 20, 40, 70, 110, 160), _bias_field
        ),
        "jpeg": Shift(N_("JPEG"), N_("quality"), 100, (100, 60, 30, 15, 7, 2), _jpeg),
        "rotation": Shift(N_("Rotation"), N_("degrees"), 0, (0, 5, 10, 20, 35, 60), _rotation),
    }
)

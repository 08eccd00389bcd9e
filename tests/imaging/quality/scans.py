"""Small scans with known faults, and one scan that provokes each code."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from medcore.imaging.phantoms.brain_mr import brain_mr
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.phantoms.radiographs import chest_radiograph
from medcore.imaging.phantoms.wrist import wrist_radiograph
from medcore.volume import Array, Geometry, Unit, Volume


def radiograph(grey: Array, *, body_part: str = "CHEST", modality: str = "DX") -> Volume:
    """Grey pixels (R, C) as a radiograph of 8 bits."""
    voxels = np.clip(np.rint(grey), 0, 255).astype(np.uint8)[None]
    return Volume(voxels, Unit.GREY, modality, Geometry.pixels(), body_part=body_part)


def ct(hounsfield: Array) -> Volume:
    """(S, R, C) or (R, C) in HU as axial CT of 0.7 mm."""
    voxels = np.rint(hounsfield).astype(np.int16).reshape((-1, *np.shape(hounsfield)[-2:]))
    return Volume(voxels, Unit.HU, "CT", Geometry.from_spacing((2.5, 0.7, 0.7)))


def mr(grey: Array) -> Volume:
    """(S, R, C) or (R, C) as axial MR."""
    voxels = np.rint(grey).astype(np.uint16).reshape((-1, *np.shape(grey)[-2:]))
    return Volume(voxels, Unit.GREY, "MR", Geometry.from_spacing((5.0, 1.0, 1.0)))


@cache
def chest() -> Array:
    """The chest phantom as 8-bit grey pixels."""
    return _eight_bit(chest_radiograph(pixel_mm=0.8).volume)


@cache
def wrist() -> Array:
    """The wrist phantom as 8-bit grey pixels."""
    return _eight_bit(wrist_radiograph(pixel_mm=0.5).volume)


@cache
def phantoms() -> tuple[Volume, ...]:
    """One of each kind, coarse."""
    shape = (24, 152, 152)
    return (
        chest_radiograph(pixel_mm=0.5).volume,
        wrist_radiograph(pixel_mm=0.4).volume,
        chest_ct((), axial(shape, (5.5, 2.3, 2.3), centre_mm=(0.0, 5.0, -22.0)), shape).volume,
        brain_mr((), axial((20, 108, 90), (6.6, 2.2, 2.2), centre_mm=(0.0, 0.0, 14.0)), (20, 108, 90)).volume,
    )


def body(side: int = 256, *, value: float = 40.0, air: float = -1000.0, radius: float = 90.0) -> Array:
    """A disc of one value in air, with a little structure."""
    rows, columns = np.mgrid[:side, :side] - side / 2
    disc = rows**2 + columns**2 < radius**2
    structure = 20 * np.sin(rows / 6) * np.sin(columns / 7)
    return np.where(disc, value + structure, air)


def faulty() -> dict[str, Volume]:
    """A scan for each code of the checks."""
    rng = np.random.default_rng(0)
    grey = chest().astype(np.float32)
    head = 300 + 0 * body() + np.where(body() > -500, 700, 0) + rng.normal(0, 8, (256, 256))
    pin = body() + 0.0
    pin[120:136, 120:136] = 3071
    wide = np.where(pin > 3000, pin, body(radius=125))
    near = np.abs(np.arange(256) - 128) < 40
    stripes = np.where(near[:, None] & near, 150 * (np.arange(256) % 2), 0)
    streaks = wide + stripes * (wide < 3000)
    text = cv2.putText(chest().astype(np.uint8), "DOE JOHN 1951", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    blocks = cv2.imdecode(
        cv2.imencode(".jpg", grey.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 5])[1], cv2.IMREAD_GRAYSCALE
    )
    turn = cv2.getRotationMatrix2D((grey.shape[1] / 2, grey.shape[0] / 2), 20, 1)
    tilted = cv2.warpAffine(grey, turn, grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    ramp = np.linspace(-1, 1, 256)[None]
    return {
        "empty": radiograph(np.full((64, 64), 7)),
        "nearly_empty": radiograph(np.where(np.arange(64 * 64).reshape(64, 64) == 99, 200, 7)),
        "clipped": radiograph(np.minimum(grey, np.percentile(grey, 80)) * 255 / np.percentile(grey, 80)),
        "low_contrast": radiograph(100 + grey * 0.1),
        "blurred": radiograph(cv2.GaussianBlur(grey, (0, 0), 5)),
        "noisy": radiograph(grey + rng.normal(0, 25, grey.shape)),
        "block_artefacts": radiograph(np.asarray(blocks)),
        "ghosting": mr(head + 0.2 * np.roll(head, 128, axis=0)),
        "metal": ct(pin),
        "streaks": ct(streaks),
        "bias_field": mr(head * 3.0**ramp),
        "truncated_body": ct(body()[60:196, 60:196]),
        "inverted": radiograph(255 - grey),
        "turned": radiograph(np.rot90(grey)),
        "tilted": radiograph(tilted),
        "burned_in_text": radiograph(text),
        "secondary_capture": radiograph(grey, modality="SC"),
    }


def _eight_bit(volume: Volume) -> Array:
    plane = volume.voxels[0].astype(np.float32)
    return np.asarray(np.rint((plane - plane.min()) * (255 / np.ptp(plane))))

"""Runs SimpleITK filters so that they can be watched, stopped, and give the same numbers on every machine."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.imaging.itk import to_image, to_voxels
from medcore.imaging.steps import Watch
from medcore.volume import Array, Volume

WORK_UNITS = 4  # fixed: sums over parts of an image depend in their last digits on how many parts there are


def run(work: sitk.ProcessObject, *images: sitk.Image, watch: Watch, span: tuple[float, float] = (0, 1)) -> sitk.Image:
    """Execute a filter, telling its progress within `span`.

    Raises:
        Whatever `watch` raises; the filter is stopped first.
    """
    stopped: list[Exception] = []

    def tell() -> None:
        try:
            watch(span[0] + (span[1] - span[0]) * min(max(work.GetProgress(), 0.0), 1.0))
        except Exception as error:  # noqa: BLE001  (it may not pass through the library: kept and raised below)
            stopped.append(error)
            work.Abort()

    work.SetNumberOfWorkUnits(WORK_UNITS)
    work.AddCommand(sitk.sitkProgressEvent, tell)
    try:
        result = work.Execute(*images)
    except RuntimeError:
        if stopped:
            raise stopped[0] from None
        raise
    finally:
        work.RemoveAllCommands()
    if stopped:
        raise stopped[0]
    return result


def slices_or_volume(scan: Volume) -> sitk.Image:
    """The scan as float32, one slice as an image of two axes, because many filters fail on a volume of one slice."""
    image = to_image(scan.voxels.astype(np.float32), scan.geometry)
    return image[:, :, 0] if scan.shape[0] == 1 else image


def voxels_of(image: sitk.Image) -> Array:
    """(S, R, C) of an image of two or three axes."""
    voxels = to_voxels(image)
    return voxels if voxels.ndim == 3 else voxels[np.newaxis]

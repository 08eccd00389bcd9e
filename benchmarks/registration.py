"""Promise: aligning two 256³ scans of one contrast costs at most 4 linear resamples of such a scan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from benchmarks.timing import alternate, finish, judge, report
from medcore.imaging.itk import to_image
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr, rigid
from medcore.imaging.phantoms.chest_ct import axial
from medcore.imaging.registration.register import register
from medcore.imaging.registration.same_contrast import turn
from medcore.volume import Volume

PROMISE = 4.0
SHAPE, SPACING_MM = (256, 256, 256), (1.0, 1.0, 1.0)
MOTION = rigid(turn(np.deg2rad(8.0) * np.array([0.6, -0.48, 0.64])), (6.0, 7.0, -8.0))


def pair() -> tuple[Volume, Volume]:
    """A head, and the same head with a larger lesion, turned by 8 degrees and shifted by 12 mm, on float32 grids."""
    grid = axial(SHAPE, SPACING_MM)
    before = brain_mr([Lesion("it", (30, 10, 20), (12, 10, 9))], grid, SHAPE, seed=1).volume
    after = brain_mr([Lesion("it", (30, 10, 20), (16, 14, 12))], grid, SHAPE, seed=2, moved=MOTION).volume
    return tuple(replace(one, voxels=one.voxels.astype(np.float32)) for one in (before, after))  # type: ignore[return-value]


def main() -> None:
    """Print both times, their ratio and how exact the answer is."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    before, after = pair()
    image, grid = to_image(after.voxels, after.geometry), to_image(before.voxels, before.geometry)
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(MOTION[:3, :3].ravel().tolist())
    affine.SetTranslation(MOTION[:3, 3].tolist())
    timings = alternate(
        {
            "rigid registration": lambda: register(before, after),
            "one linear resample": lambda: sitk.Resample(image, grid, affine, sitk.sitkLinear),
        },
        rounds=3,
    )
    report("256 x 256 x 256", timings)
    places = before.geometry.to_lps(np.argwhere(before.voxels > 400)[::997])
    off = register(before, after).places_in_moving(places) - (places @ MOTION[:3, :3].T + MOTION[:3, 3])
    print(f"  mean error {np.linalg.norm(off, axis=1).mean():.3f} mm of voxels of 1 mm")
    ours, resample = (timing.median_ms for timing in timings.values())
    finish(judge("registration / resample", ours / resample, PROMISE))


if __name__ == "__main__":
    main()

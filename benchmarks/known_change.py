"""Promise: a known change is found again, the diameter to 1 mm and the volume to 10 %, and nothing where nothing is.

Phantom heads with two lesions on grids of 1 to 3 mm, or real baselines. Where voxels alone move a size by more than
that, the limit they set is the promise. python -m benchmarks.known_change [--grown-mm MM] [--baseline SCAN MASK]...
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.comparison.compare import Moment
from medcore.comparison.proof import Proof, prove
from medcore.imaging.itk import to_geometry, to_voxels
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr
from medcore.imaging.phantoms.chest_ct import axial
from medcore.volume import Geometry, Mask, Unit, Volume

STEPS_MM = ((1.0, 1.0, 1.0), (1.6, 1.6, 1.6), (3.0, 0.9, 0.9), (2.2, 2.2, 2.2), (3.0, 3.0, 3.0))
CHANGE_MM = 2.0
FIELD_MM = (170.0, 205.0, 205.0)


def phantoms() -> Iterator[tuple[str, Moment]]:
    """A head with two lesions on each grid."""
    spots = [Lesion("a", (30.0, 10.0, 20.0), (12.0, 10.0, 9.0)), Lesion("b", (-30.0, -20.0, 12.0), (9.0, 8.0, 8.0))]
    for steps in STEPS_MM:
        s, r, c = (round(mm / step) for mm, step in zip(FIELD_MM, steps, strict=True))
        head = brain_mr(spots, axial((s, r, c), steps), (s, r, c), seed=1)
        mask = Mask((head.mask.labels > 0).astype(np.uint8), {1: "lesion"}, head.mask.geometry)
        yield f"phantom {steps}", Moment("before", head.volume, mask)


def real(scan: Path, mask: Path) -> Moment:
    """A scan and its mask from files that ITK reads."""
    images = [sitk.ReadImage(str(path)) for path in (scan, mask)]
    geometry = to_geometry(images[0], Geometry.from_spacing((1, 1, 1)))
    labels = (to_voxels(images[1]) > 0).astype(np.uint8)
    volume = Volume(to_voxels(images[0]).astype(np.float32), Unit.GREY, "MR", geometry)
    return Moment("before", volume, Mask(labels, {1: "lesion"}, geometry))


def told(name: str, one: Proof) -> bool:
    """Print one proof; whether it keeps the promise."""
    kept = one.aligned and one.longest_recovered and one.volume_recovered and one.null_kept
    found = "lost" if one.found_longest_mm is None else f"{one.found_longest_mm:+6.2f}"
    print(
        f"{name:28s} {one.grown_mm:+.1f} mm: diameter {one.injected_longest_mm:+6.2f} -> {found} mm (voxels "
        f"{one.limit_longest_mm:.1f}), volume {one.injected_percent:+7.1f} -> {one.found_percent:+7.1f} % (voxels "
        f"{one.limit_percent:.1f}), null {one.null_percent:+.1f} % (voxels {one.limit_null_percent:.1f})  "
        f"{'ok' if kept else 'BROKEN'}",
        flush=True,
    )
    return kept


def main() -> None:
    """Print every proof; exit 1 where one is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", nargs=2, action="append", default=[], type=Path, metavar=("SCAN", "MASK"))
    parser.add_argument("--grown-mm", type=float, default=CHANGE_MM, help="of real baselines")
    given, grown_mm = (asked := parser.parse_args()).baseline, asked.grown_mm
    changes = [(name, moment, sign * CHANGE_MM) for name, moment in phantoms() for sign in (1, -1)] if not given else [
        (f"{scan.parent.name}/{scan.name}", real(scan, mask), sign * grown_mm)
        for scan, mask in given
        for sign in (1, -1)
    ]  # fmt: skip
    kept = [told(name, prove(moment, mm)) for name, moment, mm in changes]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()

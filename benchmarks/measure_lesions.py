"""Promise: measuring 1,000 lesions costs at most twice one connected-component labelling of their volume."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmarks.timing import alternate, finish, judge, report
from medcore.imaging.lesions import lesions
from medcore.volume import Geometry, Mask

PROMISE = 2.0


def thousand_lesions() -> Mask:
    """200 × 512 × 512 voxels with 1,000 balls of 4 to 8 voxels' radius that do not touch."""
    labels = np.zeros((200, 512, 512), dtype=np.uint8)
    random = np.random.default_rng(0)
    centres = [(s, r, c) for s in range(10, 200, 20) for r in range(26, 512, 46) for c in range(26, 512, 46)]
    for s, r, c in [centres[i] for i in random.permutation(len(centres))[:1000]]:
        radius = random.uniform(4, 8)
        box = np.mgrid[-9:10, -9:10, -9:10]
        labels[s - 9 : s + 10, r - 9 : r + 10, c - 9 : c + 10] |= (np.square(box).sum(axis=0) <= radius**2).astype(
            np.uint8
        )
    return Mask(labels, {1: "lesion"}, Geometry.from_spacing((1.5, 0.7, 0.7)))


def main() -> None:
    """Print both times and their ratio."""
    mask = thousand_lesions()
    timings = alternate(
        {
            "1,000 lesions found and measured": lambda: lesions(mask),
            "one labelling of the volume (SciPy)": lambda: ndimage.label(mask.labels, structure=np.ones((3, 3, 3))),
        },
        rounds=5,
    )
    report("Lesions of a 200 x 512 x 512 mask", timings)
    measured, labelled = (timing.median_ms for timing in timings.values())
    finish(judge(f"measuring {len(lesions(mask))} lesions / labelling", measured / labelled, PROMISE))


if __name__ == "__main__":
    main()

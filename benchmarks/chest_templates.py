"""Makes the chest templates of the quality check again, from one half of the patients of two sets.

python benchmarks/chest_templates.py [--data FOLDER] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.quality_rates import DATA, SETS, images
from medcore.imaging.quality._chest import TEMPLATES, templates, thumbnail
from medcore.volume import Array

COUNT = 300
CHILDREN_AND_ADULTS = SETS[:2]


def make(folder: Path) -> Array:
    """(24, 48) uint8: the mean thumbnail of 300 children, then that of 300 adults, each scaled around 128."""
    parts = []
    for one in CHILDREN_AND_ADULTS:
        mean = np.mean([thumbnail(image) for image in images(folder, one, "tune", COUNT)], axis=0)
        mean -= mean.mean()
        parts.append(np.clip(np.rint(128 + mean / np.abs(mean).max() * 127), 0, 255).astype(np.uint8))
    return np.hstack(parts)


def main() -> None:
    """Print how the new templates agree with those in use; write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    if not chosen.data.is_dir():
        print("real images are not here")
        return
    made = make(chosen.data)
    for new, used in zip(np.hsplit(made, 2), templates(), strict=True):
        agreement = np.corrcoef(new.ravel(), used.ravel())[0, 1]
        print(f"correlation with the template in {TEMPLATES.name}: {agreement:.4f}")
    if chosen.out:
        cv2.imwrite(str(chosen.out), made)


if __name__ == "__main__":
    main()

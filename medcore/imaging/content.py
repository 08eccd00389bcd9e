"""Which voxels hold something: those that stand out from the dark background, faint ones too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu, threshold_triangle

from medcore.volume import Unit, Volume

SAMPLE_VOXELS = 2_000_000


def content(scan: Volume) -> NDArray[np.bool_]:
    """(S, R, C): above the lower of Otsu's and the triangle threshold; everything where all values are the same.

    Otsu's alone takes a faint structure beside a bright one for background.
    """
    grey = scan.voxels.max(axis=3) if scan.unit is Unit.RGB else scan.voxels
    flat = grey.reshape(-1)[:: max(1, grey.size // SAMPLE_VOXELS)]
    if flat.min() == flat.max():
        return np.ones(grey.shape, dtype=bool)
    return np.asarray(grey > min(threshold_otsu(flat), threshold_triangle(flat)))

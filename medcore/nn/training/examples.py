"""Examples of pictures as training varies them, for people to look at."""

from __future__ import annotations

import numpy as np
import torch
from numpy import uint8
from numpy.typing import NDArray

from medcore.nn.training.augment import augment
from medcore.nn.training.options import Augmentation


def varied(pictures: NDArray[uint8], options: Augmentation, *, side: int, seed: int = 0) -> NDArray[uint8]:
    """Pictures (N, S, S) varied once, as one batch of a training would be: (N, side, side)."""
    images, _ = augment(torch.from_numpy(pictures), options, side=side, seed=(seed, 0))
    return np.asarray((images[:, 0].numpy() * 255).round(), dtype=uint8)

"""What JPEG does to a grey picture: blocks of 8×8 cosines, rounded by the standard's table (ITU-T T.81, K.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 8
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def jpeg_like(images: Tensor, quality: Tensor) -> Tensor:
    """Images (B, 1, H, W) in 0..1 as after JPEG at a quality (B,) of 1 to 100, by the scale of the IJG's program."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate") * 255 - 128
    blocks = padded.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)
    cosines = _cosines(images.device)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None]
    steps = ((torch.tensor(LUMINANCE, device=images.device) * scale + 50) / 100).floor().clamp(1, 255)
    steps = steps[:, None, None, None]
    rounded = ((cosines @ blocks @ cosines.T) / steps).round() * steps
    back = cosines.T @ rounded @ cosines
    whole = back.permute(0, 1, 2, 4, 3, 5).reshape(padded.shape)
    return ((whole[..., :height, :width] + 128) / 255).clamp(0, 1)


def _cosines(device: torch.device) -> Tensor:
    """The orthonormal cosine matrix (8, 8)."""
    k = torch.arange(BLOCK, device=device, dtype=torch.float32)
    matrix = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix

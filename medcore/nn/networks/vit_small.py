"""A small Vision Transformer with averaged patches and fixed positions (Beyer et al. 2022, arXiv:2205.01580)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.vision_transformer import EncoderBlock
from torchvision.ops import StochasticDepth

from medcore.nn.networks import CamNet, Network

TEMPERATURE = 10_000.0


class Skipped(nn.Module):
    """An encoder block whose change is left out at random in training."""

    def __init__(self, block: EncoderBlock) -> None:
        super().__init__()
        self.block = block
        self.skip = StochasticDepth(0.0, "row")

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, T, K) to tokens of the same shape."""
        result: Tensor = tokens + self.skip(self.block(tokens) - tokens)
        return result


class PatchTrunk(nn.Module):
    """Patches of a picture through encoder blocks, back on their grid; any size that the patch divides."""

    def __init__(self, *, channels: int, width: int, depth: int, heads: int, patch: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)
        self.blocks = nn.Sequential(*(Skipped(EncoderBlock(heads, width, 4 * width, 0.0, 0.0)) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to maps (N, width, H/patch, W/patch)."""
        maps = self.patches(images)
        tokens = maps.flatten(2).transpose(1, 2)
        tokens = tokens + positions(maps.shape[2], maps.shape[3], maps.shape[1]).to(tokens)
        tokens = self.relu(self.norm(self.blocks(tokens)))
        result: Tensor = tokens.transpose(1, 2).unflatten(2, maps.shape[2:])
        return result


def positions(height: int, width: int, features: int) -> Tensor:
    """Sines and cosines of row and column (height · width, features)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    omega = 1 / TEMPERATURE ** (torch.arange(features // 4) / max(1, features // 4 - 1))
    angles = [axis.flatten()[:, None] * omega[None] for axis in (rows, columns)]
    return torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)], dim=1)


class ViTSmall(Network):
    """Transformer on patches."""

    title = "ViT (small)"
    layer = "blocks"
    options = {"width": 192, "depth": 12, "heads": 3, "patch": 16}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained ViT; the defaults are those of ViT-Ti/16."""
        merged = {name: int(value) for name, value in {**self.options, **options}.items()}
        network = CamNet(PatchTrunk(channels=channels, **merged), features=merged["width"], labels=labels)
        nn.init.normal_(network.head.weight, std=0.01)  # type: ignore[arg-type]
        return network


NETWORK = ViTSmall()

"""SegResNet for volumes (arXiv:1810.11654, without its autoencoder): residual blocks with group norms."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from medcore.nn.networks import MaskNet, Network

BLOCKS = (1, 2, 2, 4)  # of each level on the way down; one on the way up
GROUPS = 8  # of the norms


class PreBlock(nn.Module):
    """Norm, ReLU and convolution twice, beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, width), nn.GroupNorm(GROUPS, width)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.conv1, self.conv2 = _convolution(width, width), _convolution(width, width)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        inner: Tensor = self.conv2(self.relu2(self.norm2(self.conv1(self.relu1(self.norm1(maps))))))
        return inner + maps


class VolumeEncoder(nn.Module):
    """Levels of residual blocks, each at half the resolution and twice the width of the one before."""

    def __init__(self, *, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.stem = _convolution(channels, widths[0])
        self.steps = nn.ModuleList(_convolution(a, b, step=2) for a, b in itertools.pairwise(widths))
        self.levels = nn.ModuleList(
            nn.Sequential(*(PreBlock(width) for _ in range(count))) for width, count in zip(widths, BLOCKS, strict=True)
        )
        self.relu = nn.ReLU()

    def every_level(self, images: Tensor) -> list[Tensor]:
        """Maps of each level before their ReLU, the finest first."""
        found = [self.levels[0](self.stem(images))]
        for step, level in zip(self.steps, list(self.levels)[1:], strict=True):
            found.append(level(step(found[-1])))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Maps (N, K, D/8, H/8, W/8) of the coarsest level."""
        maps: Tensor = self.relu(self.every_level(images)[-1])
        return maps


class SegResNet(MaskNet):
    """Logits for each voxel; the class head is there for the catalogue, and zero in a published network."""

    trunk: VolumeEncoder

    def __init__(self, trunk: VolumeEncoder, *, widths: Sequence[int], labels: int, masks: int) -> None:
        super().__init__(trunk, features=widths[-1], labels=labels)
        pairs = list(itertools.pairwise(widths))
        self.narrow = nn.ModuleList(nn.Conv3d(deep, fine, kernel_size=1, bias=False) for fine, deep in pairs)
        self.blend = nn.ModuleList(PreBlock(fine) for fine, _ in pairs)
        self.norm = nn.GroupNorm(GROUPS, widths[0])
        self.relu = nn.ReLU()
        self.last = nn.Conv3d(widths[0], masks, kernel_size=1)

    def answer(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Coarsest maps, logits (N, labels), and mask logits (N, masks, D, H, W)."""
        levels = self.trunk.every_level(images)
        x = levels.pop()
        maps = self.trunk.relu(x)
        for number in reversed(range(len(self.narrow))):
            grown = functional.interpolate(self.narrow[number](x), scale_factor=2, mode="trilinear")
            x = self.blend[number](grown + levels.pop())
        dense: Tensor = self.last(self.relu(self.norm(x)))
        return maps, self.classify(maps), dense


def _convolution(inputs: int, outputs: int, *, step: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, kernel_size=3, stride=step, padding=1, bias=False)


class SegResNetNetwork(Network):
    """4.7 million values at the default width, as in the published network for brain tumours."""

    title = "SegResNet"
    layer = "coarsest level"
    options = {"width": 16, "masks": 3}  # noqa: RUF012  (read only)
    axes = 3
    multiple = 8

    def build(self, *, channels: int, labels: int, **options: int | float) -> SegResNet:
        """An untrained network; `width` is the maps of the finest level, `masks` the number of masks."""
        merged = {**self.options, **options}
        widths = [int(merged["width"]) * 2**level for level in range(len(BLOCKS))]
        encoder = VolumeEncoder(channels=channels, widths=widths)
        return SegResNet(encoder, widths=widths, labels=labels, masks=int(merged["masks"]))


NETWORK = SegResNetNetwork()

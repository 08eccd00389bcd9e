"""A residual network for small patches around a candidate: fine at first, and looking at the middle most."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from medcore.nn.networks import CamNet, Network, start_weights
from medcore.nn.networks._residual import ClearBasicBlock

STEPS = (1, 2, 2)  # strides of the three stages; the stem halves once
FALL = 1.5  # of the weight from the middle to the edge of a patch, as a power of e


class Middle(nn.Module):
    """Maps weighed by their distance from the middle, where the candidate is; the mean weight is 1."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, K, h, w) to maps of the same shape."""
        down, across = (torch.linspace(-1, 1, n, device=maps.device, dtype=torch.float32) for n in maps.shape[2:])
        weight = torch.exp(-FALL * (down[:, None] ** 2 + across[None] ** 2))
        return maps * (weight / weight.mean()).to(maps.dtype)


class PatchTrunk(nn.Module):
    """A stem of two 3×3 convolutions, the second with stride 2, and three stages of two residual blocks."""

    def __init__(self, *, channels: int, width: int) -> None:
        super().__init__()
        half = width // 2
        self.conv1 = nn.Conv2d(channels, half, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(half, width, kernel_size=3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.features = width
        blocks = [self._block(width * 2**n, s) for n, step in enumerate(STEPS) for s in (step, 1)]
        self.blocks = nn.Sequential(*blocks)
        self.middle = Middle()
        self.relu = nn.ReLU()

    def _block(self, planes: int, stride: int) -> nn.Module:
        shortcut = None
        if stride != 1 or self.features != planes:
            shortcut = nn.Sequential(
                nn.Conv2d(self.features, planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )
        block = ClearBasicBlock(self.features, planes, stride, shortcut)
        self.features = planes
        return block

    def forward(self, patches: Tensor) -> Tensor:
        """Patches (N, C, H, W) to maps (N, 4 width, H/8, W/8)."""
        x = self.relu1(self.bn1(self.conv1(patches)))
        x = self.relu2(self.bn2(self.conv2(x)))
        maps: Tensor = self.relu(self.middle(self.blocks(x)))
        return maps


class PatchResnet(Network):
    """Keeps what is three pixels wide, which the stem of an ordinary ResNet would average away."""

    title = "Patch ResNet"
    layer = "blocks"
    options = {"width": 32}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained network; `width` is the maps of the first stage, the last has four times as many."""
        trunk = PatchTrunk(channels=channels, width=int({**self.options, **options}["width"]))
        network = CamNet(trunk, features=trunk.features, labels=labels)
        start_weights(network)
        return network


NETWORK = PatchResnet()

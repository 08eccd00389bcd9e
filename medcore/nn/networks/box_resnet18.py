"""ResNet-18 with a small anchor-free box head at stride 8 (FCOS, arXiv:1904.01355; pyramid, arXiv:1612.03144)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from medcore.nn.networks import CamNet, Network, start_weights
from medcore.nn.networks._residual import ClearBasicBlock, ResidualTrunk

PRIOR = 0.02  # probability of a finding in any cell before training: keeps the first steps calm
LARGEST = 20.0  # cells from the centre to an edge, at most
TOP_CELLS = 4  # whose mean logit is the answer for the whole picture: a fracture is small


class PyramidTrunk(nn.Module):
    """The stages of a ResNet, brought back to stride 8 from the top down."""

    def __init__(self, *, channels: int, width: int, features: int) -> None:
        super().__init__()
        self.body = ResidualTrunk(ClearBasicBlock, (2, 2, 2, 2), channels=channels, width=width)
        self.side = nn.ModuleList(nn.Conv2d(width * 2**i, features, kernel_size=1) for i in (1, 2, 3))
        self.smooth = nn.Conv2d(features, features, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(features)
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to maps (N, features, H/8, W/8)."""
        body = self.body
        x = body.layer1(body.maxpool(body.relu(body.bn1(body.conv1(images)))))
        levels = []
        for stage in (body.layer2, body.layer3, body.layer4):
            x = stage(x)
            levels.append(x)
        down: Tensor = self.side[2](levels[2])
        for i in (1, 0):
            lateral = self.side[i](levels[i])
            down = lateral + functional.interpolate(down, size=lateral.shape[2:], mode="nearest")
        maps: Tensor = self.relu(self.norm(self.smooth(down)))
        return maps


class BoxNet(CamNet):
    """One answer for each cell of 8×8 pixels; the picture's answer is the mean of its best cells."""

    def __init__(self, trunk: nn.Module, *, features: int, labels: int) -> None:
        super().__init__(trunk, features=features, labels=labels)
        self.head = nn.Conv2d(features, features, kernel_size=3, padding=1)
        self.middle = nn.ReLU()
        self.finding = nn.Conv2d(features, labels, kernel_size=1)
        self.edges = nn.Conv2d(features, 4, kernel_size=1)

    def classify(self, maps: Tensor) -> Tensor:
        """Logits (N, labels) of the whole picture."""
        cells = self.finding(self.dropout(self.middle(self.head(maps)))).flatten(2)
        logits: Tensor = cells.topk(min(TOP_CELLS, cells.shape[2]), dim=2).values.mean(dim=2)
        return logits

    def locate(self, maps: Tensor) -> Tensor:
        """(N, labels + 4, h, w): logits, then distances in cells from the centre of the cell to its box's edges."""
        inner = self.middle(self.head(maps))
        distances = self.edges(inner).clamp(max=math.log(LARGEST)).exp()
        return torch.cat([self.finding(inner), distances], dim=1)


class BoxResNet18(Network):
    """ResNet-18 that draws boxes."""

    title = "ResNet-18 with boxes"
    layer = "pyramid"
    options = {"width": 64, "features": 64}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained detector; `width` is the maps of the stem, `features` those of the pyramid."""
        merged = {**self.options, **options}
        features = int(merged["features"])
        trunk = PyramidTrunk(channels=channels, width=int(merged["width"]), features=features)
        network = BoxNet(trunk, features=features, labels=labels)
        start_weights(network)
        nn.init.normal_(network.finding.weight, std=0.01)
        nn.init.constant_(network.finding.bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]
        nn.init.normal_(network.edges.weight, std=0.01)
        return network


NETWORK = BoxResNet18()

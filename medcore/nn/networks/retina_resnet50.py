"""RetinaNet on volumes: the first half of a ResNet-50, a pyramid, anchors at three sizes (arXiv:1708.02002)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from medcore.nn.networks import CamNet, Network

GROUPS = 8  # of the norms in the heads
EXPANSION = 4  # of a bottleneck's width
DEEP = 4  # convolutions of each head before the last
SIDES = 6  # numbers of a box: where its centre is and how long its sides are
PRIOR = 0.01  # probability of a finding at any anchor before training


class Bottleneck3d(nn.Module):
    """Three convolutions beside the identity, which is brought to their size where it must."""

    def __init__(self, inputs: int, width: int, *, step: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = nn.Conv3d(inputs, width, kernel_size=1, bias=False)
        self.conv2 = nn.Conv3d(width, width, kernel_size=3, stride=step, padding=1, bias=False)
        self.conv3 = nn.Conv3d(width, outputs, kernel_size=1, bias=False)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm3d(width), nn.BatchNorm3d(width), nn.BatchNorm3d(outputs)
        self.relu1, self.relu2, self.relu3 = nn.ReLU(), nn.ReLU(), nn.ReLU()
        same = inputs == outputs and step == 1
        fitted = (nn.Conv3d(inputs, outputs, kernel_size=1, stride=step), nn.BatchNorm3d(outputs))
        self.downsample = None if same else nn.Sequential(*fitted)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of `EXPANSION` times the width."""
        inner = self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(maps))))))
        beside = maps if self.downsample is None else self.downsample(maps)
        grown: Tensor = self.relu3(self.bn3(self.conv3(inner)) + beside)
        return grown


class HalfResNet(nn.Module):
    """Stem and two stages: maps at a quarter and an eighth of x and y, half and a quarter of z."""

    def __init__(self, *, channels: int, width: int, blocks: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, width, kernel_size=7, stride=(2, 2, 1), padding=3, bias=False)
        self.bn1, self.relu = nn.BatchNorm3d(width), nn.ReLU()
        self.maxpool = nn.MaxPool3d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(width, width, count=blocks[0], step=1)
        self.layer2 = _stage(EXPANSION * width, 2 * width, count=blocks[1], step=2)

    def both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Fine and coarse maps of images (N, C, x, y, z)."""
        fine = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))))
        return fine, self.layer2(fine)

    def forward(self, images: Tensor) -> Tensor:
        """The coarse maps."""
        return self.both(images)[1]


class RetinaNet3d(CamNet):
    """For each anchor of each level a logit for each label and six numbers of its box, level after level."""

    trunk: HalfResNet

    def __init__(self, trunk: HalfResNet, *, width: int, pyramid: int, labels: int, anchors: int) -> None:
        super().__init__(trunk, features=2 * EXPANSION * width, labels=labels)
        self.labels, self.anchors = labels, anchors
        inputs = (EXPANSION * width, 2 * EXPANSION * width)
        self.side = nn.ModuleList(nn.Conv3d(n, pyramid, kernel_size=1) for n in inputs)
        self.smooth = nn.ModuleList(nn.Conv3d(pyramid, pyramid, kernel_size=3, padding=1) for _ in inputs)
        self.finding, self.edges = _head(pyramid), _head(pyramid)
        self.finding_last = nn.Conv3d(pyramid, anchors * labels, kernel_size=3, padding=1)
        self.edges_last = nn.Conv3d(pyramid, anchors * SIDES, kernel_size=3, padding=1)

    def answer(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Coarse maps, logits (N, labels), and (N, labels + 6, places × anchors): the anchors of a place together.

        Places run over x, y, z (z fastest), levels from the finest to the coarsest.
        """
        fine, coarse = self.trunk.both(images)
        top = self.side[1](coarse)
        below = self.side[0](fine)
        below = below + functional.interpolate(top, size=below.shape[2:], mode="nearest")
        levels = [self.smooth[0](below), self.smooth[1](top)]
        levels.append(levels[1][:, :, ::2, ::2, ::2])
        dense = torch.cat([self._rows(level) for level in levels], dim=2)
        return coarse, self.classify(coarse), dense

    def _rows(self, level: Tensor) -> Tensor:
        said = (self.finding_last(self.finding(level)), self.labels), (self.edges_last(self.edges(level)), SIDES)
        rows = [
            maps.unflatten(1, (self.anchors, count)).flatten(3).permute(0, 2, 3, 1).flatten(2) for maps, count in said
        ]
        return torch.cat(rows, dim=1)


def _stage(inputs: int, width: int, *, count: int, step: int) -> nn.Sequential:
    first = Bottleneck3d(inputs, width, step=step)
    return nn.Sequential(first, *(Bottleneck3d(EXPANSION * width, width, step=1) for _ in range(count - 1)))


def _head(width: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for _ in range(DEEP):
        parts += [nn.Conv3d(width, width, kernel_size=3, padding=1), nn.GroupNorm(GROUPS, width), nn.ReLU()]
    return nn.Sequential(*parts)


class RetinaResNet50(Network):
    """Boxes in volumes; at the default width as in the published network for lung nodules."""

    title = "RetinaNet on volumes, ResNet-50"
    layer = "second stage"
    options = {"width": 64, "pyramid": 256, "anchors": 3, "first": 3, "second": 4}  # noqa: RUF012  (read only)
    axes = 3
    multiple = 16

    def build(self, *, channels: int, labels: int, **options: int | float) -> RetinaNet3d:
        """An untrained detector; `first` and `second` are the blocks of the two stages."""
        merged = {name: int(value) for name, value in {**self.options, **options}.items()}
        trunk = HalfResNet(channels=channels, width=merged["width"], blocks=(merged["first"], merged["second"]))
        network = RetinaNet3d(
            trunk, width=merged["width"], pyramid=merged["pyramid"], labels=labels, anchors=merged["anchors"]
        )
        nn.init.constant_(network.finding_last.bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]
        return network


NETWORK = RetinaResNet50()

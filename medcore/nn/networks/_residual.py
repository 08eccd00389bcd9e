"""Residual blocks of torchvision with a ReLU module of their own at each place, and the trunk made of them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import StochasticDepth


class ClearBasicBlock(BasicBlock):  # type: ignore[misc]  # torchvision carries no types
    """torchvision's BasicBlock; each ReLU is used once, so DeepLift and LRP can follow it."""

    def __init__(self, inplanes: int, planes: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__(inplanes, planes, stride, downsample)
        self.relu = nn.ReLU()
        self.relu2 = nn.ReLU()
        self.skip = StochasticDepth(0.0, "row")  # training sets its share

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, K, h, w) to maps (N, planes, h / stride, w / stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu2(self.skip(self.bn2(self.conv2(out))) + identity)
        return result


class ClearBottleneck(Bottleneck):  # type: ignore[misc]
    """torchvision's Bottleneck; each ReLU is used once, so DeepLift and LRP can follow it."""

    def __init__(self, inplanes: int, planes: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__(inplanes, planes, stride, downsample)
        self.relu = nn.ReLU()
        self.relu2 = nn.ReLU()
        self.relu3 = nn.ReLU()
        self.skip = StochasticDepth(0.0, "row")

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, K, h, w) to maps (N, 4 planes, h / stride, w / stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        result: Tensor = self.relu3(self.skip(self.bn3(self.conv3(out))) + identity)
        return result


class ResidualTrunk(nn.Module):
    """Stem and four stages of a ResNet (arXiv:1512.03385, table 1) of any width; torchvision's parameter names.

    Args:
        block: ClearBasicBlock or ClearBottleneck.
        depths: Blocks of each stage.
        channels: Input channels.
        width: Maps of the stem; 64 is the published width.
    """

    def __init__(
        self, block: type[ClearBasicBlock] | type[ClearBottleneck], depths: Sequence[int], *, channels: int, width: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.features = width
        stages = [self._stage(block, width * 2**i, depth, stride=1 if i == 0 else 2) for i, depth in enumerate(depths)]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def _stage(
        self, block: type[ClearBasicBlock] | type[ClearBottleneck], planes: int, depth: int, *, stride: int
    ) -> nn.Sequential:
        blocks: list[nn.Module] = []
        for i in range(depth):
            step = stride if i == 0 else 1
            shortcut = None
            if step != 1 or self.features != planes * block.expansion:
                shortcut = nn.Sequential(
                    nn.Conv2d(self.features, planes * block.expansion, kernel_size=1, stride=step, bias=False),
                    nn.BatchNorm2d(planes * block.expansion),
                )
            blocks.append(block(self.features, planes, step, shortcut))
            self.features = planes * block.expansion
        return nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to maps (N, K, H/32, W/32)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return maps

"""U-Net (arXiv:1505.04597) of residual blocks at half resolution, with a class head on its coarsest maps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from medcore.nn.networks import MaskNet, Network, start_weights
from medcore.nn.networks._residual import ClearBasicBlock

WIDTHS = (1, 2, 3, 4, 6)  # maps of each level, in units of the first
BLOCKS = (1, 2, 3, 3, 2)


class Encoder(nn.Module):
    """Levels of residual blocks, each at half the resolution of the one before.

    The picture comes in as 2×2 pixels in the channels: convolutions at full resolution would cost as much as all
    others together, and what they see is still there.
    """

    def __init__(self, *, channels: int, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        self.stem = nn.Conv2d(4 * channels, widths[0], kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU()
        levels, before = [], widths[0]
        for number, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            step = 1 if number == 0 else 2
            levels.append(
                nn.Sequential(
                    _block(before, width, step=step), *(_block(width, width, step=1) for _ in range(count - 1))
                )
            )
            before = width
        self.levels = nn.ModuleList(levels)

    def every_level(self, images: Tensor) -> list[Tensor]:
        """Maps of each level, the finest first."""
        x = self.relu(self.norm(self.stem(self.fold(images))))
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Maps (N, K, H/32, W/32) of the coarsest level."""
        return self.every_level(images)[-1]


class UNet(MaskNet):
    """A logit for each pixel, and from the coarsest maps a logit for each kind of picture."""

    trunk: Encoder

    def __init__(self, trunk: Encoder, *, widths: Sequence[int], labels: int, masks: int) -> None:
        super().__init__(trunk, features=widths[-1], labels=labels)
        pairs = list(itertools.pairwise(widths))
        self.narrow = nn.ModuleList(nn.Conv2d(deep, fine, kernel_size=1, bias=False) for fine, deep in pairs)
        self.blend = nn.ModuleList(_block(fine, fine, step=1) for fine, _ in pairs)
        self.last = nn.Conv2d(widths[0], 4 * masks, kernel_size=1)
        self.unfold = nn.PixelShuffle(2)

    def answer(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Coarsest maps, logits (N, labels), and mask logits (N, masks, H, W)."""
        levels = self.trunk.every_level(images)
        x = levels[-1]
        for number in reversed(range(len(self.narrow))):
            fine = levels[number]
            below = functional.interpolate(self.narrow[number](x), size=fine.shape[2:], mode="nearest")
            x = self.blend[number](fine + below)
        dense: Tensor = self.unfold(self.last(x))
        return levels[-1], self.classify(levels[-1]), dense


def _block(inputs: int, outputs: int, *, step: int) -> ClearBasicBlock:
    shortcut = None
    if step != 1 or inputs != outputs:
        shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=1, stride=step, bias=False), nn.BatchNorm2d(outputs)
        )
    return ClearBasicBlock(inputs, outputs, step, shortcut)


class UNetNetwork(Network):
    """Small enough for a laptop: 3 million values at the default width."""

    title = "U-Net"
    layer = "coarsest level"
    options = {"width": 32, "masks": 1}  # noqa: RUF012  (read only)
    multiple = 32

    def build(self, *, channels: int, labels: int, **options: int | float) -> UNet:
        """An untrained network; `width` is the maps of the finest level, `masks` the number of masks."""
        merged = {**self.options, **options}
        widths = [int(merged["width"]) * share for share in WIDTHS]
        encoder = Encoder(channels=channels, widths=widths, blocks=BLOCKS)
        network = UNet(encoder, widths=widths, labels=labels, masks=int(merged["masks"]))
        start_weights(network)
        nn.init.constant_(network.last.bias, -3.0)  # type: ignore[arg-type]  # most pixels are no tumour
        return network


NETWORK = UNetNetwork()

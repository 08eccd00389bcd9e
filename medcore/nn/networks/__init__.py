"""Network architectures: each file builds one, with a trunk that ends in a ReLU and a small head."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from medcore.registry import load_entries, load_entry


class CamNet(nn.Module):
    """A classifier in two parts, so that one pass gives both the answer and what Grad-CAM needs.

    Args:
        trunk: Images (N, C, H, W) to feature maps (N, K, h, w), last module a non-in-place ReLU.
        features: K.
        labels: Number of outputs.
        top_cells: How many places of the maps decide, those with the most evidence; 0: all of them.

    The head is a global average pooling and a linear layer, which makes Grad-CAM a weighted sum of the
    feature maps (arXiv:1610.02391, section 3.1). With `top_cells` only the best places are averaged, which suits
    findings far smaller than the picture; the mean gradient over a map, and so Grad-CAM, is the same.
    """

    def __init__(self, trunk: nn.Module, *, features: int, labels: int, top_cells: int = 0) -> None:
        super().__init__()
        self.trunk = trunk
        self.top_cells = top_cells
        self.dropout = nn.Dropout(0.0)  # training sets its share
        self.head: nn.Module = nn.Linear(features, labels)

    def classify(self, maps: Tensor) -> Tensor:
        """Logits (N, labels) from feature maps (N, K, h, w)."""
        if not self.top_cells:
            logits: Tensor = self.head(self.dropout(maps.flatten(2).mean(dim=2)))
            return logits
        cells: Tensor = self.head(self.dropout(maps.flatten(2).transpose(1, 2)))
        return cells.topk(min(self.top_cells, cells.shape[1]), dim=1).values.mean(dim=1)

    def locate(self, maps: Tensor) -> Tensor | None:
        """What the network says of each place (N, channels, h, w); None for one that answers for the whole picture."""
        del maps
        return None

    def answer(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Feature maps, logits, and what it says of each place, from one pass.

        A network whose decoder needs more than the last maps (a U-Net) says here how.
        """
        maps = self.trunk(images)
        return maps, self.classify(maps), self.locate(maps)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, labels) from images (N, C, H, W)."""
        return self.classify(self.trunk(images))

    def linear_head(self) -> nn.Linear | None:
        """The linear layer behind a global average pooling, or None for another kind of head."""
        return self.head if isinstance(self.head, nn.Linear) else None


class MaskNet(CamNet):
    """A network that says of each pixel or voxel whether it belongs to the finding; subclasses override `answer`."""


class Network(ABC):
    """One architecture. A subclass is one file; its last line is `NETWORK = ...`."""

    title: str
    layer: str  # name of the last feature layer, shown with an explanation
    options: Mapping[str, int | float]  # what a card may set, with its default
    side: int | None = None  # the only input size it takes, in pixels; None: any
    axes: int = 2  # of a picture; 3 for a network on volumes
    multiple: int = 1  # each side of its input must be a multiple of

    @property
    def id(self) -> str:
        """The file's name."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained network.

        Args:
            channels: 1 or 3 input channels.
            labels: Number of outputs.
            options: Overrides of `self.options`.
        """


def load_network(name: str) -> Network:
    """The architecture of this id.

    Raises:
        UnknownNameError: There is none.
    """
    return load_entry(sys.modules[__name__], name, "NETWORK", Network)


def load_networks() -> Mapping[str, Network]:
    """All architectures by id."""
    return load_entries(sys.modules[__name__], "NETWORK", Network)


def separate_relus(module: nn.Module) -> None:
    """Make every ReLU non-in-place, as backward hooks and Grad-CAM need the values before and after it."""
    for child in module.modules():
        if isinstance(child, nn.ReLU):
            child.inplace = False


def start_weights(module: nn.Module) -> None:
    """He initialisation of convolutions, ones for norms, small normal weights for linear layers."""
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, mode="fan_out", nonlinearity="relu")
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        elif isinstance(child, nn.BatchNorm2d):
            nn.init.ones_(child.weight)
            nn.init.zeros_(child.bias)
        elif isinstance(child, nn.Linear):
            nn.init.normal_(child.weight, std=0.01)
            nn.init.zeros_(child.bias)


def skip_blocks(network: nn.Module, share: float) -> None:
    """Let training skip residual blocks at random, the last ones most (Huang et al. 2016, arXiv:1603.09382)."""
    blocks = [m for m in network.modules() if isinstance(m, StochasticDepth)]
    for number, block in enumerate(blocks, start=1):
        block.p = share * number / len(blocks)


def count_parameters(module: nn.Module) -> int:
    """Number of trainable values."""
    return sum(torch.numel(p) for p in module.parameters() if p.requires_grad)

"""DenseNet-121 (Huang et al. 2016, arXiv:1608.06993), of any growth rate."""

from __future__ import annotations

from torch import nn
from torchvision.models.densenet import DenseNet

from medcore.nn.networks import CamNet, Network, separate_relus, start_weights


class DenseNet121(Network):
    """Densely connected network of 121 layers.

    torchvision's own forward ends with a functional in-place ReLU, which explanation methods see wrongly;
    here it is a module after the last norm.
    """

    title = "DenseNet-121"
    layer = "denseblock4"
    options = {"growth": 32, "stem": 64}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained DenseNet-121; `growth` maps a layer, `stem` maps at the start."""
        merged = {**self.options, **options}
        stem = int(merged["stem"])
        dense = DenseNet(growth_rate=int(merged["growth"]), num_init_features=stem, num_classes=1)
        if channels != 3:
            dense.features.conv0 = nn.Conv2d(channels, stem, kernel_size=7, stride=2, padding=3, bias=False)
        trunk = dense.features
        trunk.add_module("relu5", nn.ReLU())
        separate_relus(trunk)
        network = CamNet(trunk, features=dense.classifier.in_features, labels=labels)
        start_weights(network)
        return network


NETWORK = DenseNet121()

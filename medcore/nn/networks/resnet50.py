"""ResNet-50 (He et al. 2015, arXiv:1512.03385), of any width."""

from __future__ import annotations

from medcore.nn.networks import CamNet, Network, start_weights
from medcore.nn.networks._residual import ClearBottleneck, ResidualTrunk


class ResNet50(Network):
    """Residual network of 50 layers."""

    title = "ResNet-50"
    layer = "layer4"
    options = {"width": 64}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained ResNet-50; `width` is the maps of its stem."""
        width = int({**self.options, **options}["width"])
        trunk = ResidualTrunk(ClearBottleneck, (3, 4, 6, 3), channels=channels, width=width)
        network = CamNet(trunk, features=trunk.features, labels=labels)
        start_weights(network)
        return network


NETWORK = ResNet50()

"""ResNet-18 (He et al. 2015, arXiv:1512.03385), of any width."""

from __future__ import annotations

from medcore.nn.networks import CamNet, Network, start_weights
from medcore.nn.networks._residual import ClearBasicBlock, ResidualTrunk


class ResNet18(Network):
    """Residual network of 18 layers."""

    title = "ResNet-18"
    layer = "layer4"
    options = {"width": 64, "top_cells": 0}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained ResNet-18; `width` is the maps of its stem, `top_cells` how many places decide (0: all)."""
        merged = {**self.options, **options}
        trunk = ResidualTrunk(ClearBasicBlock, (2, 2, 2, 2), channels=channels, width=int(merged["width"]))
        network = CamNet(trunk, features=trunk.features, labels=labels, top_cells=int(merged["top_cells"]))
        start_weights(network)
        return network


NETWORK = ResNet18()

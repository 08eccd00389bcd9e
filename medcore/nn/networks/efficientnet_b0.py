"""EfficientNet-B0 (Tan & Le 2019, arXiv:1905.11946), of any width and depth."""

from __future__ import annotations

from functools import partial

from torch import nn
from torchvision.models.efficientnet import EfficientNet, MBConvConfig

from medcore.nn.networks import CamNet, Network, start_weights

# Expansion, kernel, stride, input, output, layers: table 1.
STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)


class EfficientNetB0(Network):
    """Inverted bottlenecks with squeeze and excitation.

    The last activation is a ReLU instead of a SiLU, so that feature maps are not negative and Grad-CAM is exact.
    """

    title = "EfficientNet-B0"
    layer = "features.8"
    options = {"width": 1.0, "depth": 1.0}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained EfficientNet; `width` and `depth` multiply those of B0."""
        merged = {**self.options, **options}
        block = partial(MBConvConfig, width_mult=float(merged["width"]), depth_mult=float(merged["depth"]))
        whole = EfficientNet([block(*stage) for stage in STAGES], dropout=0.0, stochastic_depth_prob=0.0)
        trunk = whole.features
        first = trunk[0][0]
        if channels != first.in_channels:
            trunk[0][0] = nn.Conv2d(channels, first.out_channels, kernel_size=3, stride=2, padding=1, bias=False)
        trunk[-1][-1] = nn.ReLU()
        network = CamNet(trunk, features=whole.classifier[-1].in_features, labels=labels)
        start_weights(network)
        return network


NETWORK = EfficientNetB0()

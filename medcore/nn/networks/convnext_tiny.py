"""ConvNeXt-T (Liu et al. 2022, arXiv:2201.03545), of any width."""

from __future__ import annotations

from functools import partial

from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt, LayerNorm2d

from medcore.nn.networks import CamNet, Network

DEPTHS = (3, 3, 9, 3)


class ConvNeXtTiny(Network):
    """Depthwise 7×7 convolutions in the manner of a transformer.

    The norm that the paper puts behind the pooling stands before it, with a ReLU, so that Grad-CAM is exact.
    """

    title = "ConvNeXt-T"
    layer = "features.7"
    options = {"width": 96, "depth": 9}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained ConvNeXt; `width` is the maps of the stem, `depth` the blocks of the third stage."""
        merged = {**self.options, **options}
        width, depths = int(merged["width"]), (*DEPTHS[:2], int(merged["depth"]), DEPTHS[3])
        widths = [width * 2**i for i in range(4)]
        stages = [CNBlockConfig(widths[i], widths[i + 1] if i < 3 else None, depth) for i, depth in enumerate(depths)]
        trunk = ConvNeXt(stages, layer_scale=1e-6 if width >= 96 else 1.0, num_classes=1).features
        first = trunk[0][0]
        if channels != first.in_channels:
            trunk[0][0] = nn.Conv2d(channels, first.out_channels, kernel_size=4, stride=4)
            nn.init.trunc_normal_(trunk[0][0].weight, std=0.02)
            nn.init.zeros_(trunk[0][0].bias)
        trunk.append(partial(LayerNorm2d, eps=1e-6)(widths[-1]))
        trunk.append(nn.ReLU())
        network = CamNet(trunk, features=widths[-1], labels=labels)
        nn.init.normal_(network.head.weight, std=0.01)  # type: ignore[arg-type]
        return network


NETWORK = ConvNeXtTiny()

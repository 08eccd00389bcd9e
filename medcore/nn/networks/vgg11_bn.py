"""VGG-11 with batch norm (Simonyan & Zisserman 2014, arXiv:1409.1556), with a pooled linear head."""

from __future__ import annotations

from torchvision.models.vgg import make_layers

from medcore.nn.networks import CamNet, Network, separate_relus, start_weights

PLAN: tuple[int | str, ...] = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512)  # configuration A


class Vgg11Bn(Network):
    """Plain stack of 3×3 convolutions.

    The published head of three dense layers has 120 million weights and ties the network to one input size;
    a global average pooling and one linear layer replace it, and the last max pooling goes, so that the trunk
    ends in a ReLU.
    """

    title = "VGG-11 (batch norm)"
    layer = "features.conv8"
    options = {"width": 64}  # noqa: RUF012  (read only)

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained VGG-11; `width` is the maps of the first convolution."""
        width = int({**self.options, **options}["width"])
        plan = [entry if isinstance(entry, str) else entry * width // 64 for entry in PLAN]
        trunk = make_layers(plan, batch_norm=True)
        if channels != 3:
            first = trunk[0]
            trunk[0] = type(first)(channels, first.out_channels, kernel_size=3, padding=1)
        separate_relus(trunk)
        network = CamNet(trunk, features=512 * width // 64, labels=labels)
        start_weights(network)
        return network


NETWORK = Vgg11Bn()

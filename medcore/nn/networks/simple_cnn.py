"""The classic teaching network for 28×28 images: conv, pool, conv, pool, dense."""

from __future__ import annotations

from torch import Tensor, nn

from medcore.nn.networks import CamNet, Network, start_weights

SIDE = 28  # pixels; the dense layer is made for this size


class DenseHeadNet(CamNet):
    """A trunk of two convolutions whose pooled maps go through dense layers, not through an average."""

    def __init__(self, *, channels: int, labels: int, width: int) -> None:
        trunk = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, kernel_size=3, padding=1),
            nn.ReLU(),
        )
        super().__init__(trunk, features=2 * width, labels=labels)
        maps = 2 * width * (SIDE // 4) ** 2
        self.head = nn.Sequential(
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(maps, 128), nn.ReLU(), nn.Linear(128, labels)
        )

    def classify(self, maps: Tensor) -> Tensor:
        """Logits (N, labels) from the second convolution's maps (N, 2 width, 14, 14)."""
        logits: Tensor = self.head(maps)
        return logits


class SimpleCnn(Network):
    """Small enough to train in a lesson and to look into every map."""

    title = "Simple CNN (28×28)"
    layer = "conv2"
    options = {"width": 16}  # noqa: RUF012  (read only)
    side = SIDE

    def build(self, *, channels: int, labels: int, **options: int | float) -> CamNet:
        """An untrained network for 28×28 images; `width` is the maps of the first convolution."""
        network = DenseHeadNet(channels=channels, labels=labels, width=int({**self.options, **options}["width"]))
        start_weights(network)
        for layer in network.head.children():  # two dense layers that start small do not move for hundreds of steps
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        return network


NETWORK = SimpleCnn()

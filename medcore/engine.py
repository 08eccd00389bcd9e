"""The Engine protocol: arrays in, arrays out, so that only nn/ knows about torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from numpy import float32, float64
from numpy.typing import NDArray

from medcore.cards import ModelCard
from medcore.errors import Message


@dataclass(frozen=True, slots=True)
class Device:
    """Where networks run: "cpu" or "cuda:0", its name for people, and its memory in MB (0: unknown)."""

    id: str
    title: str
    memory_mb: int


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """What one forward pass gave.

    Args:
        logits: (N, labels) float32.
        features: (N, K, h, w) float32, the last feature maps (after their ReLU), from the same pass; of a network on
            volumes (N, K, d, h, w).
        device: Where it ran.
        precision: "float32" or "bf16".
        seconds: Wall time of the pass, transfers included.
        notes: What the user should know, such as a fallback to the CPU.
        dense: (N, channels, h, w) or (N, channels, d, h, w) float32 of a network that answers for each place, or None.
        distance: (N,) how unlike its training images the network finds each input; None when the card has no gate.
    """

    logits: NDArray[float32]
    features: NDArray[float32]
    device: str
    precision: str
    seconds: float
    notes: tuple[Message, ...] = ()
    dense: NDArray[float32] | None = None
    distance: NDArray[float64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """An explanation on the network's input grid.

    Args:
        heat: (h, w) float32, not negative, in units of the target's logit; at the layer's own resolution.
        layer: Name of the layer it was taken at.
        seconds: Wall time on top of the forward pass.
    """

    heat: NDArray[float32]
    layer: str
    seconds: float


class Engine(Protocol):
    """Runs networks. One instance serves all sessions."""

    @property
    def device(self) -> Device:
        """The device that runs take unless they ask for another."""
        ...

    def run(self, card: ModelCard, inputs: NDArray[float32], *, device: str = "auto") -> Output:
        """One forward pass over inputs (N, C, H, W), or (N, C, D, H, W) for a network on volumes.

        Raises:
            WeightsError: The weights are missing, changed, or do not fit the network.
            DeviceError: The asked-for device is absent.
        """
        ...

    def explain(
        self, card: ModelCard, inputs: NDArray[float32], output: Output, *, method: str, target: int, index: int = 0
    ) -> HeatMap:
        """The heat map of one method for label number `target` of image number `index`.

        Raises:
            UnknownNameError: There is no such method.
        """
        ...

    def warm_up(self, card: ModelCard) -> None:
        """Load a model and run it once, so that the first real run is fast."""
        ...

    def software(self) -> Mapping[str, str]:
        """Versions of what runs the networks, by name."""
        ...

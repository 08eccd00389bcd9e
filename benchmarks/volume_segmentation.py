"""Outlining a brain tumour in whole volumes: all of the analysis over the forward passes it makes, one thread."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy import float32
from numpy.typing import NDArray

from medcore.analysis import analyse
from medcore.cards import ModelCard, load_cards
from medcore.engine import Device, HeatMap, Output
from medcore.imaging.phantoms.brain_mr import Lesion, brain_mr
from medcore.nn.torch_engine import TorchEngine
from medcore.predictions import Segmentation
from medcore.settings import Settings
from medcore.tasks import load_task
from medcore.volume import Geometry, Volume

GRIDS = (((1.5, 1.2, 1.2), (110, 190, 160)), ((6.0, 0.9, 0.9), (24, 256, 256)))


@dataclass(slots=True)
class Timed:
    """The engine, with the processor time of its forward passes and how many slices they saw."""

    inner: TorchEngine
    seconds: float = 0.0
    slices: list[int] = field(default_factory=list)

    def run(self, card: ModelCard, inputs: NDArray[float32], *, device: str = "auto") -> Output:
        """A forward pass of the inner engine."""
        started = time.process_time()
        output = self.inner.run(card, inputs, device=device)
        self.seconds += time.process_time() - started
        self.slices.append(len(inputs))
        return output

    @property
    def device(self) -> Device:
        """As the inner engine."""
        return self.inner.device

    def explain(
        self, card: ModelCard, inputs: NDArray[float32], output: Output, *, method: str, target: int, index: int = 0
    ) -> HeatMap:
        """As the inner engine."""
        return self.inner.explain(card, inputs, output, method=method, target=target, index=index)

    def warm_up(self, card: ModelCard) -> None:
        """As the inner engine."""
        self.inner.warm_up(card)

    def software(self) -> dict[str, str]:
        """As the inner engine."""
        return dict(self.inner.software())


def head(spacing: Sequence[float], shape: tuple[int, int, int]) -> Volume:
    """A phantom head with one lesion on a grid around it."""
    s, r, c = spacing
    origin = (-c * (shape[2] - 1) / 2, -r * (shape[1] - 1) / 2, -s * (shape[0] - 1) / 2)
    geometry = Geometry.from_spacing((s, r, c), origin_mm=origin)
    return brain_mr([Lesion("lesion", (25.0, -20.0, 15.0), (14.0, 12.0, 13.0))], geometry, shape).volume


def main() -> None:
    """Print one line a grid."""
    torch.set_num_threads(1)
    card = load_cards(Settings.from_environment().models_dir)["brain-tumour-unet"]
    engine = TorchEngine(Settings(device="cpu"))
    engine.warm_up(card)
    for spacing, shape in GRIDS:
        scan = head(spacing, shape)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        timed = Timed(engine)
        started = time.process_time()
        answer = analyse(scan, task=load_task("brain_tumour"), card=card, engine=timed)
        whole = time.process_time() - started
        assert isinstance(answer.prediction, Segmentation)
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(
            f"{' × '.join(map(str, shape))}: {sum(timed.slices)} slices, {whole:.2f} s over {timed.seconds:.2f} s of "
            f"forward passes = {whole / timed.seconds:.2f}; {memory:.0f} MB more; "
            f"{np.count_nonzero(answer.prediction.mask.labels)} voxels found"
        )


if __name__ == "__main__":
    main()

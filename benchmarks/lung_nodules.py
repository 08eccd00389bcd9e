"""A CT of 300 slices from its zip to its list of nodules, against inflating it and the bare forward passes it needs.

Promise: at most 1.5. A phantom chest with four nodules, the published model, all on one processor. Beside the ratio the
share of each stage is printed. Usage: python -m benchmarks.lung_nodules MODEL_FOLDER
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import zipfile
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy import float32
from numpy.typing import NDArray

from benchmarks.reading import SETTINGS, Clock
from benchmarks.timing import finish, judge, on_one_processor
from medcore.analysis import analyse
from medcore.cards import ModelCard, load_card
from medcore.engine import Output
from medcore.exports.dicom_headers import Labels
from medcore.exports.dicom_images import write_dicom
from medcore.imaging.phantoms.chest_ct import Nodule, axial, chest_ct
from medcore.intake import WARM, Source, read_sources
from medcore.nn.torch_engine import TorchEngine
from medcore.predictions import Detection
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.tasks import load_task
from medcore.volume import Volume

SHAPE, SPACING, MIDDLE = (300, 512, 512), (1.0, 0.68, 0.68), (0.0, 0.0, -15.0)
NODULES = (
    Nodule("1", (-82.0, 30.0, -48.0), 14.0),
    Nodule("2", (98.0, 22.0, -36.0), 9.0),
    Nodule("3", (-78.0, -18.0, 38.0), 12.0),
    Nodule("4", (86.0, -24.0, 24.0), 8.0),
)
ROUNDS, LIMIT = 3, 1.5


class Counting(TorchEngine):
    """Remembers the inputs, so that the bare forward passes can be repeated."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.inputs: list[NDArray[float32]] = []

    def run(self, card: ModelCard, inputs: NDArray[float32], *, device: str = "auto") -> Output:
        """As the engine does."""
        self.inputs.append(inputs)
        return super().run(card, inputs, device=device)


def zipped(folder: Path) -> Path:
    """The phantom's DICOM files in a zip."""
    scan = chest_ct(NODULES, axial(SHAPE, SPACING, centre_mm=MIDDLE), SHAPE).volume
    files = write_dicom(scan, folder / "slices", labels=Labels(seed="speed", patient="P", study="S", study_title=""))
    with zipfile.ZipFile(folder / "ct.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return folder / "ct.zip"


def read(path: Path, sandbox: Sandbox) -> Volume:
    """The scan in the zip."""
    return read_sources([Source("ct.zip", path=path)], sandbox=sandbox, settings=SETTINGS).found[0].volume


def main() -> bool:
    """Print the ratio; whether the promise is kept."""
    on_one_processor()
    cv2.setNumThreads(1)  # two threads on one processor wait for each other
    card, task = load_card(Path(sys.argv[1])), load_task("lung_nodule")
    engine = Counting(Settings(device="cpu", threads=1))
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(workers=1, memory_mb=2048, seconds=120, output_mb=2048) as box,
    ):
        path = zipped(Path(folder))
        box.run(WARM)
        clock = Clock(box)
        stages: dict[str, float] = {}

        def told(share: float, stage: object) -> None:
            del share
            stages.setdefault(str(stage), time.process_time())

        def whole() -> None:
            stages.clear()
            engine.inputs.clear()
            scan = read(path, box)
            found = analyse(scan, task=task, card=card, engine=engine, progress=told).prediction
            assert isinstance(found, Detection)
            told(1.0, "")

        def bare() -> None:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    archive.read(name)
            for inputs in [np.array(one) for one in engine.inputs]:
                TorchEngine.run(engine, card, inputs)

        whole()
        bare()
        pairs = [(clock.cost(whole), clock.cost(bare)) for _ in range(ROUNDS)]
        seconds = [statistics.median(side) for side in zip(*pairs, strict=True)]
        print(f"{sum(map(len, engine.inputs))} patches; whole {seconds[0]:.1f} s, bare {seconds[1]:.1f} s")
        starts = list(stages.items())
        for (name, start), (_, end) in pairwise(starts):
            print(f"  {name}: {end - start:.2f} s")
        return judge("zip of 300 slices to nodules, over inflate and forwards", seconds[0] / seconds[1], LIMIT)


if __name__ == "__main__":
    finish(main())

"""The longest stretch of an analysis in which nobody asks whether to stop, in seconds of one processor.

Usage: python -m benchmarks.cancel_gaps FILE TASK MODEL_FOLDER; the FILE "phantom-chest" is computed
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch

from benchmarks.nodule_froc import phantom
from medcore.analysis import analyse
from medcore.cards import load_card
from medcore.intake import decode_bytes
from medcore.nn.torch_engine import TorchEngine
from medcore.settings import Settings
from medcore.tasks import load_task


class Clock:
    """Hears every question whether to stop, and in which stage it came."""

    def __init__(self) -> None:
        self.stage, self.last = "", time.process_time()
        self.longest: dict[str, float] = {}

    def tell(self, share: float, stage: object) -> None:
        """The stage that begins or goes on."""
        self.stage = str(stage)

    def cancelled(self) -> bool:
        """Never; notes how long ago it was asked before."""
        now = time.process_time()
        self.longest[self.stage] = max(self.longest.get(self.stage, 0.0), now - self.last)
        self.last = now
        return False


def main() -> None:
    """Print the longest gap of each stage."""
    torch.set_num_threads(1)
    name, task, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    settings, card = Settings(device="cpu"), load_card(folder)
    engine = TorchEngine(settings)
    engine.warm_up(card)
    path = Path(name)
    scan = phantom(0).volume if name == "phantom-chest" else decode_bytes(name, path.read_bytes(), settings)[0].volume
    clock = Clock()
    analyse(scan, task=load_task(task), card=card, engine=engine, progress=clock.tell, cancelled=clock.cancelled)
    gaps = {stage or "before the first stage": round(gap, 2) for stage, gap in clock.longest.items()}
    print(json.dumps({"longest_s": max(gaps.values()), "by_stage": gaps}, indent=1))


if __name__ == "__main__":
    main()

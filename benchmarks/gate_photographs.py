"""Shows how many everyday pictures each shipped model's gate refuses: those that scikit-image and scikit-learn bring.

python benchmarks/gate_photographs.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage
import sklearn

from medcore.cards import load_cards
from medcore.nn.torch_engine import TorchEngine
from medcore.settings import ROOT, Settings
from medcore.tasks import load_task
from medcore.volume import Array, Geometry, Unit, Volume

FOLDERS = (Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images")
LEAST_SIDE = 100


def pictures() -> list[Array]:
    """Each picture whole, and its two outermost squares; no medical ones among them but a retina and stained cells."""
    found = []
    for path in sorted(path for folder in FOLDERS for path in folder.glob("*") if path.suffix in (".png", ".jpg")):
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if grey is None or min(grey.shape) < LEAST_SIDE:
            continue
        side = min(grey.shape)
        found += [grey, grey[:side, :side], grey[-side:, -side:]]
    return found


def main() -> None:
    """One line a model."""
    engine, shown = TorchEngine(Settings(device="cpu")), pictures()
    for card in load_cards(ROOT / "models").values():
        task = load_task(card.task)
        if card.familiarity is None or not card.familiarity.refused_unseen:
            continue  # a model of volumes, whose gate was shown no strangers
        scans = [Volume(grey[None], Unit.GREY, "", Geometry.pixels()) for grey in shown]
        found = [engine.run(card, task.prepare(scan, card).inputs).distance for scan in scans]
        refused = np.array([distance is not None and distance[0] > card.familiarity.threshold for distance in found])
        print(f"{card.id:26s} {card.version}: refuses {refused.sum()} of {len(refused)} ({refused.mean():.0%})")


if __name__ == "__main__":
    main()

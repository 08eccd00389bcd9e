"""FROC of lung nodule detection on phantom chests with known nodules that no training saw.

A hit lies within the radius of a nodule of 5 to 15 mm (LUNA16's rule); nodules of other sizes count neither way. False
positives are given for a scan of 5 litres of lung. Usage: python -m benchmarks.nodule_froc MODEL_FOLDER [SLABS] [FILE]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from medcore.analysis import analyse
from medcore.cards import ModelCard, load_card
from medcore.engine import Engine
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.phantoms.nodules import Mix, scatter
from medcore.imaging.phantoms.thorax import Build
from medcore.imaging.phantoms.truth import Phantom
from medcore.nn.torch_engine import TorchEngine
from medcore.predictions import Detection
from medcore.settings import Settings
from medcore.tasks import load_task

SLAB_MM, NODULES = 100.0, 12
COUNTED_MM = (5.0, 15.0)
SCAN_ML = 5000.0
RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
LEAST = 0.02  # probability from which a place is looked at


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What one phantom gave: (N, 2) probability and number of the nodule hit (-1: none), and how many there were."""

    marks: NDArray[float64]
    nodules: int
    scans: float


def phantom(seed: int) -> Phantom:
    """A slab of a chest with nodules of 4 to 20 mm, solid, part-solid and ground glass, free and attached."""
    rng = np.random.default_rng([991, seed])
    spacing = (float(rng.choice((1.0, 1.25, 2.0, 2.5))), 0.7, 0.7)
    build = Build(wide=float(rng.uniform(0.9, 1.08)), heart=float(rng.uniform(0.9, 1.1)), seed=5000 + seed)
    z = float(rng.uniform(-40, 50))
    shape = (int(SLAB_MM / spacing[0]), 372, 458)
    heights = (z - SLAB_MM / 2 + 12, z + SLAB_MM / 2 - 12)
    nodules = scatter(NODULES, build=build, heights_mm=heights, seed=5000 + seed, mix=Mix(diameters_mm=(4.0, 20.0)))
    geometry, noise = axial(shape, spacing, centre_mm=(0, 0, z)), float(rng.uniform(10, 35))
    return chest_ct(nodules, geometry, shape, build=build, noise_hu=noise, seed=5000 + seed)


def marks(known: Phantom, card: ModelCard, engine: Engine) -> Marks:
    """Every box with its probability and what it hit."""
    everything = replace(card, labels=(replace(card.labels[0], threshold=LEAST),))
    found = analyse(known.volume, task=load_task("lung_nodule"), card=everything, engine=engine).prediction
    assert isinstance(found, Detection)
    sizes = np.array([np.cbrt(np.prod(target.size_mm)) for target in known.targets])
    centres = np.array([target.centre_lps_mm for target in known.targets])
    counted = (sizes >= COUNTED_MM[0]) & (sizes <= COUNTED_MM[1])
    rows = []
    for box in found.boxes:
        apart = np.linalg.norm(centres - np.array(box.centre_lps_mm), axis=1)
        number = int((apart / sizes).argmin())
        if apart[number] > sizes[number] / 2:
            rows.append((box.probability, -1.0))
        elif counted[number]:
            rows.append((box.probability, float(number)))
    lungs = float(found.run.preprocessing["lungs_ml"])
    return Marks(np.array(rows).reshape(-1, 2), int(counted.sum()), lungs / SCAN_ML)


def curve(many: Sequence[Marks]) -> dict[str, float]:
    """Sensitivity at each rate of false positives a scan, their mean, and the probability at one a scan."""
    total, scans = sum(m.nodules for m in many), sum(m.scans for m in many)
    found: dict[str, float] = {}
    values = np.unique(np.concatenate([m.marks[:, 0] for m in many]))[::-1]
    for rate in RATES:
        best, at = 0.0, 1.0
        for value in values:
            false = sum(int(((m.marks[:, 0] >= value) & (m.marks[:, 1] < 0)).sum()) for m in many)
            if false / scans > rate:
                break
            hits = sum(len(set(m.marks[(m.marks[:, 0] >= value) & (m.marks[:, 1] >= 0), 1].tolist())) for m in many)
            best, at = hits / total, float(value)
        found[f"sensitivity_at_{rate:g}"] = round(best, 4)
        if rate == 1:
            found["probability_at_1"] = round(at, 4)
    found["cpm"] = round(float(np.mean([found[f"sensitivity_at_{rate:g}"] for rate in RATES])), 4)
    return found


def main() -> None:
    """Print the curve with intervals over phantoms."""
    card = load_card(Path(sys.argv[1]))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    engine = TorchEngine(Settings(device="cpu"))
    many = []
    for seed in range(count):
        many.append(marks(phantom(seed), card, engine))
        print(f"phantom {seed + 1} of {count}: {len(many[-1].marks)} marks", file=sys.stderr)
    rng = np.random.default_rng(0)
    draws = [curve([many[i] for i in rng.integers(0, count, count)]) for _ in range(200)]
    found: dict[str, object] = {"phantoms": count, "nodules": sum(m.nodules for m in many)}
    for name, value in curve(many).items():
        low, high = np.percentile([draw[name] for draw in draws], [2.5, 97.5])
        found[name] = {"value": value, "low": round(float(low), 4), "high": round(float(high), 4)}
    text = json.dumps(found, indent=1)
    print(text)
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

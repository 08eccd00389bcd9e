"""Make the phantom patches that docs/recipes/lung-nodule-patches.toml trains on: patches.npz in the form of MedMNIST.

Slabs of computed chests with nodules of known place, each with another build, spacing, noise and vessels; patches of
what the candidate search finds there, and of the nodules themselves, each in some of the nine planes that are asked in
use. Slabs, not patches, are split; patches that look the same as one of another split are left out, and those that look
like a real one of the second folder, so that they tie no real scans together. Usage:
python -m benchmarks.phantom_patches FOLDER [LUNA_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import float32, uint8
from numpy.typing import NDArray

from medcore.imaging.nodules.candidates import candidates
from medcore.imaging.nodules.field import lung_field
from medcore.imaging.nodules.patches import SLANTING, STRAIGHT, plane_patches
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.phantoms.nodules import Mix, scatter
from medcore.imaging.phantoms.thorax import Build
from medcore.imaging.phantoms.truth import Phantom
from medcore.nn.training.splits import thumbnails
from medcore.tasks._nodule_patches import LOW_HU, PIXEL_MM, shades

SIDE = 48
SLABS, SLAB_MM, NODULES = 600, 60.0, 9
PLANES = np.concatenate([STRAIGHT, SLANTING])
OF_NODULE, OF_OTHER = 3, 1  # of the planes are taken, by chance
SLICES_MM = (0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
MOST_OTHERS = 110  # places without a nodule from one slab
MIX = Mix(diameters_mm=(3.5, 22))
HIT, CLEAR = 0.6, 1.6  # of a nodule's radius: nearer is the nodule, further is something else
ALIKE, BLOCK = 0.965, 512  # correlation of thumbnails; a training takes two for the same from 0.97
SPLITS = {6: "val", 7: "test"}  # every eighth slab


def slab(seed: int) -> Phantom:
    """A slab of a chest with nodules."""
    rng = np.random.default_rng([77, seed])
    across = float(rng.uniform(0.6, 0.8))
    spacing = (float(rng.choice(SLICES_MM)), across, across)
    build = Build(
        wide=float(rng.uniform(0.88, 1.1)),
        deep=float(rng.uniform(0.88, 1.1)),
        heart=float(rng.uniform(0.85, 1.15)),
        seed=seed,
    )
    z = float(rng.uniform(-60, 70))
    shape = (int(SLAB_MM / spacing[0]), int(270 / across), int(330 / across))
    heights = (z - SLAB_MM / 2 + 2, z + SLAB_MM / 2 - 2)
    nodules = scatter(NODULES, build=build, heights_mm=heights, seed=seed, mix=MIX)
    noise = float(rng.uniform(10, 45))
    return chest_ct(nodules, axial(shape, spacing, centre_mm=(0, 0, z)), shape, build=build, noise_hu=noise, seed=seed)


def patches(seed: int) -> tuple[NDArray[uint8], NDArray[uint8]]:
    """Patches (N, SIDE, SIDE) of one slab and whether a nodule lies in the middle of each (N,)."""
    rng = np.random.default_rng([78, seed])
    phantom = slab(seed)
    field = lung_field(phantom.volume)
    assert field is not None, "a phantom chest has lungs"
    places = np.array([place.centre_lps_mm for place in candidates(field)])
    centres = np.array([target.centre_lps_mm for target in phantom.targets])
    sizes = np.array([np.mean(target.size_mm) for target in phantom.targets])
    apart = np.linalg.norm(places[:, None] - centres[None], axis=2) / (sizes[None] / 2)
    others = places[apart.min(axis=1) > CLEAR]
    others = others[np.sort(rng.permutation(len(others))[:MOST_OTHERS])]
    moved = centres + rng.normal(0, 1, centres.shape) * np.minimum(0.6, 0.08 * sizes)[:, None]
    found = places[apart.min(axis=1) < HIT]
    chosen = np.concatenate([found, moved, others])
    truth = np.arange(len(chosen)) < len(found) + len(moved)
    seen = plane_patches(phantom.volume, chosen, planes=PLANES, side=SIDE, pixel_mm=PIXEL_MM, outside=LOW_HU)
    order = rng.permuted(np.tile(np.arange(len(PLANES)), (len(chosen), 1)), axis=1)
    taken = order < np.where(truth, OF_NODULE, OF_OTHER)[:, None]
    return np.rint(shades(seen[taken]) * 255).astype(uint8), truth[np.nonzero(taken)[0]].astype(uint8)


def real(folder: Path) -> NDArray[uint8]:
    """The middles (N, SIDE, SIDE) of the pictures in a folder."""
    found = []
    for path in sorted(folder.rglob("*.jpg")):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is not None and min(picture.shape) >= SIDE:
            top, left = ((n - SIDE) // 2 for n in picture.shape)
            found.append(picture[top : top + SIDE, left : left + SIDE].astype(uint8))
    return np.stack(found) if found else np.zeros((0, SIDE, SIDE), uint8)


def like(seen: NDArray[uint8], others: NDArray[uint8]) -> NDArray[np.bool_]:
    """Which pictures (N,) look the same as one of the others."""
    mine, theirs = flat(seen), flat(others)
    found = [(mine[i : i + BLOCK] @ theirs.T > ALIKE).any(axis=1) for i in range(0, len(mine), BLOCK)]
    return np.concatenate(found) if found else np.zeros(0, bool)


def flat(seen: NDArray[uint8]) -> NDArray[float32]:
    """Thumbnails (N, 1024) of length 1, each less its mean."""
    rows = thumbnails(seen, 32).reshape(len(seen), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9), dtype=float32)


def main() -> None:
    """Write patches.npz."""
    folder, others = Path(sys.argv[1]), real(Path(sys.argv[2])) if len(sys.argv) > 2 else real(Path("nowhere"))
    folder.mkdir(parents=True, exist_ok=True)
    images: dict[str, list[NDArray[uint8]]] = {"train": [], "val": [], "test": []}
    labels: dict[str, list[NDArray[uint8]]] = {"train": [], "val": [], "test": []}
    for seed in range(SLABS):
        part = SPLITS.get(seed % 8, "train")
        seen, truth = patches(seed)
        images[part].append(seen)
        labels[part].append(truth)
        print(f"slab {seed + 1} of {SLABS}: {len(seen)} patches, {int(truth.sum())} of nodules", file=sys.stderr)
    arrays: dict[str, Any] = {}
    for part, many in images.items():
        seen = np.concatenate(many)
        new = ~like(seen, others)
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = seen[new], np.concatenate(labels[part])[new]
        others = np.concatenate([others, seen[new]])
    np.savez_compressed(folder / "patches.npz", **arrays)


if __name__ == "__main__":
    main()

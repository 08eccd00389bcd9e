"""Outlines of the longitudinal glioma patients, each by a model tuned on the five others: Dice and sign of change."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from lightning_fabric import Fabric

from medcore.analysis import analyse
from medcore.cards import Calibration, ModelCard, load_card
from medcore.intake import decode_bytes
from medcore.nn.networks import MaskNet
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.choose_objective import objective_for
from medcore.nn.training.pictures import Pictures, load_pictures
from medcore.nn.training.recipe import Recipe, load_recipe
from medcore.nn.training.train import build, draft_card
from medcore.nn.training.volume_slices import mask_slices
from medcore.predictions import Segmentation
from medcore.settings import Settings
from medcore.tasks import load_task

STEPS, BATCH, RATE = 110, 32, 4e-4
SHARES = (0.5, 0.5)  # of the drawn slices: of the pictures, and of the five other patients
TIMES = ("Pre", "Post")


def tuned(recipe: Recipe, base: Path, pictures: Pictures, draft: ModelCard, *, without: str) -> MaskNet:
    """The network of `base` after some steps on the pictures and on all patients but one."""
    torch.manual_seed(0)
    network = build(recipe, draft)
    assert isinstance(network, MaskNet)
    network.load_state_dict(safetensors.torch.load_file(base))
    network.to(memory_format=torch.channels_last)
    objective = objective_for(network, recipe, pictures, load_task(recipe.task))
    random = np.random.default_rng(0)
    train = np.array([i for i in pictures.part("train") if pictures.cases[i].columns.get("patient") != without])
    parts = [train[pictures.source[train] == number] for number in range(2)]
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.1)
    network.train()
    for step in range(STEPS):
        rows = np.concatenate([random.choice(p, round(BATCH * s)) for p, s in zip(parts, SHARES, strict=True)])
        batch = objective.batch(rows, stage=recipe.stages[-1], seed=(0, step), device=torch.device("cpu"))
        with Fabric(accelerator="cpu", precision="bf16-mixed").autocast():
            loss = objective.loss(network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
    return network.eval()


def measure(network: MaskNet, card: ModelCard, folder: Path, patient: str) -> list[tuple[float, int, int]]:
    """For both times Dice, voxels drawn and voxels found."""
    digest = safetensors.torch.save({k: v.contiguous() for k, v in network.state_dict().items()})
    card.folder.mkdir(parents=True, exist_ok=True)
    card.weights.write_bytes(digest)
    card = replace(card, sha256=hashlib.sha256(digest).hexdigest())
    engine = TorchEngine(Settings(device="cpu"))
    found = []
    for time in TIMES:
        path = folder / patient / f"{time}_Scan_T1.nii.gz"
        scan = decode_bytes(path.name, path.read_bytes(), Settings())[0]
        drawn = mask_slices(path.with_name(f"{time}_Mask.nii.gz"))
        answer = analyse(
            scan.volume, task=load_task(card.task), card=card, engine=engine, issues=scan.issues
        ).prediction
        assert isinstance(answer, Segmentation)
        mask = answer.mask.labels > 0
        both = int((mask & drawn).sum())
        found.append((2 * both / max(1, int(mask.sum()) + int(drawn.sum())), int(drawn.sum()), int(mask.sum())))
    return found


def main(recipe_path: Path, base: Path, data: Path, work: Path) -> None:
    """Print one line a patient, then the means."""
    torch.set_num_threads(1)
    recipe = load_recipe(recipe_path)
    folder = data / "longitudinal_glioma"
    draft = draft_card(recipe, work / "card")
    pictures = load_pictures(
        recipe.sources, data, task=load_task(recipe.task), card=draft, seed=recipe.seed, cache=work.parent / "cache",
        tell=lambda done, total: None, masks=True,
    )  # fmt: skip
    model = recipe_path.parent / "card.toml"
    points = load_card(recipe_path.parent) if model.exists() else None
    every, right = [], 0
    patients = sorted(p.name for p in folder.iterdir() if p.is_dir())
    for patient in patients:
        network, card = tuned(recipe, base, pictures, draft, without=patient), draft
        if points is not None:  # thresholds of the shipped model, which were chosen on brisc2025
            card = replace(card, mask=points.mask, calibration=points.calibration, labels=points.labels)
        else:
            nothing = replace(card.labels[-1], threshold=0.9)
            card = replace(card, calibration=Calibration(), labels=(*card.labels[:-1], nothing))
        found = measure(network, card, folder, patient)
        every += [dice for dice, _, _ in found]
        (_, drawn0, found0), (_, drawn1, found1) = found
        same = (drawn1 > drawn0) == (found1 > found0)
        right += same
        print(
            f"patient {patient}: Dice {found[0][0]:.3f} and {found[1][0]:.3f}; volume changed by "
            f"{100 * (drawn1 / drawn0 - 1):+.0f} % as drawn, {100 * (found1 / max(1, found0) - 1):+.0f} % as found; "
            f"sign {'right' if same else 'WRONG'}",
            flush=True,
        )
    print(f"mean Dice {np.mean(every):.3f}, median {np.median(every):.3f}; sign right in {right} of {len(patients)}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))

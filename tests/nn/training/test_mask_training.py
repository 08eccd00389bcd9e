"""Masks in training: moved with their pictures, read from volumes, learnt, calibrated, judged and published."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pytest
import torch

from medcore.cards import load_card
from medcore.errors import CancelledError, DataSetError
from medcore.nn.torch_engine import TorchEngine
from medcore.nn.training.augment import augment_with_masks
from medcore.nn.training.cache import cache_key, only_filler, open_cache, read_case
from medcore.nn.training.evaluate import evaluate
from medcore.nn.training.mask_cache import drawn_mask, on_network_grid, open_masks
from medcore.nn.training.mask_objective import mask_loss
from medcore.nn.training.options import Augmentation, weakened
from medcore.nn.training.pictures import list_cases
from medcore.nn.training.recipe import load_recipe, source_from
from medcore.nn.training.sources import load_format
from medcore.nn.training.train import draft_card, train
from medcore.settings import Settings
from medcore.tasks import load_task

LABELS = ("glioma", "meningioma", "pituitary", "none")
VOLUMES = {"name": "v", "folder": ".", "file": "*/*_Scan.nii.gz", "table": "Scan=Mask", "positive": ["*"]}
KINDS = ("gl", "me", "pi", "no")
RECIPE = """
task = "brain_tumour"
network = "unet"
seed = 1
draws = 24
balance = "none"
choose = "dice_mean"
views = 2

[options]
width = 4

[[sources]]
name = "heads"
folder = "heads"
column = "kind"
positive = { glioma = ["gl"], meningioma = ["me"], pituitary = ["pi"], none = ["no"] }
weight = 1.0

[[stages]]
size = 64
epochs = 1
batch = 12
learning_rate = 0.002
variation = 0.5

[card]
title = "Masks"
version = "1"
summary = "A test."
intended_use = "Tests."
training_data = []
limits = ["Knows nothing."]
licence = "Apache-2.0"
attribution = []

[card.input]
modalities = ["MR", ""]
body_parts = [""]
views = [""]
channels = 1
size = 64
min_pixels = 32

[[card.labels]]
id = "glioma"
title = "Glioma"

[[card.labels]]
id = "meningioma"
title = "Meningioma"

[[card.labels]]
id = "pituitary"
title = "Pituitary tumour"

[[card.labels]]
id = "none"
title = "No tumour"
"""


def heads(folder: Path, count: int) -> None:
    """Pictures of ovals with a bright spot and its mask; every fourth has none."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(count):
        kind = KINDS[number % 4]
        grey = np.zeros((80, 72), np.uint8)
        cv2.ellipse(grey, (36, 40), (28, 34), 0, 0, 360, 90, -1)
        grey = np.clip(grey + random.normal(0, 25, grey.shape) * (grey > 0), 0, 255).astype(np.uint8)
        mask = np.zeros_like(grey)
        if kind != "no":
            cv2.circle(mask, tuple(int(v) for v in random.integers(25, 50, 2)), 7, 255, -1)
            grey[mask > 0] = 240
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), grey)
        cv2.imwrite(str(folder / f"{number}_mask.png"), mask)
        rows.append((f"{number}.png", "" if kind == "no" else f"{number}_mask.png", kind))
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "mask", "kind"), *rows])


def test_a_model_of_masks_is_trained_published_and_evaluated(tmp_path: Path) -> None:
    heads(tmp_path / "data" / "heads", 48)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    folder = train(recipe, data=tmp_path / "data", out=tmp_path / "models" / "masks", work=tmp_path / "work" / "w")
    figures = json.loads((folder / "evaluation.json").read_text())
    overlap = {"dice_mean", "dice_median", "false_region_rate", "class_accuracy", "missed_rate"}
    assert overlap | {"hd95_px_median", "surface_dice_mean"} == set(figures["metrics"])
    card = load_card(folder)
    assert 0.3 <= card.mask.threshold <= 0.6
    assert card.familiarity is not None
    engine = TorchEngine(Settings(device="cpu"))
    again = evaluate(card, tmp_path / "data", engine).found
    assert again["metrics"] == figures["metrics"]
    table = evaluate(card, tmp_path / "data" / "heads", engine).found  # kinds are known by how they begin
    assert table["n"] == 48
    assert table["seen_in_training"] > 0
    assert sum(sum(row.values()) for row in table["confusion"].values()) == 48


def test_trainings_of_the_same_pictures_fill_their_cache_one_after_the_other(tmp_path: Path) -> None:
    heads(tmp_path / "data" / "heads", 24)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    plan = load_recipe(recipe)
    card, task, folder = draft_card(plan, tmp_path / "model"), load_task(plan.task), tmp_path / "cache"
    cases, _ = list_cases(plan.sources, tmp_path / "data", list(LABELS))

    def refuse(done: int, total: int) -> None:
        assert (done, total) == (0, 24)
        raise CancelledError("stopped")

    with only_filler(folder, cache_key(cases, task, card)), pytest.raises(CancelledError):
        open_cache(folder, cases, task=task, card=card, tell=refuse)  # waits, and can be stopped
    assert not list(folder.glob("*.seen"))

    def masks(_: int) -> np.ndarray:
        kept = open_cache(folder, cases, task=task, card=card)
        return np.array(open_masks(folder, cases, kept, task=task, card=card))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(masks, range(4)))
    assert all(np.array_equal(found[0], each) for each in found)
    assert [bool(mask.any()) for mask in found[0]] == [case.mask is not None for case in cases]


def test_a_mask_goes_where_its_picture_goes() -> None:
    picture = np.zeros((2, 64, 64), np.uint8)
    picture[0, 10:25, 30:50] = 255
    picture[1, 40:50, 8:20] = 255
    both = torch.from_numpy(picture)
    still = dict.fromkeys(("gamma", "contrast", "brightness", "noise", "blur", "erase"), 0.0)
    images, masks = augment_with_masks(both, both, Augmentation(elastic=0.05, rotate=40, **still), side=64, seed=(1, 2))
    torch.testing.assert_close(images, masks)
    assert not torch.equal(masks[:, 0] > 0.5, both > 127)


def test_weaker_variation_weakens_everything_but_the_mirror() -> None:
    weak = weakened(Augmentation(), 0.5)
    assert (weak.flip, weak.rotate, weak.gamma) == (0.5, 6.0, 0.225)
    assert weakened(weak, 1.0) is weak


def test_a_right_mask_costs_less_than_a_wrong_or_an_empty_one_and_silence_is_right_where_there_is_none() -> None:
    drawn = torch.zeros(1, 1, 32, 32)
    drawn[..., 8:20, 8:20] = 1
    right, wrong, empty = (drawn * 20 - 10), (10 - drawn * 20), torch.full_like(drawn, -10.0)
    assert mask_loss(right, drawn) < 0.01 < mask_loss(empty, drawn) < mask_loss(wrong, drawn)
    assert mask_loss(empty, torch.zeros_like(drawn)) < 0.01 < mask_loss(right, torch.zeros_like(drawn))


def volumes(folder: Path) -> None:
    for patient, first in (("a", 1), ("b", 2)):
        scan, mask = np.zeros((40, 44, 5)), np.zeros((40, 44, 5))
        scan[8:32, 6:38] = 100 + np.arange(5)
        mask[12:18, 10:20, first : first + 2] = 1
        scan[mask > 0] = 250
        (folder / patient).mkdir(parents=True)
        for name, array in (("T1_Scan", scan), ("T1_Mask", mask)):
            nib.Nifti1Image(array.astype(np.float32), np.diag([1.0, 1.0, 3.0, 1.0])).to_filename(
                folder / patient / f"{name}.nii.gz"
            )


def test_every_slice_of_a_volume_is_a_picture_with_its_mask(tmp_path: Path) -> None:
    volumes(tmp_path)
    cases = load_format("mask_volumes").cases(source_from(VOLUMES), tmp_path, LABELS)
    assert [(c.patient, c.index, c.truth.index(True)) for c in cases] == [
        ("a", 0, 3), ("a", 1, 0), ("a", 2, 0), ("a", 3, 3), ("a", 4, 3),
        ("b", 0, 3), ("b", 1, 3), ("b", 2, 0), ("b", 3, 0), ("b", 4, 3),
    ]  # fmt: skip
    scan = read_case(cases[7])
    drawn = drawn_mask(cases[7], scan.shape[1:])
    assert scan.shape == (5, 44, 40)  # the asked slice first, and the others, whose grey scale it shares
    np.testing.assert_array_equal(scan.voxels[0] > 200, drawn)
    out = source_from({**VOLUMES, "exclude": [["patient", "a"]]})
    assert {c.patient for c in load_format("mask_volumes").cases(out, tmp_path, LABELS)} == {"b"}
    wrong = source_from({**VOLUMES, "table": "Scan=Outline"})
    with pytest.raises(DataSetError, match="no mask"):
        load_format("mask_volumes").cases(wrong, tmp_path, LABELS)


def test_a_mask_on_the_networks_grid_covers_the_same_share() -> None:
    mask = np.zeros((90, 60), np.float32)
    mask[20:50, 10:40] = 1
    matrix = np.array([[1.5, 0, -3.0], [0, 1.5, -18.0], [0, 0, 1]])
    small = on_network_grid(mask, matrix, 64)
    assert small.sum() == pytest.approx(mask.sum() / 1.5**2, rel=0.01)
    assert small[int((35 + 3) / 1.5), int((25 + 18) / 1.5)] == pytest.approx(1)

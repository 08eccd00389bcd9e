"""Learn a mask and the kind of finding together: Dice, cross-entropy of pixels and of whole pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy import float32
from torch import Tensor
from torch.nn import functional

from medcore.nn.networks import CamNet
from medcore.nn.training.augment import augment_with_masks
from medcore.nn.training.objectives import VALIDATION_BATCH, Batch, Objective
from medcore.nn.training.options import weakened
from medcore.nn.training.recipe import Stage
from medcore.volume import Array

SMOOTH = 10.0  # pixels added to both sides of Dice: an empty picture is right when nothing is found, not when little is
KIND_WEIGHT = 0.5  # of the kind's cross-entropy: the mask is the task
MASK_FROM = 0.5


class Segment(Objective):
    """A mask of the finding, and one of several kinds; the card's last label is "nothing found"."""

    def batch(self, rows: Array, *, stage: Stage, seed: tuple[int, ...], device: torch.device) -> Batch:
        """Augmented; masks move with their pictures. Whole pictures only: the stage's `crop` is left out of account."""
        pictures = torch.from_numpy(self.pictures.take(rows)).to(device, non_blocking=True)
        masks = torch.from_numpy(self.pictures.take_masks(rows)).to(device, non_blocking=True)
        variation = weakened(self.recipe.augmentation, stage.variation)
        images, moved = augment_with_masks(pictures, masks, variation, side=stage.size, seed=seed)
        truth = torch.from_numpy(self.pictures.truth[rows].astype(float32)).to(device)
        return Batch(self.inputs(images), truth, masks=moved)

    def loss(self, network: CamNet, batch: Batch) -> Tensor:
        """Dice and binary cross-entropy of the mask, cross-entropy of the kind."""
        assert batch.masks is not None
        _, logits, dense = network.answer(batch.inputs)
        assert dense is not None
        smoothing = self.recipe.options.label_smoothing
        kind = functional.cross_entropy(logits.float(), batch.truth, label_smoothing=smoothing)
        return mask_loss(dense.float(), batch.masks) + KIND_WEIGHT * kind

    def validate(self, network: CamNet, *, side: int, device: torch.device) -> Mapping[str, float]:
        """Mean Dice where there is a finding, share of clean pictures with a false region, accuracy of the kind."""
        rows = self.pictures.part("validation")
        dice, false, right, losses = [], [], [], []
        with torch.inference_mode():
            for start in range(0, len(rows), VALIDATION_BATCH):
                part = rows[start : start + VALIDATION_BATCH]
                masks = self._masks(part, side=side, device=device)
                _, logits, dense = network.answer(self.plain(part, side=side, device=device))
                assert dense is not None
                losses += [mask_loss(dense.float(), masks).item()] * len(part)
                truth = torch.from_numpy(self.pictures.truth[part].argmax(axis=1)).to(device)
                kind = logits.float().argmax(dim=1)
                right += (kind == truth).tolist()
                found = (dense.sigmoid() > MASK_FROM) & (kind != logits.shape[1] - 1)[:, None, None, None]
                for own, drawn in zip(found.flatten(1), (masks > MASK_FROM).flatten(1), strict=True):
                    if drawn.any():
                        dice.append(2 * float((own & drawn).sum()) / float(own.sum() + drawn.sum()))
                    else:
                        false.append(bool(own.any()))
        return {
            "loss": float(np.mean(losses)),
            "dice_mean": float(np.mean(dice)),
            "dice_median": float(np.median(dice)),
            "false_region_rate": float(np.mean(false)) if false else float("nan"),
            "class_accuracy": float(np.mean(right)),
        }

    def _masks(self, rows: Array, *, side: int, device: torch.device) -> Tensor:
        masks = torch.from_numpy(self.pictures.take_masks(rows)).to(device)[:, None].float() / 255
        if side != masks.shape[-1]:
            masks = functional.interpolate(masks, size=(side, side), mode="area")
        return masks


def mask_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Binary cross-entropy of pixels plus one less the soft Dice of each picture (Milletari et al. 2016), the mean."""
    pixels = functional.binary_cross_entropy_with_logits(logits, masks)
    found, drawn = logits.sigmoid().flatten(1), masks.flatten(1)
    shared = (found * drawn).sum(dim=1)
    dice = (2 * shared + SMOOTH) / (found.sum(dim=1) + drawn.sum(dim=1) + SMOOTH)
    return pixels + (1 - dice).mean()

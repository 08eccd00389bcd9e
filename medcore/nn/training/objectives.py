"""What a network learns to do: tell whole pictures apart, or draw boxes; batches, loss and validation of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy import float32, float64, uint8
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from medcore.evaluation.boxes import BoxAnswers, average_precision
from medcore.evaluation.classification import area_under_curve
from medcore.nn.networks import CamNet
from medcore.nn.training.augment import augment
from medcore.nn.training.breaks import break_bones
from medcore.nn.training.options import weakened
from medcore.nn.training.pictures import Pictures
from medcore.nn.training.recipe import Recipe, Stage
from medcore.tasks import Task
from medcore.tasks._boxes import best_boxes, decode_boxes
from medcore.volume import Array

LEVEL_STRIDE = 8  # pixels of a detector's cell
AIMED = 0.75  # of the parts of a picture with boxes that show one of them
KEPT_SHARE = 0.3  # of a box's area that must lie inside for it to count
TRIES = 16  # places looked at for one that is not black
BLACK = 25  # grey value of 255
VALIDATION_BATCH = 32


class Batch(NamedTuple):
    """Network inputs (B, C, side, side), soft answers (B, labels), and for a detector boxes (B, M, 4) in pixels.

    Rows of `boxes` beyond a picture's own are not finite; `drawn` (B,) is False where nobody drew any. A named tuple,
    as Fabric takes no frozen record apart.
    """

    inputs: Tensor
    truth: Tensor
    boxes: Tensor | None = None
    drawn: Tensor | None = None
    masks: Tensor | None = None  # (B, 1, side, side) in 0..1


class Objective(ABC):
    """Batches, loss and validation metrics of one kind of answer."""

    def __init__(self, recipe: Recipe, pictures: Pictures, task: Task) -> None:
        self.recipe, self.pictures, self.task = recipe, pictures, task
        self.channels = int(recipe.card["input"]["channels"])

    @abstractmethod
    def batch(self, rows: Array, *, stage: Stage, seed: tuple[int, ...], device: torch.device) -> Batch:
        """An augmented batch of training pictures, or of parts of them where the stage says so."""

    @abstractmethod
    def loss(self, network: CamNet, batch: Batch) -> Tensor:
        """The mean loss."""

    @abstractmethod
    def validate(self, network: CamNet, *, side: int, device: torch.device) -> Mapping[str, float]:
        """Metrics on the validation split; "loss" is among them."""

    def inputs(self, images: Tensor) -> Tensor:
        """Pictures (B, 1, side, side) in 0..1 as the task gives them to the network."""
        scaled = (images - self.task.mean) / self.task.spread
        wide = scaled.expand(-1, self.channels, -1, -1)
        return wide.contiguous(memory_format=torch.channels_last)

    def plain(self, rows: Array, *, side: int, device: torch.device) -> Tensor:
        """Network inputs of pictures as they are."""
        images = torch.from_numpy(self.pictures.take(rows)).to(device)[:, None].float() / 255
        if side != images.shape[-1]:
            images = functional.interpolate(images, size=(side, side), mode="area")
        return self.inputs(images)


class Classify(Objective):
    """One logit a label, by cross-entropy on soft answers, with focus on hard pictures when asked."""

    def batch(self, rows: Array, *, stage: Stage, seed: tuple[int, ...], device: torch.device) -> Batch:
        """Augmented, smoothed, blended or pasted; boxes answer for a part of a picture."""
        options = self.recipe.options
        images, truth, _, _ = self.varied(rows, stage=stage, seed=seed, device=device)
        truth = truth * (1 - options.label_smoothing) + options.label_smoothing / 2
        images, truth = mix(images, truth, mixup=options.mixup, cutmix=options.cutmix, seed=seed)
        return Batch(self.inputs(images), truth)

    def varied(
        self, rows: Array, *, stage: Stage, seed: tuple[int, ...], device: torch.device
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Augmented pictures (B, 1, s, s), hard answers (B, labels), boxes (B, M, 4) in pixels, and whether any could
        be drawn (B,)."""
        taken = self.pictures.take(rows)
        drawn = [self.pictures.boxes[i] for i in rows]
        shares = _stacked(drawn).to(device)
        boxes = torch.empty(0)

        def between(images: Tensor, matrices: Tensor) -> Tensor:
            nonlocal boxes
            side = images.shape[-1]
            boxes = move_boxes(shares, matrices) * side
            if stage.breaks > 0:
                images, boxes = _with_breaks(images, boxes, share=stage.breaks, seed=hash((*seed, 3)) & (2**63 - 1))
            return images

        images, _ = augment(
            torch.from_numpy(taken).to(device, non_blocking=True),
            weakened(self.recipe.augmentation, stage.variation),
            side=stage.size,
            seed=seed,
            crop=stage.crop,
            aims=torch.from_numpy(aim(taken, drawn, seed)) if stage.crop else None,
            between=between,
            grey=self._exposures(rows).to(device),
        )
        known = torch.tensor([b is not None for b in drawn], device=device)
        truth = torch.from_numpy(self.pictures.truth[rows].astype(float32)).to(device)
        if stage.crop or stage.breaks:
            shown = torch.isfinite(boxes).all(dim=2).any(dim=1).float()
            truth[known, 0] = shown[known]
        return images, truth, boxes, known

    def _exposures(self, rows: Array) -> Tensor:
        """How much of the variation of exposure each picture's source asks for (B,)."""
        wanted = np.array([source.exposure for source in self.recipe.sources], dtype=float32)
        return torch.from_numpy(wanted[self.pictures.source[rows]])

    def loss(self, network: CamNet, batch: Batch) -> Tensor:
        """Binary cross-entropy, focal by the recipe's exponent (Lin et al. 2017)."""
        return focal_loss(network(batch.inputs).float(), batch.truth, self.recipe.options.focal)

    def validate(self, network: CamNet, *, side: int, device: torch.device) -> Mapping[str, float]:
        """The loss, the accuracy at one half, and the AUC: the mean over sources that have both answers."""
        rows = self.pictures.part("validation")
        return self.whole(self.logits(network, rows, side=side, device=device), rows)

    def whole(self, logits: NDArray[float64], rows: Array) -> dict[str, float]:
        """Metrics of whole pictures from their logits (N, labels)."""
        truth = self.pictures.truth[rows]
        found = {"loss": _cross_entropy(logits, truth), "accuracy": float(((logits > 0) == truth).mean())}
        areas = _areas(logits[:, 0], truth[:, 0], self.pictures.source[rows])
        if areas:
            found["auc"] = float(np.mean(areas))
        return found

    def logits(self, network: CamNet, rows: Array, *, side: int, device: torch.device) -> NDArray[float64]:
        """Logits (N, labels) of pictures as they are."""
        found = []
        with torch.inference_mode():
            for start in range(0, len(rows), VALIDATION_BATCH):
                batch = self.plain(rows[start : start + VALIDATION_BATCH], side=side, device=device)
                found.append(network(batch).float().cpu().numpy())
        return np.concatenate(found).astype(float64) if found else np.zeros((0, 1))


class Detect(Classify):
    """A logit and four distances for each cell, and the logit of the whole picture beside them."""

    def batch(self, rows: Array, *, stage: Stage, seed: tuple[int, ...], device: torch.device) -> Batch:
        """Augmented; boxes move with their pictures (bending, which is slight, is left out of account)."""
        images, truth, moved, known = self.varied(rows, stage=stage, seed=seed, device=device)
        return Batch(self.inputs(images), truth, moved, known)

    def loss(self, network: CamNet, batch: Batch) -> Tensor:
        """Focal loss of the cells, generalised IoU of the boxes, cross-entropy of the whole picture."""
        assert batch.boxes is not None and batch.drawn is not None
        maps = network.trunk(batch.inputs)
        dense = network.locate(maps)
        assert dense is not None
        whole = functional.binary_cross_entropy_with_logits(network.classify(maps).float(), batch.truth)
        cells, edges = box_losses(dense.float()[batch.drawn], batch.boxes[batch.drawn], side=batch.inputs.shape[-1])
        return whole + cells + edges

    def validate(self, network: CamNet, *, side: int, device: torch.device) -> Mapping[str, float]:
        """What a classifier says, and the average precision at IoU 0.5, from one pass over each picture."""
        rows = self.pictures.part("validation")
        logits, boxes, scores, drawn = [], [], [], []
        with torch.inference_mode():
            for start in range(0, len(rows), VALIDATION_BATCH):
                part = rows[start : start + VALIDATION_BATCH]
                maps = network.trunk(self.plain(part, side=side, device=device))
                logits.append(network.classify(maps).float().cpu().numpy())
                dense = network.locate(maps)
                assert dense is not None
                for row, answer in zip(part, dense.float().cpu().numpy(), strict=True):
                    own = self.pictures.boxes[int(row)]
                    if own is None:
                        continue
                    places, found = _found_boxes(answer, side)
                    boxes.append(places)
                    scores.append(found)
                    drawn.append(np.asarray(own))
        known = self.whole(np.concatenate(logits).astype(float64) if logits else np.zeros((0, 1)), rows)
        answers = BoxAnswers(drawn, boxes, scores, np.arange(len(drawn)))
        known["map50"] = average_precision(answers, rounds=0).value if drawn else float("nan")
        if "auc" in known:
            known["auc_map50"] = (known["auc"] + known["map50"]) / 2
        return known


def _found_boxes(dense: NDArray[float32], side: int) -> tuple[Array, NDArray[float64]]:
    """The best boxes of one picture (K, 4) as shares of its square, and their logits (K,)."""
    logits, places = decode_boxes(dense[[0, -4, -3, -2, -1]], side=side)
    kept = best_boxes(places, logits.astype(float64), most=20, least=-6.0)
    return places[kept] / side, logits[kept].astype(float64)


def _stacked(drawn: list[Array | None]) -> Tensor:
    """Boxes of pictures (B, M, 4), not finite beyond a picture's own."""
    most = max((len(b) for b in drawn if b is not None), default=0)
    boxes = np.full((len(drawn), max(1, most), 4), np.nan, dtype=float32)
    for row, own in enumerate(drawn):
        if own is not None:
            boxes[row, : len(own)] = own
    return torch.from_numpy(boxes)


def _with_breaks(images: Tensor, boxes: Tensor, *, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures of which some without a box have got an artificial break, and the boxes with theirs."""
    whole = torch.nonzero(~torch.isfinite(boxes).all(dim=2).any(dim=1))[:, 0]
    images, boxes = images.clone(), boxes.clone()
    images[whole], boxes[whole, 0] = break_bones(images[whole], share=share, seed=seed)
    return images, boxes


def focal_loss(logits: Tensor, truth: Tensor, gamma: float) -> Tensor:
    """Mean binary cross-entropy of soft answers, weighed by (1 − p of the answer) ** gamma."""
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    if gamma > 0:
        surprise = (logits.sigmoid() - truth).abs()
        loss = loss * surprise**gamma
    return loss.mean()


def mix(images: Tensor, truth: Tensor, *, mixup: float, cutmix: float, seed: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Blend each picture with another of the batch (arXiv:1710.09412), or paste a part of it (arXiv:1905.04899)."""
    if mixup <= 0 and cutmix <= 0:
        return images, truth
    random = np.random.default_rng([abs(s) for s in seed] + [1])
    other = torch.from_numpy(random.permutation(len(images))).to(images.device)
    paste = cutmix > 0 and (mixup <= 0 or random.random() < 0.5)
    strength = cutmix if paste else mixup
    share = float(random.beta(strength, strength))
    if paste:
        side = images.shape[-1]
        length = round(side * (1 - share) ** 0.5)
        top, left = (int(random.integers(0, side - length + 1)) for _ in range(2))
        images = images.clone()
        area = (slice(None), slice(None), slice(top, top + length), slice(left, left + length))
        images[area] = images[other][area]
        share = 1 - (length / side) ** 2
    else:
        images = share * images + (1 - share) * images[other]
    return images, share * truth + (1 - share) * truth[other]


def aim(pictures: NDArray[uint8], boxes: list[Array | None], seed: tuple[int, ...]) -> NDArray[float32]:
    """Where to look in each picture (B, S, S): x and y (B, 2) from −1 to 1, at a box or anywhere that is not black."""
    random = np.random.default_rng([abs(s) for s in seed] + [2])
    found = np.zeros((len(pictures), 2), dtype=float32)
    side = pictures.shape[-1]
    for row, (picture, own) in enumerate(zip(pictures, boxes, strict=True)):
        if own is not None and len(own) and random.random() < AIMED:
            top, left, bottom, right = own[random.integers(len(own))]
            found[row] = (left + right - 1, top + bottom - 1)
            continue
        places = random.integers(0, side, (TRIES, 2))
        bright = np.flatnonzero(picture[places[:, 1], places[:, 0]] > BLACK)
        found[row] = (places[bright[0] if len(bright) else 0] + 0.5) / side * 2 - 1
    return found


def move_boxes(boxes: Tensor, matrices: Tensor) -> Tensor:
    """Boxes (B, M, 4) top, left, bottom, right as shares of the square, where the pictures' matrices put them.

    The ellipse within each box is carried over and the box around it, cut at the square, is taken: the box around the
    turned corners would grow with every turn, and a network learn boxes that are too large. A box of which less than
    KEPT_SHARE is left is not.
    """
    top, left, bottom, right = (2 * boxes - 1).unbind(-1)
    back = torch.linalg.inv(matrices[:, :, :2].float())
    middle = torch.stack([left + right, top + bottom], dim=-1) / 2 - matrices[:, None, :, 2]
    radii = torch.stack([right - left, bottom - top], dim=-1) / 2
    middle = torch.einsum("bij,bmj->bmi", back, middle)
    reach = torch.einsum("bij,bmj->bmi", back**2, radii**2).sqrt()
    low, high = (middle - reach).clamp(-1, 1), (middle + reach).clamp(-1, 1)
    whole = (2 * reach).prod(dim=-1, keepdim=True)
    inside = ((high - low) > 0.01).all(dim=-1, keepdim=True)
    inside &= (high - low).prod(dim=-1, keepdim=True) >= KEPT_SHARE * whole
    found = (torch.stack([low[..., 1], low[..., 0], high[..., 1], high[..., 0]], dim=-1) + 1) / 2
    return torch.where(inside, found, torch.nan)


def box_losses(dense: Tensor, boxes: Tensor, *, side: int) -> tuple[Tensor, Tensor]:
    """Losses of the cells' logits and of their boxes.

    The target of a logit falls off like a Gauss around the centre of a drawn box (CenterNet, arXiv:1904.07850); the
    cells next to a centre answer for its edges, by the generalised IoU (arXiv:1902.09630).
    """
    if not len(dense):
        return dense.sum(), dense.sum()
    height, width = dense.shape[2:]
    cell = side / height
    known = torch.isfinite(boxes).all(dim=-1)
    inside = torch.nan_to_num(boxes) / cell
    rows = (torch.arange(height, device=dense.device) + 0.5)[None, None, :, None]
    columns = (torch.arange(width, device=dense.device) + 0.5)[None, None, None, :]
    top, left, bottom, right = (v[..., None, None] for v in inside.unbind(-1))
    down, across = rows - (top + bottom) / 2, columns - (left + right) / 2
    spread_down, spread_across = ((bottom - top) / 6).clamp(min=0.6), ((right - left) / 6).clamp(min=0.6)
    heat = torch.exp(-(down**2) / (2 * spread_down**2) - across**2 / (2 * spread_across**2)) * known[..., None, None]
    target = heat.amax(dim=1)
    near = (down.abs() <= 0.75) & (across.abs() <= 0.75) & known[..., None, None]
    target = torch.where(near.any(dim=1), 1.0, target)
    count = near.any(dim=1).sum().clamp(min=1)
    cells = _centre_loss(dense[:, 0], target) / count
    picture, box, row, column = torch.nonzero(near, as_tuple=True)
    if not len(picture):
        return cells, dense[:, 1:].sum() * 0
    distances = dense[picture, -4:, row, column]
    point = torch.stack([row + 0.5, column + 0.5], dim=1).to(distances)
    found = torch.cat([point - distances[:, :2], point + distances[:, 2:]], dim=1)
    return cells, (1 - generalised_iou(found, inside[picture, box])).mean()


def _centre_loss(logits: Tensor, target: Tensor) -> Tensor:
    """CenterNet's focal loss, equation 1, summed over the cells."""
    log_yes, log_no = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    yes, centre = logits.sigmoid(), target >= 1.0
    here = (1 - yes) ** 2 * log_yes
    elsewhere = (1 - target) ** 4 * yes**2 * log_no
    return -torch.where(centre, here, elsewhere).sum()


def generalised_iou(found: Tensor, drawn: Tensor) -> Tensor:
    """Of pairs of boxes (N, 4): 1 for equal ones, down to −1 for ones far apart."""
    low, high = torch.maximum(found[:, :2], drawn[:, :2]), torch.minimum(found[:, 2:], drawn[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=1)
    whole = sum((b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=1) for b in (found, drawn)) - shared
    around_low, around_high = torch.minimum(found[:, :2], drawn[:, :2]), torch.maximum(found[:, 2:], drawn[:, 2:])
    around = (around_high - around_low).prod(dim=1)
    return shared / (whole + 1e-7) - (around - whole) / (around + 1e-7)


def _cross_entropy(logits: NDArray[float64], truth: Array) -> float:
    return float(np.logaddexp(0, np.where(truth, -logits, logits)).mean())


def _areas(score: NDArray[float64], truth: Array, source: Array) -> list[float]:
    parts = [np.flatnonzero(source == s) for s in np.unique(source)]
    return [area_under_curve(truth[p], score[p]) for p in parts if truth[p].any() and not truth[p].all()]

"""Breaks drawn into radiographs of whole bones: a step in the outline and a line, as fractures look, with its box."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

BRIGHT, WHITE, BLACK = 0.2, 0.95, 0.02  # grey values, of 1: bone lies between the first two
LEAST = 0.02  # how much brighter than its surroundings bone is
KNOTS = 12  # of the jagged line
CANDIDATES = 256  # places looked at in each picture; the one most like bone is taken


def break_bones(images: Tensor, *, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Break a bone in some pictures.

    One side of a jagged line across the bone is moved along and across it by a few pixels, less and less with the
    distance, and the line itself is darkened (a gap) or brightened (an overlap).

    Args:
        images: (B, 1, H, W) in 0..1.
        share: Of the pictures to be changed.

    Returns:
        The pictures, and for each its box (B, 4) top, left, bottom, right in pixels, not finite where nothing changed.
    """
    random = torch.Generator().manual_seed(seed)
    boxes = torch.full((len(images), 4), math.nan, device=images.device)
    chosen = torch.nonzero(torch.rand(len(images), generator=random) < share)[:, 0].tolist()
    changed = images.clone()
    for row in chosen:
        found = _break(images[row, 0], random)
        if found is not None:
            changed[row, 0], boxes[row] = found[0], found[1].to(images.device)
    return changed, boxes


def _break(image: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor] | None:
    """One picture (H, W) broken at its most bone-like place of some, and the box; None where nothing is bright."""
    height, width = image.shape
    fine, coarse = _smooth(image, 2.0), _smooth(image, 10.0)
    places = torch.rand(CANDIDATES, 2, generator=random) * torch.tensor([height - 40.0, width - 40.0]) + 20
    rows, columns = places.long().unbind(1)
    black = _smooth((image < BLACK).float(), 6.0)[rows, columns]  # collimated or padded: no place for a bone
    grey = fine[rows, columns]
    fit = (grey > BRIGHT) & (grey < WHITE) & (black < 0.02)
    bone = (fine - coarse)[rows, columns] * fit
    best = bone.topk(16).indices
    place = int(best[int(torch.randint(16, (1,), generator=random))])
    if bone[place] < LEAST:
        return None
    row, column = int(rows[place]), int(columns[place])
    axis = _axis(fine, row, column) + math.radians(_between(random, -35, 35))
    return _displace(image, row, column, axis, random)


def _displace(image: Tensor, row: int, column: int, axis: float, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """The picture with its bone broken at a place, and the box; only the surroundings are computed."""
    height, width = image.shape
    reach = _between(random, 7, 20)  # half the length of the line, about half the bone's width
    half = math.ceil(3.2 * reach)
    top, left = max(row - half, 0), max(column - half, 0)
    part = image[top : row + half + 1, left : column + half + 1]
    rows, columns = part.shape
    y, x = torch.meshgrid(
        torch.arange(rows, device=image.device) + float(top - row),
        torch.arange(columns, device=image.device) + float(left - column),
        indexing="ij",
    )
    along, across = x * math.cos(axis) + y * math.sin(axis), -x * math.sin(axis) + y * math.cos(axis)
    jags = torch.randn(1, 1, KNOTS, generator=random).to(image.device) * _between(random, 0.2, 2.5)
    curve = functional.interpolate(jags, size=2 * int(2 * reach) + 1, mode="linear", align_corners=True)[0, 0]
    distance = along - curve[(across + 2 * reach).round().long().clamp(0, len(curve) - 1)]
    near = torch.exp(-((across / reach) ** 4)) * torch.exp(-((along / (1.8 * reach)) ** 2))
    side = torch.sigmoid(distance / 0.4) * near
    turn = math.radians(_between(random, -14, 14))
    move_along = side * (_between(random, -2.0, 2.5) - turn * across)
    move_across = side * (_signed(random, 0.3, 4.5) + turn * along)
    dx = move_along * math.cos(axis) - move_across * math.sin(axis)
    dy = move_along * math.sin(axis) + move_across * math.cos(axis)
    grid = torch.stack(
        [(x + column - left - dx + 0.5) * 2 / columns - 1, (y + row - top - dy + 0.5) * 2 / rows - 1], dim=-1
    )
    moved = functional.grid_sample(part[None, None], grid[None], padding_mode="border", align_corners=False)[0, 0]
    depth, thick = _between(random, -0.12, 0.3), _between(random, 0.5, 1.8)
    line = depth * torch.exp(-(distance**2) / (2 * thick**2)) * torch.exp(-((across / (0.8 * reach)) ** 4))
    broken = image.clone()
    broken[top : row + half + 1, left : column + half + 1] = moved * (1 - line)
    wide, high = _box_sides(reach, axis, random)
    box = torch.tensor([row - high, column - wide, row + high, column + wide])
    return broken, box.clamp(min=0).minimum(torch.tensor([height, width, height, width]).float())


def _box_sides(reach: float, axis: float, random: torch.Generator) -> tuple[float, float]:
    """Half width and height of the box around a line of a length, in pixels, with the margin a reader leaves."""
    margin = _between(random, 2, 6)
    return reach * 0.8 * abs(math.sin(axis)) + margin + 2, reach * 0.8 * abs(math.cos(axis)) + margin + 2


def _axis(image: Tensor, row: int, column: int) -> float:
    """Direction of the bone at a place, in radians from the columns' axis: along the weakest gradients around it."""
    part = image[max(row - 12, 0) : row + 13, max(column - 12, 0) : column + 13]
    down, right = torch.gradient(part)
    return 0.5 * math.atan2(float(2 * (down * right).sum()), float((right**2 - down**2).sum())) + math.pi / 2


def _smooth(image: Tensor, sigma: float) -> Tensor:
    """A Gauss of some pixels, made of two equal box filters."""
    side = 2 * round(sigma * 1.2) + 1
    batch = image[None, None]
    for size, room in (((side, 1), (side // 2, 0)), ((1, side), (0, side // 2))) * 2:
        batch = functional.avg_pool2d(batch, size, stride=1, padding=room, count_include_pad=False)
    return batch[0, 0]


def _between(random: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=random))


def _signed(random: torch.Generator, low: float, high: float) -> float:
    return _between(random, low, high) * (1 if _between(random, -1, 1) > 0 else -1)

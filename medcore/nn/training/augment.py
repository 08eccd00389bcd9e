"""Variations of a batch of pictures on the device, drawn from one seeded generator on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from medcore.nn.training.jpeg import jpeg_like
from medcore.nn.training.options import Augmentation

COARSE = 5  # cells a side of the fields that bend and shade
KNOTS = 6  # of a random grey curve

Between = Callable[[Tensor, Tensor], Tensor]


class Dice:
    """Random numbers for one batch, the same on every device."""

    def __init__(self, seed: tuple[int, ...], count: int, device: torch.device) -> None:
        self._random = torch.Generator().manual_seed(hash(seed) & (2**63 - 1))
        self._count, self._device = count, device

    def between(self, low: float, high: float, *shape: int) -> Tensor:
        """(count, *shape) even between two values."""
        return (low + (high - low) * torch.rand(self._count, *shape, generator=self._random)).to(self._device)

    def normal(self, *shape: int) -> Tensor:
        """(count, *shape) normal."""
        return torch.randn(self._count, *shape, generator=self._random).to(self._device)

    def some(self, share: float) -> Tensor:
        """Row numbers, each with a probability."""
        return torch.nonzero(torch.rand(self._count, generator=self._random) < share)[:, 0].to(self._device)


def augment(
    pictures: Tensor,
    options: Augmentation,
    *,
    side: int,
    seed: tuple[int, ...],
    crop: int = 0,
    aims: Tensor | None = None,
    between: Between | None = None,
    grey: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Vary pictures (B, S, S) in 0..1 or bytes.

    Args:
        side: Of the varied picture in pixels.
        crop: Side of the part of it that is taken, in pixels; 0 takes the whole.
        aims: (B, 2) x and y from −1 to 1 over the old picture, which the part must show; by default its middle.
        between: What else is done to the pictures when they lie as they will, before their grey values vary; it is
            given them and their matrices.
        grey: (B,) factor of the changes of each picture's grey values; by default 1.

    Returns:
        (B, 1, side or crop, the same) in 0..1, and the matrices (B, 2, 3) that map the new picture's (x, y, 1), each
        from −1 to 1 over the square, to the old one's; bending comes on top of them.
    """
    dice = Dice(seed, len(pictures), pictures.device)
    images, matrices = _place(_unit(pictures)[:, None], dice, options, side=side, crop=crop, aims=aims)
    if between is not None:
        images = between(images, matrices)
    return _grey(images, dice, options, much=grey).clamp_(0, 1), matrices


def augment_with_masks(
    pictures: Tensor, masks: Tensor, options: Augmentation, *, side: int, seed: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Vary pictures and masks (B, S, S), in 0..1 or bytes, so that a mask stays with its finding, bending included.

    Returns:
        Pictures and masks (B, 1, side, side) in 0..1; a mask's pixel says how much of it belongs to the finding.
    """
    dice = Dice(seed, len(pictures), pictures.device)
    both = torch.stack([_unit(pictures), _unit(masks)], dim=1)
    both, _ = _place(both, dice, options, side=side, crop=0, aims=None)
    return _grey(both[:, :1].clone(), dice, options).clamp_(0, 1), both[:, 1:].contiguous()


def _unit(pictures: Tensor) -> Tensor:
    return pictures.float() / (255 if pictures.dtype is torch.uint8 else 1)


def _place(
    images: Tensor, dice: Dice, options: Augmentation, *, side: int, crop: int, aims: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Pictures (B, C, S, S) moved, and the matrices of `augment`."""
    if side < images.shape[-1]:
        images = functional.interpolate(images, size=(side, side), mode="area")
    matrices = _matrices(dice, options)
    if 0 < crop < side:
        matrices = _zoom(matrices, dice, crop / side, aims)
        side = crop
    grid = _grid(matrices, side)
    if options.elastic > 0:
        field = dice.normal(2, COARSE, COARSE) * options.elastic
        grid = grid + _spread(field, side).permute(0, 2, 3, 1)
    moved = functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved, matrices


def _grid(matrices: Tensor, side: int) -> Tensor:
    """Where each new pixel lies on the old picture (B, side, side, 2): affine_grid, four times as fast."""
    centres = (2 * torch.arange(side, device=matrices.device, dtype=matrices.dtype) + 1) / side - 1
    across = matrices[:, None, :, 0] * centres[:, None]
    down = matrices[:, None, :, 1] * centres[:, None] + matrices[:, None, :, 2]
    return across[:, None] + down[:, :, None]


def _matrices(dice: Dice, options: Augmentation) -> Tensor:
    """Mirror, turn, size, aspect, shift, as one matrix a picture."""
    angle = dice.between(-1, 1) * math.radians(options.rotate)
    size = dice.between(-options.scale, options.scale).exp()
    stretch = (dice.between(-options.stretch, options.stretch) / 2).exp()
    mirror = torch.where(dice.between(0, 1) < options.flip, -1.0, 1.0)
    shift = dice.between(-2 * options.shift, 2 * options.shift, 2)
    cos, sin = angle.cos(), angle.sin()
    across, down = mirror / (size * stretch), stretch / size
    rows = [
        torch.stack([cos * across, -sin * down, shift[:, 0]], 1),
        torch.stack([sin * across, cos * down, shift[:, 1]], 1),
    ]
    return torch.stack(rows, dim=1)


def _zoom(matrices: Tensor, dice: Dice, share: float, aims: Tensor | None) -> Tensor:
    """Matrices of a part of the new picture, `share` of its side, that shows the aims somewhere off its edge."""
    linear, shift = matrices[:, :, :2], matrices[:, :, 2]
    aims = torch.zeros_like(shift) if aims is None else aims.to(shift)
    place = torch.linalg.solve(linear, (aims - shift)[:, :, None])[:, :, 0]
    middle = (place + dice.between(-0.7, 0.7, 2) * share).clamp(share - 1, 1 - share)
    moved = shift + torch.einsum("bij,bj->bi", linear, middle)
    return torch.cat([linear * share, moved[:, :, None]], dim=2)


def _grey(images: Tensor, dice: Dice, options: Augmentation, *, much: Tensor | None = None) -> Tensor:
    """All that changes grey values, in the order in which an imaging chain would."""
    images = _exposed(images, dice, options, torch.ones(len(images), device=images.device) if much is None else much)
    for share, change in ((options.blur, _blur), (options.resolution, _coarsen), (options.noise, _noise)):
        rows = dice.some(share)
        strength = dice.between(0, 1)
        if len(rows):
            images[rows] = change(images[rows], strength[rows])
    rows, quality = dice.some(options.jpeg), dice.between(25, 90)
    if len(rows):
        images[rows] = jpeg_like(images[rows].clamp(0, 1), quality[rows])
    return _erase(images, dice, options.erase)


def _exposed(images: Tensor, dice: Dice, options: Augmentation, much: Tensor) -> Tensor:
    """What shading, window, film curve and exposure change, `much` (B,) of it."""
    if options.bias_field > 0:
        field = dice.normal(1, 3, 3) * options.bias_field / 2 * _wide(much)
        images = images * _spread(field, images.shape[-1]).exp()
    if options.window > 0:
        low, high = dice.between(0, options.window) * much, 1 - dice.between(0, options.window) * much
        images = ((images - _wide(low)) / _wide(high - low)).clamp(0, 1)
    if options.gamma > 0:
        images = images.clamp(1e-4, 1) ** _wide((dice.between(-options.gamma, options.gamma) * much).exp())
    if options.curve > 0:
        images = _curve(images, dice, options.curve * much)
    if options.contrast > 0 or options.brightness > 0:
        gain = 1 + dice.between(-options.contrast, options.contrast) * much
        images = images * _wide(gain) + _wide(dice.between(-options.brightness, options.brightness) * much)
    return images


def _blur(images: Tensor, strength: Tensor) -> Tensor:
    """Gauss of 0.4 to 1.4 pixels."""
    sigma = 0.4 + strength
    offsets = torch.arange(-3, 4, device=images.device)
    kernel = torch.exp(-(offsets**2) / (2 * sigma[:, None] ** 2))
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    batch = images.transpose(0, 1)
    batch = functional.conv2d(batch, kernel[:, None, :, None], padding=(3, 0), groups=len(images))
    return functional.conv2d(batch, kernel[:, None, None, :], padding=(0, 3), groups=len(images)).transpose(0, 1)


def _coarsen(images: Tensor, strength: Tensor) -> Tensor:
    """Made 1 to 3 times coarser and back."""
    side = images.shape[-1]
    done = []
    for image, amount in zip(images, strength.tolist(), strict=True):
        small = functional.interpolate(image[None], size=max(8, round(side / (1 + 2 * amount))), mode="area")
        done.append(functional.interpolate(small, size=(side, side), mode="bilinear", align_corners=False))
    return torch.cat(done)


def _noise(images: Tensor, strength: Tensor) -> Tensor:
    """Gaussian noise of up to 5 %."""
    seed = int((float(strength.sum()) % 1) * 2**31)
    random = torch.Generator(images.device).manual_seed(seed)
    return images + _wide(0.005 + 0.045 * strength) * torch.randn(
        images.shape, generator=random, device=images.device, dtype=images.dtype
    )


def _curve(images: Tensor, dice: Dice, strength: Tensor) -> Tensor:
    """A random rising curve through KNOTS points, blended with the straight line; strength (B,)."""
    steps = dice.between(0.05, 1, KNOTS - 1)
    heights = functional.pad(steps.cumsum(1) / steps.sum(1, keepdim=True), (1, 0))
    line = torch.linspace(0, 1, KNOTS, device=images.device)
    heights = line + strength[:, None] * (heights - line)
    place = images.clamp(0, 1) * (KNOTS - 1)
    lower = place.floor().clamp(max=KNOTS - 2)
    flat = lower.long().flatten(1)
    below, above = heights.gather(1, flat), heights.gather(1, flat + 1)
    return (below + (place - lower).flatten(1) * (above - below)).view_as(images)


def _erase(images: Tensor, dice: Dice, share: float) -> Tensor:
    """Grey out a rectangle of a twelfth to a quarter of the side, so that no single marker or corner decides."""
    rows = dice.some(share)
    side = images.shape[-1]
    size, place, grey = dice.between(side / 12, side / 4, 2), dice.between(0, 1, 2), dice.between(0, 1)
    for row in rows.tolist():
        height, width = (int(v) for v in size[row])
        top, left = (int(p * (side - s)) for p, s in zip(place[row].tolist(), (height, width), strict=True))
        images[row, :, top : top + height, left : left + width] = grey[row]
    return images


def _spread(field: Tensor, side: int) -> Tensor:
    """A coarse field (B, C, k, k) on the picture's grid, smoothly."""
    return functional.interpolate(field, size=(side, side), mode="bicubic", align_corners=False)


def _wide(values: Tensor) -> Tensor:
    return values[:, None, None, None]

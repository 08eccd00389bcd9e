"""Training on parts of pictures: the part shows what it aims at, boxes move with it, half-hidden ones don't count."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from medcore.nn.training.augment import _grid, augment
from medcore.nn.training.objectives import AIMED, BLACK, aim, move_boxes
from medcore.nn.training.options import Augmentation

STILL = Augmentation(**{f.name: 0 for f in fields(Augmentation)})
TURNED = Augmentation(**{**{f.name: 0 for f in fields(Augmentation)}, "rotate": 25.0, "flip": 0.5, "scale": 0.2})


def spotted(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Black pictures of 128 pixels with one bright square of 8 each, and its middles (x, y) from −1 to 1."""
    random = np.random.default_rng(1)
    pictures, middles = torch.zeros(count, 128, 128, dtype=torch.uint8), torch.zeros(count, 2)
    for i, (row, column) in enumerate(random.integers(40, 80, (count, 2))):
        pictures[i, row : row + 8, column : column + 8] = 255
        middles[i] = torch.tensor([column + 4.0, row + 4.0]) / 64 - 1
    return pictures, middles


def test_a_part_shows_what_it_aims_at_at_the_same_scale_and_its_box_lies_on_it() -> None:
    pictures, middles = spotted(16)
    images, matrices = augment(pictures, TURNED, side=128, seed=(3,), crop=48, aims=middles)
    assert images.shape == (16, 1, 48, 48)
    x, y = middles.unbind(1)
    boxes = ((torch.stack([y, x, y, x], 1) + 1) / 2 + torch.tensor([-4, -4, 4, 4]) / 128)[:, None]
    for image, box in zip(images[:, 0], move_boxes(boxes, matrices)[:, 0] * 48, strict=True):
        rows, columns = torch.nonzero(image > 0.5, as_tuple=True)
        assert 20 < len(rows) < 130  # 64 at the same scale; up to exp(0.2) larger or smaller each way
        seen = torch.stack([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]).float()
        torch.testing.assert_close(box, seen, atol=2.5, rtol=0)


def test_the_places_of_pixels_are_those_of_affine_grid() -> None:
    matrices = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1))
    expected = torch.nn.functional.affine_grid(matrices, [5, 1, 33, 33], align_corners=False)
    torch.testing.assert_close(_grid(matrices, 33), expected, atol=1e-5, rtol=1e-5)


def test_a_part_without_variation_is_cut_out_of_the_picture() -> None:
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (4, 64, 64), dtype=np.uint8))
    images, matrices = augment(pictures, STILL, side=64, seed=(1,), crop=32)
    assert torch.allclose(matrices[:, 0, 0], torch.tensor(0.5))
    left = (matrices[:, 0, 2] + 1 - 0.5) * 32
    top = (matrices[:, 1, 2] + 1 - 0.5) * 32
    assert ((left >= -1e-4) & (left <= 32 + 1e-4)).all()
    for picture, image, r, c in zip(pictures, images[:, 0], top.tolist(), left.tolist(), strict=True):
        near = picture[round(r) : round(r) + 32, round(c) : round(c) + 32].float() / 255
        assert torch.corrcoef(torch.stack([near.flatten(), image.flatten()]))[0, 1] > 0.5  # half a pixel at most


def test_a_box_of_which_little_is_left_does_not_count() -> None:
    matrix = torch.tensor([[[1.0, 0, 1.0], [0, 1, 0]]])  # shows the right half, then as much that is empty
    boxes = torch.tensor([[[0.4, 0.3, 0.6, 0.55], [0.4, 0.3, 0.6, 0.8]]])  # a fifth and three fifths are shown
    kept = torch.isfinite(move_boxes(boxes, matrix)).all(dim=2)[0]
    assert kept.tolist() == [False, True]


def test_aims_are_mostly_boxes_and_else_places_that_are_not_black() -> None:
    pictures = np.zeros((400, 64, 64), dtype=np.uint8)
    pictures[:, :, :32] = 200
    box = np.array([[0.1, 0.8, 0.2, 0.9]])
    found = aim(pictures, [box] * 400, (1,))
    at_box = np.isclose(found, (0.7, -0.7)).all(axis=1)
    assert abs(at_box.mean() - AIMED) < 0.08
    others = found[~at_box]
    assert (others[:, 0] < 0).mean() > 0.99
    assert (aim(np.full((50, 64, 64), BLACK, np.uint8), [None] * 50, (1,)) <= 1).all()


@pytest.mark.parametrize("degrees", [0.0, 17.0, 45.0, 90.0])
def test_a_turned_box_is_the_box_around_the_ellipse_within_it(degrees: float) -> None:
    angle = np.deg2rad(degrees)
    turn = torch.tensor([[[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]]], dtype=torch.float32)
    moved = move_boxes(torch.tensor([[[0.4, 0.3, 0.6, 0.7]]]), turn)[0, 0]  # rows 0.4 to 0.6, columns 0.3 to 0.7
    way = np.linspace(0, 2 * np.pi, 100_001)
    x, y = turn[0, :, :2].numpy().T @ np.stack([0.4 * np.cos(way), 0.2 * np.sin(way)])
    around = np.array([y.min(), x.min(), y.max(), x.max()]) / 2 + 0.5
    np.testing.assert_allclose(moved.numpy(), around, atol=1e-4)

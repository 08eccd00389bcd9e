"""Artificial breaks: only bone is broken, the box lies on the change, the same seed breaks alike."""

import numpy as np
import torch

from medcore.nn.training.breaks import break_bones


def shafts(count: int) -> torch.Tensor:
    """Radiographs of 160 pixels with one bright upright shaft on soft tissue."""
    random = torch.Generator().manual_seed(0)
    images = torch.full((count, 1, 160, 160), 0.15)
    images[:, :, :, 70:90] = 0.7
    return (images + 0.01 * torch.randn(images.shape, generator=random)).clamp(0, 1)


def test_a_break_changes_the_shaft_inside_its_surroundings_and_the_box_lies_on_the_shaft() -> None:
    images = shafts(12)
    broken, boxes = break_bones(images, share=1.0, seed=4)
    assert torch.isfinite(boxes).all()
    assert ((broken >= 0) & (broken <= 1.2)).all()
    for before, after, (top, left, bottom, right) in zip(images[:, 0], broken[:, 0], boxes.tolist(), strict=True):
        rows, columns = torch.nonzero((after - before).abs() > 0.05, as_tuple=True)
        assert len(rows) > 5
        middle = (rows.float().mean().item(), columns.float().mean().item())
        assert abs(middle[0] - (top + bottom) / 2) < 25
        assert left < 90
        assert right > 70
        assert abs(middle[1] - (left + right) / 2) < 20
        assert 6 < bottom - top < 60


def test_nothing_is_broken_where_there_is_no_bone() -> None:
    empty = torch.full((4, 1, 160, 160), 0.4)
    broken, boxes = break_bones(empty, share=1.0, seed=1)
    assert torch.equal(broken, empty)
    assert torch.isnan(boxes).all()


def test_the_share_is_kept_and_a_seed_breaks_alike() -> None:
    images = shafts(60)
    first, boxes = break_bones(images, share=0.5, seed=9)
    again, _ = break_bones(images, share=0.5, seed=9)
    assert torch.equal(first, again)
    share = np.isfinite(boxes.numpy()).all(axis=1).mean()
    assert 0.3 < share < 0.7
    whole = ~torch.isfinite(boxes).all(dim=1)
    assert torch.equal(first[whole], images[whole])

"""Every option of a recipe has a purpose and does something; what is unknown or out of range is named."""

from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from medcore.errors import CardError
from medcore.evaluation.calibration import probabilities
from medcore.nn.training.asking import Asked
from medcore.nn.training.augment import augment
from medcore.nn.training.jpeg import jpeg_like
from medcore.nn.training.objectives import box_losses, focal_loss, generalised_iou, mix, move_boxes
from medcore.nn.training.options import Augmentation, Options, choices
from medcore.nn.training.publish import calibrate
from medcore.nn.training.recipe import load_recipe
from tests.nn.model_folder import make_model
from tests.nn.training.test_training import recipe

STILL = Augmentation(**{f.name: 0 for f in fields(Augmentation)})
STRENGTH = {"rotate": 20.0, "elastic": 0.05, "window": 0.2, "curve": 1.0, "bias_field": 0.5}


def pictures(count: int = 8, side: int = 64) -> torch.Tensor:
    random = np.random.default_rng(0)
    smooth = [cv2.resize(random.random((6, 6)).astype(np.float32), (side, side)) for _ in range(count)]
    return torch.from_numpy((np.stack(smooth) * 200 + 30).astype(np.uint8))


@pytest.mark.parametrize("kind", [Augmentation, Options])
def test_every_option_says_in_a_sentence_what_it_is_for(kind: type) -> None:
    assert all(c.purpose.endswith(".") and len(c.purpose) > 20 for c in choices(kind))


def test_without_augmentation_a_picture_stays_as_it_is() -> None:
    images, matrices = augment(pictures(), STILL, side=64, seed=(1,))
    torch.testing.assert_close(images[:, 0], pictures().float() / 255, atol=2e-3, rtol=0)
    assert torch.equal(matrices[0], torch.tensor([[1.0, 0, 0], [0, 1, 0]]))


@pytest.mark.parametrize("name", [f.name for f in fields(Augmentation)])
def test_each_variation_changes_pictures_within_their_range_and_repeats_with_its_seed(name: str) -> None:
    options = replace(STILL, **{name: STRENGTH.get(name, 0.5 if name != "shift" else 0.1)})
    first, _ = augment(pictures(), options, side=64, seed=(1, 2))
    again, _ = augment(pictures(), options, side=64, seed=(1, 2))
    other, _ = augment(pictures(), options, side=64, seed=(1, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first[:, 0] - pictures().float() / 255).abs().max() > 0.01
    assert first.min() >= 0
    assert first.max() <= 1


def test_probabilities_fit_the_mix_that_they_are_meant_for(tmp_path: Path) -> None:
    """Of 400 pictures a quarter has the finding, whatever the logit says: the even mix answers 1/2, the other 1/4."""
    truth = np.arange(400) % 4 == 0
    card = make_model(tmp_path, network="simple_cnn", size=28)
    asked = Asked(
        cases=(), logits=np.random.default_rng(0).normal(size=(400, 1)), features=np.zeros((400, 1), np.float32),
        distance=np.zeros(400), small=np.zeros((0, 1, 1), np.float32), known=np.zeros((0, 1, 1), np.float32),
        digests=(), boxes=None, refused=(),
    )  # fmt: skip
    for mix_of, share in (("even", 0.5), ("validation", 0.25)):
        found = calibrate(card, Options(calibration_mix=mix_of), asked, truth[:, None], np.zeros(400, dtype=int))
        assert probabilities(asked.logits[:, 0], found.calibration).mean() == pytest.approx(share, abs=0.01)


def test_a_source_may_keep_its_exposure_while_its_neighbour_in_the_batch_varies() -> None:
    options = replace(STILL, gamma=0.5, curve=0.7, window=0.2, bias_field=0.5, contrast=0.3, brightness=0.2)
    images, _ = augment(pictures(2), options, side=64, seed=(1, 2), grey=torch.tensor([0.0, 1.0]))
    plain = pictures(2).float() / 255
    torch.testing.assert_close(images[0, 0], plain[0], atol=2e-3, rtol=0)
    assert (images[1, 0] - plain[1]).abs().max() > 0.05


def test_the_recipe_says_which_source_keeps_its_exposure(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    path.write_text(
        path.read_text(encoding="utf-8").replace("[[sources]]", "[[sources]]\nexposure = 0.25", 1), encoding="utf-8"
    )
    assert load_recipe(path).sources[0].exposure == 0.25


def test_a_smaller_stage_averages_areas() -> None:
    images, _ = augment(pictures(), STILL, side=32, seed=(1,))
    small = cv2.resize(pictures()[0].numpy().astype(np.float32) / 255, (32, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(images[0, 0].numpy(), small, atol=5e-3)


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_jpeg_on_the_device_is_near_to_that_of_opencv(quality: int) -> None:
    picture = pictures(1)[0].numpy()
    picture = np.clip(picture + np.random.default_rng(0).normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    theirs = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    ours = jpeg_like(torch.from_numpy(picture)[None, None].float() / 255, torch.tensor([float(quality)]))[0, 0] * 255
    assert np.abs(ours.numpy() - theirs).mean() < 0.6
    assert np.abs(theirs - picture).mean() > np.abs(ours.numpy() - theirs).mean()


def test_boxes_move_with_their_pictures() -> None:
    options = replace(STILL, flip=0.5, rotate=15.0, scale=0.2, stretch=0.1, shift=0.1)
    blank = torch.zeros(6, 80, 80, dtype=torch.uint8)
    blank[:, 30:42, 20:40] = 255
    boxes = torch.tensor([[[30 / 80, 20 / 80, 42 / 80, 40 / 80]]]).repeat(6, 1, 1)
    images, matrices = augment(blank, options, side=80, seed=(5,))
    for image, box in zip(images[:, 0], move_boxes(boxes, matrices)[:, 0] * 80, strict=True):
        rows, columns = torch.nonzero(image > 0.5, as_tuple=True)
        seen = torch.tensor([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]).float()
        torch.testing.assert_close(box, seen, atol=2.0, rtol=0)


def test_a_box_that_leaves_the_picture_is_gone() -> None:
    matrix = torch.tensor([[[1.0, 0, 1.5], [0, 1, 0]]])
    assert torch.isnan(move_boxes(torch.tensor([[[0.1, 0.1, 0.2, 0.2]]]), matrix)).all()


def test_generalised_iou_by_hand() -> None:
    one = torch.tensor([[0.0, 0, 2, 2]])
    assert generalised_iou(one, one).item() == pytest.approx(1, abs=1e-5)
    assert generalised_iou(one, torch.tensor([[0.0, 2, 2, 4]])).item() == pytest.approx(0, abs=1e-5)
    assert generalised_iou(one, torch.tensor([[0.0, 4, 2, 6]])).item() == pytest.approx(-1 / 3, abs=1e-5)


def test_the_box_loss_falls_when_the_right_cell_fires() -> None:
    boxes = torch.tensor([[[16.0, 16, 32, 32], [float("nan")] * 4]])
    quiet, right, wrong = (torch.full((1, 5, 8, 8), -4.0) for _ in range(3))
    right[0, 0, 2:4, 2:4] = 4.0  # the four cells around the centre at (24, 24)
    wrong[0, 0, 6, 6] = 4.0
    losses = [box_losses(d, boxes, side=64)[0].item() for d in (right, quiet, wrong)]
    assert losses == sorted(losses)
    exact = quiet.clone()
    for r in (2, 3):
        for c in (2, 3):
            exact[0, 1:, r, c] = torch.tensor([r + 0.5 - 2, c + 0.5 - 2, 4 - r - 0.5, 4 - c - 0.5])
    assert box_losses(exact, boxes, side=64)[1].item() == pytest.approx(0, abs=1e-4)


def test_focal_loss_of_zero_is_cross_entropy_and_more_forgets_the_easy_ones() -> None:
    logits, truth = torch.tensor([[4.0], [-0.5]]), torch.tensor([[1.0], [1.0]])
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    assert focal_loss(logits, truth, 0.0) == plain
    easy = focal_loss(logits[:1], truth[:1], 2.0) / focal_loss(logits[:1], truth[:1], 0.0)
    hard = focal_loss(logits[1:], truth[1:], 2.0) / focal_loss(logits[1:], truth[1:], 0.0)
    assert easy < 0.01 < hard


@pytest.mark.parametrize("how", [{"mixup": 0.4, "cutmix": 0.0}, {"mixup": 0.0, "cutmix": 0.8}])
def test_labels_are_blended_as_their_pictures(how: dict[str, float]) -> None:
    truth = torch.tensor([[0.0], [1.0]] * 4)
    images = truth[:, :, None, None].expand(-1, 1, 32, 32).clone()
    mixed, soft = mix(images, truth, **how, seed=(3, 1))
    torch.testing.assert_close(mixed.mean(dim=(2, 3)), soft, atol=0.02, rtol=0)
    assert ((soft > 0) & (soft < 1)).any()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("learning_rates = 3", "learning_rates"),
        ("focal = -1.0", "focal"),
        ('balance = "fair"', "balance"),
        ('mixup = "much"', "mixup"),
        ("accumulate = true", "accumulate"),
        ("[augmentation]\nflips = 0.5", "augmentation.flips"),
        ("[augmentation]\nflip = 1.5", "flip"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = recipe(tmp_path)
    text = path.read_text()
    path.write_text(text + "\n" + line if line.startswith("[") else line + "\n" + text)
    with pytest.raises(CardError, match=words):
        load_recipe(path)


@pytest.mark.parametrize(("old", "new"), [("column =", "colum ="), ("batch =", "bacth ="), ("summary =", "sumary =")])
def test_a_misspelled_key_of_a_table_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(CardError, match=new.split(maxsplit=1)[0]):
        load_recipe(path)


def test_a_recipe_whose_sources_give_no_draws_is_refused(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace("weight = 1.0", "weight = 0.0"))
    with pytest.raises(CardError, match="no source has a weight above 0"):
        load_recipe(path)

"""What the checks measure: toys computed by hand, and second methods of another kind."""

import cv2
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the library's own abbreviation)

from medcore.imaging.quality._chest import best_pose
from medcore.imaging.quality._sample import exposed, sample, shrunk, slice_numbers
from medcore.imaging.quality.bias_field import field_ratio
from medcore.imaging.quality.burned_in_text import find_text
from medcore.imaging.quality.compression import blockiness
from medcore.imaging.quality.contrast import grey_levels
from medcore.imaging.quality.ghosting import ghost_ratio
from medcore.imaging.quality.intensities import clipped_share, commonest_share
from medcore.imaging.quality.metal import metal
from medcore.imaging.quality.noise import noise_sigma, relative_noise
from medcore.imaging.quality.polarity import bright_border
from medcore.imaging.quality.rotation import tilt_of
from medcore.imaging.quality.truncation import outline_share
from medcore.volume import Array, Geometry, Unit, Volume
from tests.imaging.quality.scans import body, chest, wrist


def haar_noise(image: Array) -> float:
    """Donoho's estimate: the median absolute diagonal Haar coefficient over 0.6745."""
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    diagonal = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    return float(np.median(np.abs(diagonal)) / 0.6745)


@pytest.mark.parametrize("sigma", [1.0, 5.0, 30.0])
def test_the_noise_on_a_flat_ground_is_what_was_added(sigma: float) -> None:
    image = (1000 + np.random.default_rng(1).normal(0, sigma, (300, 300))).astype(np.float32)
    assert noise_sigma(image, np.ones(image.shape, dtype=bool)) == pytest.approx(sigma, rel=0.02)


@pytest.mark.parametrize("sigma", [4.0, 12.0])
def test_on_anatomy_the_noise_agrees_with_the_haar_wavelet(sigma: float) -> None:
    image = (chest() + np.random.default_rng(2).normal(0, sigma, chest().shape)).astype(np.float32)
    everywhere = np.ones(image.shape, dtype=bool)
    assert noise_sigma(image, everywhere) == pytest.approx(haar_noise(image), rel=0.12)


def test_edges_are_no_noise_and_too_few_pixels_tell_nothing() -> None:
    stripes = np.repeat(np.arange(300) // 30 % 2 * 200.0, 300).reshape(300, 300).astype(np.float32)
    assert noise_sigma(stripes, np.ones(stripes.shape, dtype=bool)) == 0.0
    assert noise_sigma(stripes[:15, :15], np.ones((15, 15), dtype=bool)) is None
    assert relative_noise(np.full((60, 60), 3.0, dtype=np.float32)) is None


def test_levels_and_shares_are_counted() -> None:
    ramp = np.repeat(np.arange(10), 10).reshape(1, 10, 10)
    assert grey_levels(ramp) == 10
    assert clipped_share(np.array([[[1, 1, 3, 3], [1, 1, 2, 1]]])) == 2 / 8
    assert commonest_share(np.array([[[7, 7, 7, 1]]])) == 0.75


def test_block_borders_twice_as_steep_as_the_rest_measure_one() -> None:
    steps = np.where(np.arange(1, 96) % 8 == 0, 2.0, 1.0)
    ramp = np.concatenate([[0.0], np.cumsum(steps)])
    assert blockiness(ramp[:, None] + ramp[None]) == pytest.approx(1.0)
    assert blockiness(np.arange(96.0)[:, None] + np.arange(96.0)[None]) == pytest.approx(0.0)


def test_a_ghost_above_and_below_is_its_share_of_the_body() -> None:
    image = body(value=1000.0, air=0.0, radius=60.0).astype(np.float32)
    image[:20] += 150
    image[-20:] += 150
    assert ghost_ratio(image) == pytest.approx(0.15, rel=0.03)
    assert ghost_ratio(np.ones((64, 64), dtype=np.float32)) is None


def test_the_fitted_field_is_the_one_that_was_laid_over_the_body() -> None:
    field = 2.0 ** np.linspace(-1, 1, 256)[None]
    flat = np.where(body(radius=110.0) > -500, 500.0, 0.0)
    columns = np.nonzero(flat)[1]
    low, high = np.percentile(columns, (5, 95)) / 255 * 2 - 1
    assert field_ratio((flat * field).astype(np.float32)) == pytest.approx(2.0 ** (high - low), rel=0.08)
    assert field_ratio(flat.astype(np.float32)) == pytest.approx(1.0, abs=0.02)


def test_what_n4_takes_away_is_what_was_measured() -> None:
    field = 3.0 ** np.linspace(-0.5, 0.5, 96)[:, None]
    tissue = np.where(np.arange(96) // 8 % 2, 500.0, 300.0) + np.random.default_rng(0).normal(0, 5, (96, 96))
    uneven = np.where(body(96, radius=38.0) > -500, tissue * field, 0.0).astype(np.float32)
    inside = sitk.GetImageFromArray((uneven > 0).astype(np.uint8))
    correction = sitk.N4BiasFieldCorrectionImageFilter()
    corrected = sitk.GetArrayFromImage(correction.Execute(sitk.GetImageFromArray(uneven), inside))
    assert field_ratio(uneven) == pytest.approx(2.1, abs=0.25)
    assert field_ratio(corrected) == pytest.approx(1.0, abs=0.35)


def test_small_metal_parts_do_not_count() -> None:
    plane = np.zeros((40, 40), dtype=np.float32)
    plane[5:7, 5:7] = 3071
    plane[20:25, 20:25] = 3071
    assert metal(plane, 1.0).sum() == 25


def test_the_outline_of_the_field_may_be_a_circle() -> None:
    rows, columns = np.mgrid[:200, :200] - 100
    inside = rows**2 + columns**2 < 98**2
    assert outline_share(np.where(inside, 40.0, -3000.0).astype(np.float32), hounsfield=True) > 0.95
    half = np.where(inside, np.where(columns < 0, 40.0, -1000.0), -3000.0).astype(np.float32)
    assert outline_share(half, hounsfield=True) == pytest.approx(0.5, abs=0.03)
    assert outline_share(body().astype(np.float32), hounsfield=True) == 0.0


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("inverted", [False, True])
def test_the_pose_of_a_chest_says_how_to_turn_it_upright(quarters: int, inverted: bool) -> None:
    image = np.rot90(255.0 - chest() if inverted else chest(), -quarters)
    pose = best_pose(image)
    assert (pose.quarters, pose.inverted) == (quarters, inverted)
    assert pose.fit > 0.7


@pytest.mark.parametrize("degrees", [-15, 0, 10])
def test_the_tilt_of_a_chest_is_found_within_some_degrees(degrees: int) -> None:
    turn = cv2.getRotationMatrix2D((chest().shape[1] / 2, chest().shape[0] / 2), -degrees, 1.0)
    image = cv2.warpAffine(chest().astype(np.float32), turn, chest().shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    assert tilt_of(image).degrees == pytest.approx(degrees, abs=4.0)


def test_the_surroundings_of_a_limb_are_dark_and_of_its_negative_bright() -> None:
    assert bright_border(wrist().astype(np.float32)) < 0.4
    assert bright_border(255 - wrist().astype(np.float32)) > 0.6


def test_white_shutters_are_left_out() -> None:
    image = np.full((100, 100), 20.0)
    image[:, :30] = image[:, 80:] = 255
    rows, columns = exposed(image)
    assert (rows.start, rows.stop) == (0, 100) and 30 <= columns.start <= 34 and 76 <= columns.stop <= 80


def test_text_is_found_where_it_stands_and_a_single_marker_is_none() -> None:
    image = cv2.putText(np.full((400, 500), 30, np.uint8), "SMITH ANNA 1951", (40, 200), 0, 0.9, 255, 2)
    (line,) = find_text(image)
    assert 170 < line.top < line.bottom < 205 and 35 < line.left < line.right < 330 and 10 <= line.letters <= 20
    assert find_text(cv2.putText(np.full((400, 500), 30, np.uint8), "R", (40, 200), 0, 1.5, 255, 3)) == ()
    assert find_text(chest()) == () and find_text(wrist()) == ()


def test_the_place_of_text_in_a_large_image_is_in_its_own_pixels() -> None:
    image = cv2.putText(np.full((2400, 3000), 30, np.uint8), "SMITH ANNA 1951", (240, 1200), 0, 5.0, 255, 12)
    lines = find_text(image)
    assert lines and all(1040 < line.top < line.bottom < 1230 for line in lines)


def test_a_sample_is_small_and_spread_over_the_stack() -> None:
    assert slice_numbers(1) == [0] and slice_numbers(3) == [0, 1, 2]
    numbers = slice_numbers(384)
    assert len(numbers) == 9 and numbers[0] == 38 and numbers[-1] == 345
    volume = Volume(np.zeros((2, 1000, 2000), np.int16), Unit.GREY, "MR", Geometry.from_spacing((3.0, 0.5, 0.25)))
    looked_at = sample(volume)
    assert looked_at.planes.shape == (2, 256, 512)
    assert looked_at.steps == pytest.approx((3.0, 0.5 * 1000 / 256, 0.25 * 2000 / 512))


def test_shrinking_keeps_the_mean_and_never_enlarges() -> None:
    image = np.random.default_rng(3).integers(0, 4000, (1024, 640)).astype(np.uint16)
    assert shrunk(image, 512).mean() == pytest.approx(image.mean(), rel=1e-4)
    assert shrunk(image[:50, :40], 512).shape == (50, 40)

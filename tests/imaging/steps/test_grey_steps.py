"""Steps that change values: toys by hand, independent computations, and what must not change."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy import ndimage, stats

from medcore.errors import CancelledError, RecipeError
from medcore.imaging.phantoms.brain_mr import brain_mr
from medcore.imaging.phantoms.chest_ct import axial
from medcore.imaging.preparing import Prepared, apply_recipe
from medcore.recipes import Recipe, RecipeStep, Setting
from medcore.volume import Geometry, Unit, Volume


def scan(values: object, *, unit: Unit = Unit.HU, kind: type = np.int16, modality: str = "CT") -> Volume:
    voxels = np.asarray(values, dtype=kind)
    return Volume(
        voxels.reshape((1,) * (3 - voxels.ndim) + voxels.shape), unit, modality, Geometry.from_spacing((1, 1, 1))
    )


def put(volume: Volume, step: str, **settings: Setting) -> Prepared:
    return apply_recipe(Recipe((RecipeStep(step, settings),)), volume)


@pytest.fixture(scope="module")
def speckled() -> Volume:
    """A disc with an edge and noise of known size."""
    rows, columns = np.mgrid[:64, :64]
    disc = 1000.0 + 400.0 * (np.hypot(rows - 30, columns - 34) < 18)
    noise = np.random.default_rng(1).normal(0, 20, (3, 64, 64))
    return scan(disc + noise, unit=Unit.GREY, kind=np.uint16, modality="MR")


def codes(prepared: Prepared) -> set[str]:
    return {note.code for note in prepared.notes}


def test_a_window_maps_its_ends_to_0_and_1_and_clips_the_rest() -> None:
    ramp = scan([-1000, -160, -60, 40, 140, 240, 3000])
    done = put(ramp, "window", centre=40.0, width=400.0)
    np.testing.assert_allclose(done.volume.voxels.ravel(), [0, 0, 0.25, 0.5, 0.75, 1, 1], atol=1e-6)
    assert (done.volume.unit, done.volume.window) != (Unit.HU, None)
    (clipped,) = [note for note in done.notes if note.code == "values_clipped"]
    assert clipped.measured == pytest.approx(100 * 2 / 7, abs=0.01)
    assert "14.3 %" in clipped.message.text()


def test_a_window_that_keeps_the_unit_only_clips_and_does_so_once() -> None:
    ramp = scan([-1000, -160, 40, 3000])
    once = put(ramp, "window", centre=40.0, width=400.0, output="keep").volume
    np.testing.assert_array_equal(once.voxels.ravel(), [-160, -160, 40, 240])
    assert (once.unit, once.voxels.dtype) == (Unit.HU, np.int16)
    assert put(once, "window", centre=40.0, width=400.0, output="keep").volume.sha256 == once.sha256


def test_percentiles_become_0_and_1() -> None:
    done = put(scan(np.arange(101)), "percentile", low=10.0, high=90.0)
    np.testing.assert_allclose(done.volume.voxels.ravel()[[0, 10, 50, 90, 100]], [0, 0, 0.5, 1, 1], atol=1e-6)
    assert {"values_clipped", "unit_lost"} <= codes(done)


@pytest.mark.parametrize(("gain", "offset"), [(3.0, 0.0), (0.5, 700.0)])
def test_percentile_and_z_score_do_not_depend_on_scale_or_offset_of_the_scanner(
    speckled: Volume, gain: float, offset: float
) -> None:
    other = replace(speckled, voxels=(speckled.voxels * gain + offset).astype(np.float32))
    for step, settings in (("percentile", {}), ("zscore", {"over": "foreground"})):
        one, two = (put(volume, step, **settings).volume.voxels for volume in (speckled, other))
        np.testing.assert_allclose(one, two, atol=2e-4)


def test_a_z_score_has_mean_0_and_deviation_1(speckled: Volume) -> None:
    values = put(speckled, "zscore").volume.voxels
    assert values.mean() == pytest.approx(0, abs=1e-5)
    assert values.std() == pytest.approx(1, abs=1e-5)
    assert np.abs(put(speckled, "zscore", clip=1.5).volume.voxels).max() <= 1.5


def test_statistics_over_the_foreground_leave_the_air_out() -> None:
    body = np.zeros((1, 20, 20))
    body[0, 5:15, 5:15] = np.linspace(90, 110, 100).reshape(10, 10)
    for over in ("above_lowest", "foreground"):
        values = put(scan(body, modality="MR"), "zscore", over=over).volume.voxels
        assert values[0, 5:15, 5:15].mean() == pytest.approx(0, abs=0.02)
        assert values[0, 5:15, 5:15].std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("step", ["zscore", "percentile", "n4"])
def test_a_flat_image_is_refused_where_nothing_can_be_computed(step: str) -> None:
    with pytest.raises(RecipeError) as refused:
        put(scan(np.full((12, 12, 12), 7), unit=Unit.GREY, modality="MR"), step)
    assert refused.value.hint.text()


@pytest.mark.parametrize("step", ["gamma", "clahe", "histogram_equalisation", "sharpen", "window", "denoise_median"])
def test_a_flat_image_stays_flat(step: str) -> None:
    values = put(scan(np.full((3, 16, 16), 7)), step).volume.voxels
    assert np.ptp(values) == 0


def test_histogram_equalisation_is_the_rank_of_a_grey() -> None:
    greys = np.random.default_rng(4).normal(0, 1, 5000)
    values = put(scan(greys, kind=np.float32), "histogram_equalisation", bins=4096).volume.voxels.ravel()
    np.testing.assert_allclose(values, (stats.rankdata(greys) - 1) / 4999, atol=0.005)


def test_histogram_equalisation_makes_the_histogram_flat(speckled: Volume) -> None:
    values = put(speckled, "histogram_equalisation", bins=1024).volume.voxels
    counts, _ = np.histogram(values, bins=8, range=(0, 1))
    assert counts.max() / counts.min() < 1.35


def test_clahe_agrees_with_the_one_of_opencv_on_8_bits() -> None:
    noise = np.random.default_rng(2).normal(0, 6, (128, 128))
    rows, columns = np.mgrid[:128, :128]
    plane = np.clip(60 + 0.6 * columns + 40 * (np.hypot(rows - 60, columns - 70) < 20) + noise, 0, 255).astype(np.uint8)
    plane[0, :2] = 0, 255
    ours = put(scan(plane, kind=np.uint8, modality=""), "clahe", tiles=4, clip_limit=3.0).volume.voxels[0]
    theirs = cv2.createCLAHE(3.0, (4, 4)).apply(plane) / 255
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97
    assert np.abs(ours - theirs).mean() < 0.06


def test_clahe_shows_a_faint_dot_on_a_slope_better() -> None:
    rows, columns = np.mgrid[:128, :128]
    slope = 40 * columns + 60 * (np.hypot(rows - 64, columns - 20) < 4)
    before, after = (
        put(scan(slope, kind=np.uint16, modality="DX"), step, **settings).volume.voxels[0]
        for step, settings in (("gamma", {"gamma": 1.0}), ("clahe", {}))
    )
    assert after[64, 20] - after[54, 20] > 1.5 * (before[64, 20] - before[54, 20])


def test_gamma_by_hand() -> None:
    values = put(scan([0, 25, 100]), "gamma", gamma=0.5).volume.voxels.ravel()
    np.testing.assert_allclose(values, [0, 0.5, 1], atol=1e-6)


def test_gamma_keeps_the_order_of_greys(speckled: Volume) -> None:
    values = put(speckled, "gamma", gamma=2.2).volume.voxels
    order = np.argsort(speckled.voxels.ravel(), kind="stable")
    assert (np.diff(values.ravel()[order]) >= 0).all()


def test_sharpening_agrees_with_the_formula_by_scipy(speckled: Volume) -> None:
    done = put(speckled, "sharpen", radius=2.0, amount=0.5)
    plane = speckled.voxels[1].astype(np.float64)
    expected = plane + 0.5 * (plane - ndimage.gaussian_filter(plane, 2.0, mode="reflect"))
    expected = np.clip(expected, *speckled.value_range)
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(done.volume.voxels[1][inner] - expected[inner]).max() <= 1
    assert "edges_exaggerated" in codes(done)


def test_the_median_takes_a_speck_away_and_leaves_an_edge() -> None:
    plane = np.zeros((1, 9, 9), np.int16)
    plane[:, :, 5:] = 100
    plane[0, 4, 2] = 900
    values = put(scan(plane), "denoise_median", radius=1).volume.voxels
    expected = plane.copy()
    expected[0, 4, 2] = 0
    np.testing.assert_array_equal(values, expected)
    assert values.dtype == np.int16


def test_the_median_agrees_with_scipy(speckled: Volume) -> None:
    values = put(speckled, "denoise_median", radius=2, slices=1).volume.voxels
    expected = ndimage.median_filter(speckled.voxels, size=(3, 5, 5), mode="nearest")
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("step", ["denoise_median", "denoise_nonlocal", "denoise_anisotropic"])
def test_denoising_lowers_noise_and_keeps_mean_edge_unit_and_type(speckled: Volume, step: str) -> None:
    after = put(speckled, step).volume
    flat = np.s_[1, 22:38, 26:42]
    before_sd, after_sd = speckled.voxels[flat].std(), after.voxels[flat].std()
    assert after_sd < 0.7 * before_sd
    assert after.voxels[flat].mean() == pytest.approx(speckled.voxels[flat].mean(), abs=4)
    assert float(after.voxels[1, 30, 46]) - float(after.voxels[1, 30, 58]) > 330  # either side of the edge
    assert (after.unit, after.voxels.dtype) == (speckled.unit, speckled.voxels.dtype)


def test_non_local_means_says_how_much_noise_it_found(speckled: Volume) -> None:
    (note,) = [note for note in put(speckled, "denoise_nonlocal").notes if note.code == "noise_found"]
    assert note.measured == pytest.approx(20, rel=0.15)


def test_n4_takes_a_known_field_out() -> None:
    head = brain_mr([], axial((40, 48, 48), (5.0, 5.0, 5.0)), (40, 48, 48), bias=0.0, noise=1.0).volume
    s, r, c = np.meshgrid(*(np.linspace(-1, 1, n) for n in head.shape), indexing="ij")
    field = np.exp(0.35 * c + 0.2 * r * s).astype(np.float32)
    shaded = replace(head, voxels=head.voxels * field)
    done = put(shaded, "n4", shrink=2)
    inside = head.voxels > 300
    left = (done.volume.voxels / head.voxels.clip(1))[inside]
    assert left.std() / left.mean() < 0.5 * field[inside].std() / field[inside].mean()
    assert {note.code: note.measured for note in done.notes}["bias_removed"] > 30


@pytest.mark.parametrize("slices", [1, 2, 5])
def test_few_slices_are_no_trouble(slices: int, speckled: Volume) -> None:
    part = replace(speckled, voxels=np.repeat(speckled.voxels, 2, axis=0)[:slices])
    for step in ("n4", "denoise_anisotropic", "denoise_median", "denoise_nonlocal"):
        assert put(part, step).volume.shape == part.shape


def test_a_step_stops_when_it_is_cancelled() -> None:
    large = scan(np.random.default_rng(0).integers(0, 999, (8, 64, 64)), unit=Unit.GREY, modality="MR")
    for step in ("n4", "denoise_median", "denoise_nonlocal", "denoise_anisotropic", "clahe"):
        asked: list[int] = []

        def cancelled(asked: list[int] = asked) -> bool:
            asked.append(1)
            return len(asked) > 2

        with pytest.raises(CancelledError):
            apply_recipe(Recipe((RecipeStep(step),)), large, cancelled=cancelled)


def test_colour_becomes_its_luma_and_grey_stays() -> None:
    colour = np.zeros((1, 1, 3, 3), np.uint8)
    colour[0, 0] = [[255, 0, 0], [0, 255, 0], [200, 200, 200]]
    picture = Volume(colour, Unit.RGB, "", Geometry.pixels())
    grey = put(picture, "grey").volume
    np.testing.assert_array_equal(grey.voxels.ravel(), [76, 150, 200])  # 0.299, 0.587, 0.114
    assert put(grey, "grey").volume.sha256 == grey.sha256

"""Steps that move voxels: every part of the golden object keeps its place, volume and size, and its mask goes along."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from medcore.errors import RecipeError
from medcore.imaging import losses
from medcore.imaging.lesions import lesions
from medcore.imaging.phantoms.golden import ORIENTATIONS, PARTS, golden, measure
from medcore.imaging.preparing import apply_recipe
from medcore.recipes import Recipe, RecipeStep, Setting
from medcore.volume import Geometry, Mask, Scale, Unit, Volume

Given = tuple[str, Mapping[str, Setting]]

# What each keeps all four parts of the object within its field.
MOVES: tuple[Given, ...] = (
    ("resample", {"in_plane": 1.5, "between": 1.5}),
    ("resample", {"in_plane": 2.7, "between": 2.2}),
    ("resample", {"in_plane": 1.9, "between": 0.0, "method": "spline"}),
    ("resample", {"in_plane": 1.7, "between": 1.3, "method": "label"}),
    ("crop", {"rows_start": 3, "columns_end": 5, "slices_start": 1}),
    ("crop_content", {"margin": 3}),
    ("pad", {"rows_end": 4, "columns_start": 7, "slices_end": 2, "value": "zero"}),
    ("reorient", {"plane": "axial"}),
    ("reorient", {"plane": "coronal"}),
    ("reorient", {"plane": "sagittal"}),
    ("reorient", {"plane": "ras"}),
    ("resize", {"rule": "fit", "rows": 48, "columns": 60}),
    ("resize", {"rule": "fill", "rows": 42, "columns": 42}),
    ("resize", {"rule": "centre", "rows": 50, "columns": 56}),
)


def put(volume: Volume, *steps: Given, masks: tuple[Mask, ...] = ()) -> tuple[Volume, tuple[Mask, ...]]:
    prepared = apply_recipe(Recipe(tuple(RecipeStep(*step) for step in steps)), volume, masks=masks)
    return prepared.volume, prepared.masks


@pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{move[0]} {' '.join(map(str, move[1].values()))}")
@pytest.mark.parametrize("orientation", ["axial", "oblique"])
def test_place_volume_and_diameter_survive_within_half_a_voxel(move: Given, orientation: str) -> None:
    phantom = golden(orientation, (3.0, 2.0, 2.5))
    after, (mask,) = put(phantom.volume, move, masks=(phantom.mask,))
    half_mm = max(*phantom.volume.geometry.steps, *after.geometry.steps) / 2
    assert mask.geometry.close_to(after.geometry)
    assert mask.labels.shape == after.shape
    for target, (_, value, solid) in zip(phantom.targets, PARTS, strict=True):
        centre, volume_ml = measure(after, value)
        before_centre, before_ml = measure(phantom.volume, value)
        shell_ml = _shell_ml(solid.semi_axes, half_mm)
        assert np.linalg.norm(np.subtract(centre, before_centre)) < half_mm
        assert abs(volume_ml - before_ml) < shell_ml
        where = np.argwhere(mask.labels == target.label).mean(axis=0)
        assert np.linalg.norm(after.geometry.to_lps(where) - target.centre_lps_mm) < half_mm
        assert abs(mask.volume_ml(target.label) - target.volume_ml) < shell_ml


@pytest.mark.parametrize("orientation", list(ORIENTATIONS))
def test_reorientation_moves_no_voxel_in_the_patient(orientation: str) -> None:
    phantom = golden(orientation, (3.0, 2.5, 2.0))
    for plane, wanted in (("axial", "SPL"), ("coronal", "PIL"), ("sagittal", "LIP")):
        after, _ = put(phantom.volume, ("reorient", {"plane": plane}))
        if orientation != "oblique":
            assert after.geometry.orientation == wanted
        index = np.array([[2, 3, 5], [7, 11, 13], [20, 30, 40]])
        back = np.rint(after.geometry.to_index(phantom.volume.geometry.to_lps(index))).astype(int)
        np.testing.assert_array_equal(after.voxels[tuple(back.T)], phantom.volume.voxels[tuple(index.T)])


def test_reorienting_there_and_back_gives_the_same_bits() -> None:
    axial = golden("axial", (3.0, 1.25, 1.5)).volume
    there, _ = put(axial, ("reorient", {"plane": "sagittal"}))
    back, _ = put(there, ("reorient", {"plane": "axial"}))
    np.testing.assert_array_equal(back.voxels, axial.voxels)
    assert back.geometry.close_to(axial.geometry)


def test_padding_and_cropping_again_gives_the_same_bits() -> None:
    scan = golden("oblique", (3.0, 2.5, 2.5)).volume
    sides = {"rows_start": 2, "rows_end": 1, "columns_start": 4, "columns_end": 3, "slices_start": 1, "slices_end": 2}
    back, _ = put(scan, ("pad", sides), ("crop", sides))
    np.testing.assert_array_equal(back.voxels, scan.voxels)
    assert back.geometry.close_to(scan.geometry)


def test_resampling_to_the_same_spacing_changes_nothing() -> None:
    scan = golden("axial", (2.0, 2.0, 2.0)).volume
    same, _ = put(scan, ("resample", {"in_plane": 2.0, "between": 2.0}))
    np.testing.assert_array_equal(same.voxels, scan.voxels)


def test_linear_resampling_agrees_with_scipy_at_the_same_places() -> None:
    scan = golden("axial", (3.0, 1.25, 1.5)).volume
    after, _ = put(scan, ("resample", {"in_plane": 1.1, "between": 1.7, "antialias": False}))
    index = np.stack(np.meshgrid(*map(np.arange, after.shape), indexing="ij"))
    places = scan.geometry.to_index(after.geometry.to_lps(np.moveaxis(index, 0, -1)))
    expected = ndimage.map_coordinates(
        scan.voxels.astype(np.float64), np.moveaxis(places, -1, 0), order=1, mode="nearest"
    )
    assert np.abs(after.voxels - expected).max() <= 0.51  # rounded to whole HU


def test_antialiasing_turns_stripes_finer_than_the_new_pixels_into_grey() -> None:
    stripes = np.zeros((1, 64, 64), np.uint8)
    stripes[:, :, ::2] = 200
    scan = Volume(stripes, Unit.GREY, "MR", Geometry.from_spacing((1, 1, 1)))
    smooth, _ = put(scan, ("resample", {"in_plane": 3.2}))
    rough, _ = put(scan, ("resample", {"in_plane": 3.2, "antialias": False}))
    inner = np.s_[0, 3:-3, 3:-3]
    assert np.ptp(smooth.voxels[inner].astype(int)) < 30
    assert np.ptp(rough.voxels[inner].astype(int)) > 100
    assert abs(smooth.voxels[inner].mean() - 100) < 5


def test_a_half_grey_is_rounded_and_not_cut_off() -> None:
    ramp = np.arange(8, dtype=np.int16).reshape(1, 1, 8).repeat(4, axis=1)
    scan = Volume(ramp, Unit.HU, "CT", Geometry.from_spacing((1, 1, 1)))
    finer, _ = put(scan, ("resample", {"in_plane": 0.5, "between": 0.0}))
    np.testing.assert_array_equal(finer.voxels[0, 0, 1:5], np.rint([0.25, 0.75, 1.25, 1.75]))


def test_labels_never_mix() -> None:
    phantom = golden("oblique", (3.0, 1.25, 1.5))
    _, (mask,) = put(phantom.volume, ("resample", {"in_plane": 0.9, "between": 0.8}), masks=(phantom.mask,))
    assert set(np.unique(mask.labels)) == {0, 1, 2, 3, 4}
    distance = ndimage.distance_transform_edt(mask.labels != 4, sampling=mask.geometry.steps)
    assert distance[mask.labels == 1].min() > 10  # label 2 or 3 would lie between them


def test_colour_keeps_its_channels_apart() -> None:
    picture = np.zeros((1, 20, 30, 3), np.uint8)
    picture[..., 0], picture[..., 2] = 250, 10
    scan = Volume(picture, Unit.RGB, "", Geometry.pixels())
    after, _ = put(scan, ("resize", {"rule": "fill", "rows": 16, "columns": 16}))
    assert after.voxels.shape == (1, 16, 16, 3)
    np.testing.assert_array_equal(after.voxels.reshape(-1, 3), np.tile([250, 0, 10], (256, 1)))


def picture(rows: int, columns: int) -> Volume:
    grey = np.full((1, rows, columns), 200, np.uint8)
    grey[:, : rows // 10] = 0
    return Volume(grey, Unit.GREY, "", Geometry.pixels())


def test_fit_keeps_everything_and_says_how_much_margin_there_is() -> None:
    after, _ = put(picture(100, 200), ("resize", {"rule": "fit", "rows": 64, "columns": 64}))
    assert after.shape == (1, 64, 64)
    notes = {note.code: note for note in losses.losses(picture(100, 200), after)}
    assert notes["margin_added"].measured == pytest.approx(50, abs=2)
    assert "field_cut" not in notes
    assert notes["detail_lost"].measured == pytest.approx(200 / 64, rel=1e-3)
    assert (after.voxels[0, :14] == 0).all()


def test_fill_cuts_the_sides_and_says_how_much_of_the_content_is_gone() -> None:
    scan = picture(100, 200)
    after, _ = put(scan, ("resize", {"rule": "fill", "rows": 64, "columns": 64}))
    notes = {note.code: note for note in losses.losses(scan, after)}
    assert notes["field_cut"].measured == pytest.approx(50, abs=1)  # both sides of 200 columns, 100 stay
    gone = losses.outside(scan, after)[0]
    np.testing.assert_array_equal(np.flatnonzero(~gone.any(axis=0)), np.arange(50, 150))


def test_a_centre_crop_copies_pixels_and_shows_what_is_lost_at_each_side() -> None:
    scan = picture(40, 61)
    after, _ = put(scan, ("resize", {"rule": "centre", "rows": 48, "columns": 32}))
    np.testing.assert_array_equal(after.voxels[0, 4:44], scan.voxels[0, :, 14:46])
    assert after.geometry.to_lps(np.array([0, 4, 0])) == pytest.approx(scan.geometry.to_lps(np.array([0, 0, 14])))
    gone = losses.outside(scan, after)[0]
    np.testing.assert_array_equal(np.flatnonzero(gone.all(axis=0)), [*range(14), *range(46, 61)])


def test_the_field_of_an_oblique_resampling_is_the_whole_scan() -> None:
    scan = golden("oblique", (3.0, 1.5, 1.5)).volume
    after, _ = put(scan, ("resample", {"in_plane": 1.0, "between": 1.0}))
    assert not losses.outside(scan, after).any()


def test_cropping_everything_away_and_growing_too_large_are_refused() -> None:
    scan = golden("axial", (4.0, 4.0, 4.0)).volume
    with pytest.raises(RecipeError, match="leaves nothing"):
        put(scan, ("crop", {"rows_start": 20, "rows_end": 20}))
    with pytest.raises(RecipeError, match="more than the limit"):
        put(scan, ("resample", {"in_plane": 0.1, "between": 0.1}))


def test_one_slice_and_a_radiograph_keep_their_scale() -> None:
    plate = Geometry.from_spacing((1.0, 0.2, 0.2), scale=Scale.DETECTOR)
    scan = Volume(np.arange(600, dtype=np.uint16).reshape(1, 20, 30), Unit.GREY, "DX", plate)
    after, _ = put(scan, ("resample", {"in_plane": 0.4, "between": 3.0}))
    assert after.shape == (1, 10, 15)
    assert after.geometry.scale is Scale.DETECTOR
    assert after.spacing_mm == pytest.approx((1.0, 0.4, 0.4))


def test_the_longest_diameter_of_a_lesion_survives_the_whole_way() -> None:
    phantom = golden("axial", (2.0, 1.25, 1.25))
    steps: tuple[Given, ...] = (
        ("reorient", {"plane": "axial"}),
        ("resample", {"in_plane": 1.0, "between": 1.5}),
        ("crop", {"rows_start": 2}),
        ("pad", {"columns_end": 9}),
    )
    _, (mask,) = put(phantom.volume, *steps, masks=(phantom.mask,))
    found = {lesion.label: lesion for lesion in lesions(mask)}
    for target in (phantom.targets[0], phantom.targets[3]):  # the spheres: as long in every plane
        assert abs(found[target.label].longest_mm - target.longest_mm) <= 1.25


def _shell_ml(semi_axes: tuple[float, float, float], thick_mm: float) -> float:
    """Volume of the half-voxel shell around an ellipsoid: by so much may its volume be off."""
    a, b, c = semi_axes
    outer = (a + thick_mm) * (b + thick_mm) * (c + thick_mm)
    return 4 / 3 * np.pi * (outer - a * b * c) / 1000


def test_masks_of_another_shape_do_not_stop_a_grey_step() -> None:
    phantom = golden("axial", (4.0, 4.0, 4.0))
    after, (mask,) = put(replace(phantom.volume, modality="MR"), ("gamma", {}), masks=(phantom.mask,))
    np.testing.assert_array_equal(mask.labels, phantom.mask.labels)
    assert after.shape == phantom.volume.shape

"""Where voxels lie: LPS mm by hand, and by SimpleITK as an independent oracle."""

from datetime import date

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from medcore.errors import GeometryError, InvalidVolumeError, NoScaleError
from medcore.volume import Geometry, Mask, Scale, Unit, Volume, Window

AXIAL = Geometry.from_spacing((5.0, 0.7, 0.5), origin_mm=(-100.0, -120.0, 30.0))


def volume(voxels: object = None, **changes: object) -> Volume:
    facts: dict[str, object] = {"unit": Unit.HU, "modality": "CT", "geometry": AXIAL, **changes}
    return Volume(voxels=np.zeros((2, 3, 4), np.int16) if voxels is None else voxels, **facts)  # type: ignore[arg-type]


def rotated(degrees: float, spacing: tuple[float, float, float]) -> Geometry:
    """An oblique geometry turned about the left-right axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ AXIAL.affine[:3, :3] / AXIAL.steps @ np.diag(spacing)
    return Geometry(affine)


def test_the_first_voxel_lies_at_the_origin_and_the_axes_step_in_lps() -> None:
    assert AXIAL.to_lps(np.array([0, 0, 0])).tolist() == [-100.0, -120.0, 30.0]
    assert AXIAL.to_lps(np.array([1, 0, 0])).tolist() == [-100.0, -120.0, 35.0]  # a slice up: superior
    assert AXIAL.to_lps(np.array([0, 1, 0])).tolist() == pytest.approx([-100.0, -119.3, 30.0])  # a row down: posterior
    assert AXIAL.to_lps(np.array([0, 0, 1])).tolist() == [-99.5, -120.0, 30.0]  # a column right: left


def test_points_agree_with_simpleitk() -> None:
    geometry = rotated(25, (5.0, 0.7, 0.5))
    image = SimpleITK.Image([40, 30, 20], SimpleITK.sitkUInt8)  # SimpleITK's index is (column, row, slice)
    image.SetSpacing([0.5, 0.7, 5.0])
    image.SetOrigin(geometry.to_lps(np.zeros(3)).tolist())
    directions = geometry.affine[:3, :3] / geometry.steps
    image.SetDirection(directions[:, ::-1].flatten().tolist())
    for index in ([3, 7, 11], [19, 0, 39]):
        expected = image.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])
        assert geometry.to_lps(np.array(index)) == pytest.approx(expected)


@given(st.tuples(*[st.floats(-500, 500)] * 3), st.floats(-80, 80))
def test_an_index_comes_back_from_lps(index: tuple[float, float, float], degrees: float) -> None:
    geometry = rotated(degrees, (3.0, 0.8, 0.9))
    assert geometry.to_index(geometry.to_lps(np.array(index))) == pytest.approx(np.array(index), abs=1e-6)


def test_spacing_and_volume_do_not_change_when_the_scan_is_turned() -> None:
    turned = rotated(33, (5.0, 0.7, 0.5))
    assert turned.spacing_mm == pytest.approx((5.0, 0.7, 0.5))
    assert turned.voxel_ml == pytest.approx(5.0 * 0.7 * 0.5 / 1000)
    assert not turned.close_to(AXIAL)


def test_orientation_names_where_the_indices_grow() -> None:
    assert AXIAL.orientation == "SPL"
    flipped = AXIAL.affine.copy()
    flipped[:, 0] *= -1
    assert Geometry(flipped).orientation == "IPL"


def test_a_picture_has_no_millimetres_and_says_what_to_do() -> None:
    picture = Geometry.pixels()
    with pytest.raises(NoScaleError) as error:
        _ = picture.spacing_mm
    assert "DICOM" in error.value.hint.text()
    assert volume(geometry=picture).spacing_mm is None


def test_a_radiograph_has_detector_millimetres_but_no_millilitres() -> None:
    radiograph = Geometry.from_spacing((1.0, 0.14, 0.14), scale=Scale.DETECTOR)
    assert radiograph.spacing_mm == (1.0, 0.14, 0.14)
    with pytest.raises(NoScaleError):
        _ = radiograph.voxel_ml


@pytest.mark.parametrize("bad", [np.zeros((4, 4)), np.eye(3), np.full((4, 4), np.nan)], ids=["flat", "3×3", "NaN"])
def test_an_impossible_position_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(GeometryError):
        Geometry(bad)


def test_arrays_cannot_be_changed_behind_the_back_of_a_record() -> None:
    voxels = np.zeros((2, 3, 4), np.int16)
    scan = volume(voxels)
    with pytest.raises(ValueError, match="read-only"):
        scan.voxels[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        scan.geometry.affine[0, 0] = 1
    voxels[0, 0, 0] = 1  # the caller's own array stays theirs


def test_a_volume_tells_its_shape_without_the_colour_axis() -> None:
    scan = volume(np.zeros((1, 5, 6, 3), np.uint8), unit=Unit.RGB, acquired_on=date(2020, 1, 2))
    assert scan.shape == (1, 5, 6)
    assert volume(np.array([[[-3, 7]]], np.int16)).value_range == (-3.0, 7.0)


@pytest.mark.parametrize(
    ("voxels", "unit"),
    [
        (np.zeros((3, 4)), Unit.GREY),
        (np.zeros((0, 3, 4)), Unit.GREY),
        (np.zeros((1, 3, 4, 4), np.uint8), Unit.RGB),
        (np.full((1, 2, 2), np.nan), Unit.GREY),
        (np.full((1, 2, 2), np.inf), Unit.HU),
    ],
    ids=["two axes", "empty", "four colours", "NaN", "infinite"],
)
def test_what_is_no_scan_is_refused(voxels: np.ndarray, unit: Unit) -> None:
    with pytest.raises(InvalidVolumeError):
        volume(voxels, unit=unit)


def test_a_flat_box_of_exact_millimetres_is_not_believed() -> None:
    flat, cube = (24, 256, 256), (240, 240, 240)
    unit = Geometry.from_spacing((1.0, 1.0, 1.0))
    assert unit.is_placeholder(flat)
    assert not unit.is_placeholder(cube)
    assert not Geometry.from_spacing((1.0, 0.9, 0.9)).is_placeholder(flat)
    assert not Geometry.from_spacing((1.0, 1.0, 1.0), scale=Scale.NONE).is_placeholder(flat)


def test_a_window_runs_half_its_width_to_either_side() -> None:
    lung = Window(centre=-600, width=1500)
    assert (lung.low, lung.high) == (-1350, 150)


def test_a_mask_measures_the_same_millilitres_at_two_spacings_and_under_a_flip() -> None:
    coarse = np.zeros((10, 10, 10), np.uint8)
    coarse[2:6, 2:6, 2:6] = 1  # 4 × 4 × 4 voxels of 2 mm: 512 mm³
    fine = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    at_2_mm = Mask(coarse, {1: "lesion"}, Geometry.from_spacing((2, 2, 2)))
    at_1_mm = Mask(fine, {1: "lesion"}, Geometry.from_spacing((1, 1, 1)))
    flipped = Mask(
        coarse[::-1], {1: "lesion"}, Geometry(Geometry.from_spacing((2, 2, 2)).affine @ np.diag([-1, 1, 1, 1]))
    )
    assert at_2_mm.volume_ml(1) == pytest.approx(0.512)
    assert at_1_mm.volume_ml(1) == pytest.approx(0.512)
    assert flipped.volume_ml(1) == pytest.approx(0.512)


def test_a_mask_with_a_nameless_label_or_no_labels_is_refused() -> None:
    with pytest.raises(InvalidVolumeError, match="label 2"):
        Mask(np.full((1, 1, 1), 2, np.uint8), {1: "lesion"}, AXIAL)
    with pytest.raises(InvalidVolumeError, match="float"):
        Mask(np.zeros((1, 1, 1)), {}, AXIAL)

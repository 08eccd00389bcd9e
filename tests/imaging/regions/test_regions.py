"""Regions on phantoms whose truth is known, on empty scans, and on real ones."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from medcore.errors import CancelledError, UnfitInputError, UnknownNameError
from medcore.imaging.phantoms.brain_mr import INNER_SKULL, SKIN, brain_mr
from medcore.imaging.phantoms.chest_ct import axial, chest_ct
from medcore.imaging.phantoms.shapes import Ellipsoid, Stack, grid
from medcore.imaging.phantoms.thorax import Build, Thorax, thorax
from medcore.imaging.preparing import apply_recipe
from medcore.imaging.regions import Region, RegionMask, load_regions, segment
from medcore.recipes import Recipe, RecipeStep
from medcore.settings import Settings
from medcore.shell.read import read_paths
from medcore.volume import Geometry, Unit, Volume

CHEST_SHAPE, CHEST_MM = (48, 128, 128), (5.5, 2.75, 2.75)
HEAD_SHAPE, HEAD_MM = (60, 108, 90), (2.2, 2.2, 2.2)
REGIONS = load_regions()
Inside = NDArray[np.bool_]


def dice(one: Inside, other: Inside) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def within(solid: Stack | Ellipsoid, geometry: Geometry, shape: tuple[int, int, int]) -> Inside:
    region = tuple(slice(0, n) for n in shape)
    return np.broadcast_to(solid.distance(grid(geometry, region)) <= 0, shape)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def chest() -> tuple[Volume, Thorax]:
    geometry = axial(CHEST_SHAPE, CHEST_MM, centre_mm=(0.0, 5.0, -22.0))
    return chest_ct([], geometry, CHEST_SHAPE).volume, thorax(Build(), 1.7)


@pytest.fixture(scope="module")
def head() -> Volume:
    return brain_mr([], axial(HEAD_SHAPE, HEAD_MM, centre_mm=(0.0, 0.0, 14.0)), HEAD_SHAPE).volume


def inside_of(found: RegionMask) -> Inside:
    return np.asarray(found.mask.labels > 0)


def test_the_body_of_a_chest_is_found_without_the_couch(chest: tuple[Volume, Thorax]) -> None:
    scan, anatomy = chest
    found = segment("body", scan)
    truth = within(anatomy.body[0], scan.geometry, scan.shape)
    assert dice(inside_of(found), truth) > 0.97
    assert found.quality > 0.9
    assert found.volumes_ml["Body"] == pytest.approx(truth.sum() * scan.geometry.voxel_ml, rel=0.04)


def test_lungs_are_found_with_right_on_the_right(chest: tuple[Volume, Thorax]) -> None:
    scan, anatomy = chest
    found = segment("lungs", scan)
    truths = []
    for lung in anatomy.lungs:
        truth = within(lung, scan.geometry, scan.shape).copy()
        for organ in (*anatomy.domes, *anatomy.heart, *anatomy.mediastinum, anatomy.aorta):
            truth &= ~within(organ, scan.geometry, scan.shape)
        truths.append(truth)
    assert dice(found.mask.labels == 1, truths[0]) > 0.94
    assert dice(found.mask.labels == 2, truths[1]) > 0.94
    assert found.quality >= 0.7


@pytest.mark.slow
@pytest.mark.parametrize("plane", ["sagittal"])
def test_lungs_and_sides_are_the_same_in_another_orientation(chest: tuple[Volume, Thorax], plane: str) -> None:
    turned = apply_recipe(Recipe((RecipeStep("reorient", {"plane": plane}),)), chest[0]).volume
    one, other = segment("lungs", chest[0]), segment("lungs", turned)
    for side, ml in one.volumes_ml.items():
        assert other.volumes_ml[side] == pytest.approx(ml, rel=0.03)


def test_bone_is_found_with_the_marrow_of_the_vertebrae(chest: tuple[Volume, Thorax]) -> None:
    scan, anatomy = chest
    found = segment("bone", scan)
    inside = inside_of(found)
    for vertebra in anatomy.vertebrae[2:6]:
        truth = within(vertebra, scan.geometry, scan.shape)
        assert (inside & truth).sum() > 0.85 * truth.sum()
    cortex = anatomy.bones.fill(scan.geometry, scan.shape)
    assert inside[cortex > 0.4].mean() > 0.95
    lungs = inside_of(segment("lungs", scan))
    assert (inside & lungs).sum() < 0.03 * inside.sum()


def test_brain_and_head_are_told_apart(head: Volume) -> None:
    brain, whole = segment("brain", head), segment("body", head)
    assert dice(inside_of(brain), within(INNER_SKULL, head.geometry, head.shape)) > 0.92
    assert dice(inside_of(whole), within(SKIN, head.geometry, head.shape)) > 0.95
    assert not (inside_of(brain) & ~inside_of(whole)).any()
    assert brain.quality > 0.9


@pytest.mark.slow
def test_the_same_brain_measures_the_same_on_other_voxels(head: Volume) -> None:
    finer = apply_recipe(Recipe((RecipeStep("resample", {"in_plane": 1.5, "between": 3.0}),)), head).volume
    assert segment("brain", finer).volumes_ml["Brain"] == pytest.approx(
        segment("brain", head).volumes_ml["Brain"], rel=0.06
    )


@pytest.mark.slow
@pytest.mark.parametrize("gain", [40.0])
def test_the_brain_does_not_depend_on_the_scale_of_an_mr(head: Volume, gain: float) -> None:
    other = replace(head, voxels=(head.voxels * gain).astype(np.float32))
    assert dice(inside_of(segment("brain", other)), inside_of(segment("brain", head))) > 0.98


def test_a_body_cut_off_at_the_sides_is_worth_less(chest: tuple[Volume, Thorax]) -> None:
    scan, _ = chest
    cut = apply_recipe(Recipe((RecipeStep("crop", {"columns_start": 45, "rows_start": 45}),)), scan).volume
    assert segment("body", cut).quality < segment("body", scan).quality - 0.1


@pytest.mark.parametrize(("name", "region"), REGIONS.items())
def test_a_region_describes_itself_and_refuses_what_it_is_not_made_for(name: str, region: Region) -> None:
    assert region.title and region.summary.endswith(".")
    assert set(region.names) and 0 not in region.names
    picture = Volume(np.zeros((1, 9, 9), np.uint8), Unit.GREY, "", Geometry.pixels())
    with pytest.raises(UnfitInputError) as refused:
        segment(name, picture)
    assert refused.value.hint.text()


@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("shape", [(8, 40, 40), (1, 40, 40), (2, 3, 3)])
def test_an_empty_scan_gives_an_empty_mask_of_quality_0_and_the_reason(name: str, shape: tuple[int, int, int]) -> None:
    modality = REGIONS[name].modalities[0]
    unit = Unit.HU if modality == "CT" else Unit.GREY
    air = Volume(
        np.full(shape, -1000 if unit is Unit.HU else 0, np.int16), unit, modality, Geometry.from_spacing((3, 2, 2))
    )
    found = segment(name, air)
    assert found.quality == 0
    assert not found.mask.labels.any()
    assert found.reasons[0].message.text()


@pytest.mark.parametrize("name", REGIONS)
def test_noise_alone_is_no_bug_and_of_little_worth(name: str) -> None:
    modality = REGIONS[name].modalities[0]
    noise = np.random.default_rng(5).normal(-600 if modality == "CT" else 100, 60, (12, 48, 48))
    unit = Unit.HU if modality == "CT" else Unit.GREY
    found = segment(name, Volume(noise.astype(np.int16), unit, modality, Geometry.from_spacing((3, 2, 2))))
    assert 0 <= found.quality < 0.8


def test_it_stops_when_cancelled_and_an_unknown_region_is_named(head: Volume) -> None:
    with pytest.raises(CancelledError):
        segment("body", head, cancelled=lambda: True)
    with pytest.raises(UnknownNameError, match="spleen"):
        segment("spleen", head)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 3])  # the part of the second patient holds no nodule of the table
def test_lungs_of_real_patients_hold_their_nodules(shared_data: Path, number: int) -> None:
    folder = shared_data / "ct_lidc_partial"
    reading = read_paths([folder / f"LIDC-IDRI-{number:04d}.zip"], Settings(decode_workers=1))
    scan = max((found.volume for found in reading.found), key=lambda volume: volume.voxels.size)
    found = segment("lungs", scan)
    assert found.quality >= 0.7
    with (folder / "nodules.csv").open(encoding="utf-8") as file:
        places = [[float(row[f"coord{axis}"]) for axis in "XYZ"] for row in csv.DictReader(file)]
    index = np.rint(scan.geometry.to_index(np.array(places))).astype(int)
    inside = index[np.all((index >= 0) & (index < scan.shape), axis=1)]
    assert len(inside)
    assert all(found.mask.labels[s, r - 25 : r + 25, c - 25 : c + 25].any() for s, r, c in inside)

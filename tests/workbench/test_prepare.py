"""Previews, derived scans that are kept with their recipe, and regions that become masks."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from medcore.errors import CancelledError, NotFoundError, RecipeError, UnfitInputError
from medcore.imaging.phantoms.brain_mr import brain_mr
from medcore.imaging.phantoms.chest_ct import axial
from medcore.imaging.preparing import apply_recipe
from medcore.recipes import Recipe, RecipeStep, as_toml
from medcore.records import Study
from medcore.store.studies import NewScan, NewStudy
from medcore.volume import Geometry, Mask, MaskOrigin, Unit, Volume
from medcore.workbench.prepare import histogram
from medcore.workbench.workbench import Workbench

SHAPE = (30, 54, 45)
RECIPE = Recipe(
    (RecipeStep("resample", {"in_plane": 3.0, "between": 6.0}), RecipeStep("zscore", {"over": "foreground"})), "Mine"
)
Put: TypeAlias = Callable[[Volume], Study]


@pytest.fixture(scope="module")
def head() -> Volume:
    scan = brain_mr([], axial(SHAPE, (4.4, 4.4, 4.4), centre_mm=(0.0, 0.0, 14.0)), SHAPE).volume
    return replace(scan, sha256="5" * 64)


@pytest.fixture
def put(workbench: Workbench) -> Put:
    def stored(scan: Volume) -> Study:
        new = NewStudy("Head", (NewScan(scan, thumbnail=b"x"),), key="K", patient="P")
        return workbench.store.add_studies([new])[0].study

    return stored


def test_a_preview_of_a_fast_recipe_is_the_result_itself(workbench: Workbench, head: Volume) -> None:
    tried = workbench.prepare.preview(head, RECIPE)
    assert tried.whole
    assert tried.after.sha256 == apply_recipe(RECIPE, head).volume.sha256
    assert tried.lost is None
    assert {"detail_lost"} <= {note.code for note in tried.notes}


def test_a_preview_shows_what_is_cut_off(workbench: Workbench, head: Volume) -> None:
    tried = workbench.prepare.preview(head, Recipe((RecipeStep("crop", {"rows_start": 10}),)))
    assert tried.lost is not None
    np.testing.assert_array_equal(np.unique(np.argwhere(tried.lost.labels)[:, 1]), np.arange(10))


def test_a_result_is_kept_beside_the_original_with_recipe_and_masks(
    workbench: Workbench, head: Volume, put: Put
) -> None:
    study = put(head)
    (original,) = study.scans
    labels = np.zeros(SHAPE, np.uint8)
    labels[10:20, 10:30, 10:30] = 1
    mask = Mask(labels, {1: "Lesion"}, head.geometry)
    workbench.store.save_mask(original.id, mask, name="Lesion", origin=MaskOrigin.DRAWN)
    told: list[float] = []
    derived = workbench.prepare.save(study.id, original.id, RECIPE, progress=lambda share, stage: told.append(share))
    again = workbench.studies.get(study.id)
    assert [scan.id for scan in again.scans] == [original.id, derived.scan.id]
    assert again.patient == "P"
    assert derived.scan.name == "T1 postcontrast · Mine"
    kept = workbench.studies.volume(derived.scan.id)
    assert kept.sha256 == apply_recipe(RECIPE, head).volume.sha256
    assert kept.facts["derived_from"] == original.id
    recipe = workbench.prepare.recipe_of(kept)
    assert recipe is not None
    assert recipe.title == "Mine"
    assert recipe.sha256 == kept.facts["recipe_sha256"] == workbench.prepare.read_recipe(as_toml(RECIPE)).sha256
    assert workbench.prepare.recipe_of(workbench.studies.volume(original.id)) is None
    (carried,) = workbench.studies.masks(derived.scan.id)
    assert carried.origin is MaskOrigin.DRAWN
    assert workbench.studies.mask(carried.id).volume_ml(1) == pytest.approx(mask.volume_ml(1), rel=0.15)
    assert told == sorted(told)
    assert workbench.studies.thumbnail(derived.scan.id)
    assert "detail_lost" in {issue.code for issue in derived.scan.issues}


def test_the_same_recipe_twice_is_one_scan_and_a_derived_scan_can_be_prepared_again(
    workbench: Workbench, head: Volume, put: Put
) -> None:
    study = put(head)
    first = workbench.prepare.save(study.id, study.scans[0].id, RECIPE)
    second = workbench.prepare.save(study.id, study.scans[0].id, RECIPE)
    assert (first.known, second.known, second.scan.id) == (False, True, first.scan.id)
    third = workbench.prepare.save(study.id, first.scan.id, Recipe((RecipeStep("gamma"),)))
    assert len(workbench.studies.get(study.id).scans) == 3
    assert workbench.studies.volume(third.scan.id).facts["derived_from"] == first.scan.id


def test_nothing_is_kept_when_it_fails_is_cancelled_or_the_study_is_gone(
    workbench: Workbench, head: Volume, put: Put
) -> None:
    study = put(head)
    scan = study.scans[0].id
    with pytest.raises(CancelledError):
        workbench.prepare.save(study.id, scan, RECIPE, cancelled=lambda: True)
    with pytest.raises(RecipeError):
        workbench.prepare.save(study.id, scan, Recipe((RecipeStep("crop", {"rows_start": 999}),)))
    assert workbench.studies.get(study.id) == study
    workbench.studies.delete(study.id)
    with pytest.raises(NotFoundError):
        workbench.prepare.save(study.id, scan, RECIPE)
    with pytest.raises(NotFoundError):
        new = NewScan(head, thumbnail=b"x")
        workbench.store.add_studies([NewStudy("", (new,), joins=study.id)])
    assert workbench.studies.list() == ()


def test_steps_and_regions_say_what_this_scan_cannot_take(workbench: Workbench, head: Volume) -> None:
    ct = replace(head, modality="CT", unit=Unit.HU)
    reasons = {step.id: step.reason for step in workbench.prepare.steps(ct)}
    assert reasons["n4"] is not None
    assert reasons["gamma"] is None
    regions = {region.id: region.reason is None for region in workbench.prepare.regions(ct)}
    assert regions == {"body": True, "bone": True, "brain": False, "lungs": True}
    with pytest.raises(UnfitInputError):
        workbench.prepare.preview(ct, Recipe((RecipeStep("n4"),)))


def test_a_window_is_set_within_the_values_of_the_scan(workbench: Workbench, head: Volume) -> None:
    window = next(step for step in workbench.prepare.steps(head) if step.id == "window")
    centre = window.parameters[0]
    low, high = head.value_range
    assert (centre.low, centre.high) == (np.floor(low), np.ceil(high))
    assert 0 < centre.step < (high - low) / 50


@pytest.mark.parametrize("modality", ["CT", "MR", "DX", "", "US"])
def test_every_modality_has_presets_that_are_in_order(workbench: Workbench, modality: str) -> None:
    recipes = workbench.prepare.presets(modality)
    assert recipes
    assert all(recipe.title and recipe.steps for recipe in recipes)


def test_a_region_is_kept_as_a_mask_of_the_scan(workbench: Workbench, head: Volume, put: Put) -> None:
    study = put(head)
    region = workbench.prepare.find_region(study.id, study.scans[0].id, "body")
    assert workbench.studies.masks(study.scans[0].id) == ()
    facts = workbench.prepare.keep_region(region, name="Körper", labels={1: "Körper"})
    assert facts.origin is MaskOrigin.REGION
    kept = workbench.studies.mask(facts.id)
    np.testing.assert_array_equal(kept.labels, region.found.mask.labels)
    assert kept.names == {1: "Körper"}


def test_a_histogram_counts_every_voxel_between_the_tails() -> None:
    made = histogram(np.repeat(np.array([0, 10, 20, 30], np.int16), [100, 200, 300, 400]).reshape(1, 10, 100))
    filled = made.percent[made.percent > 0]
    np.testing.assert_allclose(filled, [10, 20, 30, 40])
    flat = histogram(np.full((1, 4, 4), 7))
    assert flat.percent.sum() == pytest.approx(100)


def test_a_picture_without_scale_can_be_prepared_and_kept(workbench: Workbench, put: Put) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (1, 80, 60), dtype=np.uint8)
    study = put(Volume(grey, Unit.GREY, "", Geometry.pixels(), name="picture"))
    chest = workbench.prepare.presets("")[0]
    derived = workbench.prepare.save(study.id, study.scans[0].id, chest)
    assert derived.scan.spacing_mm is None
    assert derived.scan.value_range == pytest.approx((0, 1), abs=0.05)
